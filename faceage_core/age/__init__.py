"""Apparent age: the distribution over bins and the figures read off it."""

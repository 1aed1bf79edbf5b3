"""Describe a prepared data set: statistics, plots, and an HTML page that shows them."""

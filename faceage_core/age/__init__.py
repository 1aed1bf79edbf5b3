"""Apparent age: distributions over age bins, their calibration and summary figures."""

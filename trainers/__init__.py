"""Preparing data sets, training and evaluating age models, and submitting jobs, on Ray."""

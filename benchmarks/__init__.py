"""Measurements of speed, memory and accuracy. Each module with a `main` prints one report."""

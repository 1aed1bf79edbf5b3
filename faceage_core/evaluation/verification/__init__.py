"""Evaluation of identity decisions."""

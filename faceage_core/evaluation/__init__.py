"""Evaluation of models: metrics of age estimates and of identity decisions."""

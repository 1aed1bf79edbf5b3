"""How good a model is: metrics of ages and of identity decisions."""

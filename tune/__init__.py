"""Hyperparameter sweeps over the training, with Ray Tune."""

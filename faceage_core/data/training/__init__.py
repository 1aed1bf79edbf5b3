"""The images of a prepared data set, loaded and augmented for training."""

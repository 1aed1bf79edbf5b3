"""Ray Train: fine-tuning of age models."""

"""A model and batches in, a trained model out."""

"""Cleaned text in, batches of token ids out."""

"""Texts to vectors, from a pretrained encoder as it is or from a fine-tuned model."""

from plaudit.embed.embedder import Embedder
from plaudit.embed.writing import Embedded, embed

__all__ = ["Embedded", "Embedder", "embed"]

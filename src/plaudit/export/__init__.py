"""A trained model in another format: written, compared with the original, and only then named."""

from plaudit.export.write import Exported, Format, export, lines

__all__ = ["Exported", "Format", "export", "lines"]

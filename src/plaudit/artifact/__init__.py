"""The model folder: a Hugging Face directory plus ``plaudit.json``; saved, loaded, verified."""

from plaudit.artifact.load import Loaded, load
from plaudit.artifact.manifest import (
    add,
    check_unedited,
    files_of,
    has_pages,
    read_spec,
    verify,
    weights_sha256,
)
from plaudit.artifact.save import save, save_exported
from plaudit.artifact.spec import (
    GRAPH,
    MANIFEST,
    NGRAMS,
    OWN_WEIGHTS,
    PAGES,
    PRINTS,
    WEIGHTS,
    Gate,
    Origin,
    Spec,
    refuse_pairs,
    versions,
)

__all__ = [
    "GRAPH",
    "MANIFEST",
    "NGRAMS",
    "OWN_WEIGHTS",
    "PAGES",
    "PRINTS",
    "WEIGHTS",
    "Gate",
    "Loaded",
    "Origin",
    "Spec",
    "add",
    "check_unedited",
    "files_of",
    "has_pages",
    "load",
    "read_spec",
    "refuse_pairs",
    "save",
    "save_exported",
    "verify",
    "versions",
    "weights_sha256",
]

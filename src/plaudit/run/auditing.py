"""The look at the training rows that a run's report holds."""

from __future__ import annotations

from typing import Any

from plaudit.audit import audit_rows
from plaudit.audit.lengths import lengths_of
from plaudit.config import Config
from plaudit.run.material import Data
from plaudit.run.sparing import spared
from plaudit.run.watching import Watcher
from plaudit.text.encode import TextEncoder


def audited(
    config: Config, data: Data, encoder: TextEncoder, watcher: Watcher
) -> dict[str, Any] | None:
    """Audit the training rows, whose texts are read and whose tokens are counted already.

    Parameters
    ----------
    config : Config
    data : Data
    encoder : TextEncoder
    watcher : Watcher

    Returns
    -------
    dict or None
        The section ``audit`` of a report; None with ``report.audit = false``. What goes wrong is
        told in it under ``failed``.
    """
    if not config.report.audit:
        return None
    if config.data.multilabel:
        return {"failed": "the audit knows one label a text so far."}
    prepared = data.prepared

    rows = prepared.train.shown()

    def looked() -> dict[str, Any]:
        lengths = lengths_of(data.train.full_N, config.model.encoder, config.text, encoder.limit)
        found = audit_rows(prepared.provenance.asked, rows, prepared.labels, lengths)
        return found.to_dict()

    watcher.say(f"Auditing the {len(prepared.train):,} training texts.")
    return spared("the training texts could not be audited", looked, watcher.say)

"""The one reading of the test set, whichever kind of answers a model gives."""

from __future__ import annotations

from pathlib import Path

from plaudit.config import Config
from plaudit.data.prepare import Prepared
from plaudit.errors import PlauditError
from plaudit.run import label_sets, testing
from plaudit.run.testing import Tested
from plaudit.run.watching import Watcher


def examine(model: Path, prepared: Prepared, config: Config, watcher: Watcher) -> Tested | None:
    """Score the artefact on the test set; where that cannot be used, say that the model is saved.

    Parameters
    ----------
    model : Path
        The artefact.
    prepared : Prepared
    config : Config
    watcher : Watcher

    Returns
    -------
    Tested or None
        None when nothing was held out.
    """
    test = label_sets.test if config.data.multilabel else testing.test
    try:
        return test(model, prepared, config, watcher.say)
    except PlauditError as error:
        # What was trained is not lost with a bad row in the test data.
        raise type(error)(
            f"{error}\nThe test set cannot be used, so there is no report. The model is saved: "
            f"plaudit evaluate {model} DATA"
        ) from error

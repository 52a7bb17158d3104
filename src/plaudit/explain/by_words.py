"""Texts that a model of words answers alone, explained: of the encoder nothing is asked.

Axes: N texts, C classes.
"""

from __future__ import annotations

import numpy as np
import torch

from plaudit.explain.attribution import Attributed, Choose, chosen, log_odds, mean_slopes
from plaudit.explain.reading import Reading
from plaudit.explain.records import Method


def by_words(reading: Reading, target: int | Choose, method: Method, steps: int) -> Attributed:
    """Follow the log-odds from the logits of no words to those of all of a text's.

    Parameters
    ----------
    reading : Reading
        What is beside is all that counts.
    target : int or callable
        One label, or how each text's is chosen from its logits.
    method : {"gradient", "integrated-gradients"}
        The gradient halfway; or the whole path, and then the log-odds of no words are told, too.
    steps : int
        Points on the whole path.

    Returns
    -------
    Attributed
    """
    words, whole = reading.beside, method != "gradient"
    assert words is not None  # noqa: S101 - asked only where there is one
    whole_NC = torch.as_tensor(words.logits_NC)
    empty_NC = torch.as_tensor(words.empty_C).expand_as(whole_NC)
    targets_N = torch.as_tensor(chosen(words.logits_NC, target))
    paths = zip(*(torch.split(each, 1) for each in (empty_NC, whole_NC, targets_N)), strict=True)
    return Attributed(
        scores_S=np.zeros(len(reading.encoded.ids)),
        logits_NC=words.logits_NC,
        slopes_NC=np.stack(
            [mean_slopes(a_1C, b_1C, own_1, steps if whole else 1) for a_1C, b_1C, own_1 in paths]
        ),
        targets_N=targets_N.numpy(),
        baseline_N=log_odds(empty_NC, targets_N).numpy() if whole else None,
    )

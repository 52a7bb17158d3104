"""Balance classes by drawing texts more than once, or fewer of them.

Axes: N texts, C classes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from plaudit.text.sampling import Draw

Resampling = Literal["oversample", "undersample"]


def wanted(counts_C: np.ndarray, method: Resampling, ratio: float) -> np.ndarray:
    """Say how many texts of each class an epoch has.

    Parameters
    ----------
    counts_C : ndarray of int64
    method : {"oversample", "undersample"}
        oversample: smaller classes grow. undersample: larger ones shrink.
    ratio : float, in (0, 1]
        Texts of the smallest class to those of the largest at least; 1: all alike.

    Returns
    -------
    ndarray of int64, shape (C,)

    Examples
    --------
    >>> wanted(np.array([100, 10, 60]), "oversample", 0.5)
    array([100,  50,  60])
    >>> wanted(np.array([100, 10, 60]), "undersample", 0.5)
    array([20, 10, 20])
    """
    sizes_C: np.ndarray = (
        np.maximum(counts_C, np.round(counts_C.max() * ratio))
        if method == "oversample"
        else np.minimum(counts_C, np.round(counts_C.min() / ratio))
    )
    return sizes_C.astype(np.int64)


def drawn(targets_N: np.ndarray, method: Resampling, ratio: float, seed: int) -> Draw:
    """Draw each epoch's texts so that its classes are balanced.

    Oversampled, each text of a class comes equally often, up to one; undersampled, other texts
    of a large class come each epoch.

    Parameters
    ----------
    targets_N : ndarray of int64
    method : {"oversample", "undersample"}
    ratio : float, in (0, 1]
    seed : int
        Same seed and epoch, same texts.

    Returns
    -------
    callable
        From an epoch's number to the positions of its texts.
    """
    classes_C, counts_C = np.unique(targets_N, return_counts=True)
    sizes_C = wanted(counts_C, method, ratio)
    members = [np.flatnonzero(targets_N == c) for c in classes_C]

    def draw(epoch: int) -> np.ndarray:
        random = np.random.default_rng([seed, epoch, 1])
        parts = []
        for own, size in zip(members, sizes_C.tolist(), strict=True):
            whole, rest = divmod(size, len(own))
            parts += [np.tile(own, whole), random.permutation(own)[:rest]]
        return np.sort(np.concatenate(parts))

    return draw


def prior_shift(counts_C: np.ndarray, seen_C: np.ndarray) -> np.ndarray:
    """Return what to add to logits learnt on other class shares, so that they fit the real ones.

    Parameters
    ----------
    counts_C : ndarray of int64
        Texts of each class in the data.
    seen_C : ndarray of float64
        Weight of each class in training: texts drawn, or texts times their weight.

    Returns
    -------
    ndarray of float64, shape (C,)

    Notes
    -----
    Source: Saerens, Latinne and Decaestecker 2002, "Adjusting the Outputs of a Classifier to New a
    Priori Probabilities", equation 2.4, in logarithms.
    """
    real_C, shown_C = counts_C / counts_C.sum(), seen_C / seen_C.sum()
    shift_C: np.ndarray = np.log(real_C) - np.log(shown_C)
    return shift_C

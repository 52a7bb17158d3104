"""How optuna is used: quiet, with a sampler of its own seed for each trial, and a pruner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from plaudit.errors import MissingExtra
from plaudit.tune.records import Pruner

if TYPE_CHECKING:
    import optuna

RANDOM_FIRST = 5
"""Trials at random before the sampler learns from them."""
COMPARED = 3
"""Complete trials before the median of them stops another."""


def need_optuna() -> Any:
    """Return optuna, which from then on says nothing of its own.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("plaudit tune", "tune") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def pruner(name: Pruner, most: int) -> optuna.pruners.BasePruner:
    """Return what stops trials that have so many validations at most."""
    from optuna import pruners

    match name:
        case "median":
            # Before half of its validations a slow warm-up or a low rate lags behind by nature.
            return pruners.MedianPruner(n_startup_trials=COMPARED, n_warmup_steps=(most + 1) // 2)
        case "hyperband":
            return pruners.HyperbandPruner(min_resource=1, max_resource=max(1, most))
        case _:
            return pruners.NopPruner()


def sampler(seed: int, begun: int) -> optuna.samplers.TPESampler:
    """Return what proposes the trial after so many others."""
    from optuna.samplers import TPESampler

    own = int(np.random.SeedSequence([seed, begun]).generate_state(1)[0])
    return TPESampler(n_startup_trials=RANDOM_FIRST, seed=own)

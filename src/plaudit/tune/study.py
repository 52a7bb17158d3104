"""The study: which settings are tried next, and all that is known of those tried. optuna inside.

One SQLite file, one process that writes to it. Trials are proposed by a sampler that is seeded anew
for each of them, so that what is interrupted goes on with the very proposals of an uninterrupted
one, as long as trials are made one after the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plaudit.tune.records import Direction, Ended, Order, Result
from plaudit.tune.space import Dimension, drawn
from plaudit.tune.strategy import need_optuna, pruner, sampler

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

DATABASE = "study.db"
_RECIPE, _VALUES, _AGAIN = "recipe", "values", "again"
_OUTCOME, _FACTS, _WHY = "outcome", "facts", "why"


class Study:
    """What has been tried, in ``study.db``.

    Parameters
    ----------
    study : optuna.Study
    space : sequence of Dimension
    seed : int
    """

    def __init__(self, study: optuna.Study, space: Sequence[Dimension], seed: int) -> None:
        self._study, self._space, self._seed = study, space, seed
        self._running: dict[int, optuna.Trial] = {}

    def recover(self) -> list[int]:
        """Mark trials that were cut off as failed, and have each of them tried again.

        Returns
        -------
        list of int
            Their numbers.
        """
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        queued = {trial.user_attrs.get(_AGAIN) for trial in trials}
        cut = [trial for trial in trials if trial.state == TrialState.RUNNING]
        for trial in cut:
            # Queued before it is marked: a crash in between loses nothing, and doubles nothing.
            if trial.number not in queued:
                marks = {_AGAIN: trial.number, _RECIPE: trial.user_attrs.get(_RECIPE, False)}
                self._study.enqueue_trial(trial.params, user_attrs=marks)
            self._study.tell(trial.number, state=TrialState.FAIL)
        self._running.clear()
        return [trial.number for trial in cut]

    def wanted(self, trials: int) -> int:
        """Return how many of so many trials have not been begun."""
        from optuna.trial import TrialState

        void = (TrialState.FAIL, TrialState.WAITING)
        known = self._study.get_trials(deepcopy=False)
        return max(0, trials - sum(trial.state not in void for trial in known))

    def ask(self) -> Order:
        """Begin a trial; the first is the recipe as it is."""
        from optuna.trial import TrialState

        known = self._study.get_trials(deepcopy=False)
        if not known:
            self._study.enqueue_trial({}, user_attrs={_RECIPE: True})
        begun = sum(trial.state not in (TrialState.FAIL, TrialState.WAITING) for trial in known)
        self._study.sampler = sampler(self._seed, begun)
        trial = self._study.ask()
        values = {} if trial.user_attrs.get(_RECIPE) else drawn(self._space, trial)
        trial.set_user_attr(_VALUES, values)
        self._running[trial.number] = trial
        return Order(trial.number, values)

    def validated(self, number: int, evaluation: int, value: float) -> bool:
        """Take an intermediate result; say whether the trial is to be pruned."""
        trial = self._running[number]
        trial.report(value, evaluation)
        return bool(trial.should_prune())

    def is_best(self, value: float) -> bool:
        """Say whether a value is better than those of all complete trials."""
        best = self.best()
        if best is None or best.value is None:
            return True
        return value < best.value if self.minimised else value > best.value

    def tell(self, ended: Ended) -> None:
        """Take a trial's end."""
        from optuna.trial import TrialState

        trial = self._running.pop(ended.number)
        trial.set_user_attr(_FACTS, ended.facts)
        trial.set_user_attr(_OUTCOME, ended.outcome)
        if ended.outcome == "complete":
            self._study.tell(trial, ended.value)
        else:
            # The sampler is to learn from what was refused or broke, as from what was pruned.
            self._study.tell(trial, state=TrialState.PRUNED)

    def results(self) -> list[Result]:
        """Return the trials that ended, in order; interrupted attempts are not among them."""
        return [
            _result(trial)
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished() and _OUTCOME in trial.user_attrs
            and trial.state.name != "FAIL"
        ]  # fmt: skip

    def best(self) -> Result | None:
        """Return the best complete trial, of equal ones the first that ended; None: there is none.

        It is the last for which :meth:`is_best` said yes.
        """
        complete = [found for found in self.results() if found.value is not None]
        if not complete:
            return None
        sign = 1.0 if self.minimised else -1.0
        return min(complete, key=lambda found: (sign * (found.value or 0.0), found.ended_at))

    def interrupted(self) -> int:
        """Return how many attempts were cut off and tried again."""
        return sum(trial.state.name == "FAIL" for trial in self._study.get_trials(deepcopy=False))

    @property
    def minimised(self) -> bool:
        """Whether less is better."""
        return bool(self._study.direction.name == "MINIMIZE")

    def importance(self) -> dict[str, float] | None:
        """Say which share of the variance of the result each setting explains, by fANOVA.

        Returns
        -------
        dict of str to float or None
            The largest first; only settings that counted in every complete trial. None where fewer
            than four trials or two values are complete: nothing can be told.

        Source: Hutter, Hoos and Leyton-Brown 2014, "An Efficient Approach for Assessing
        Hyperparameter Importance".
        """
        import optuna

        complete = [
            trial
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.name == "COMPLETE" and trial.params
        ]
        shared = [
            dimension.key
            for dimension in self._space
            if all(dimension.key in trial.params for trial in complete)
        ]
        if len(complete) < 4 or not shared or len({trial.value for trial in complete}) < 2:
            return None
        alone = optuna.create_study(direction=self._study.direction)
        alone.add_trials(complete)
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self._seed)
        found = optuna.importance.get_param_importances(alone, evaluator=evaluator, params=shared)
        return {key: float(share) for key, share in found.items()}


@contextmanager
def opened(folder: Path, space: Sequence[Dimension], direction: Direction) -> Iterator[Study]:
    """Open the study of a folder, or begin it.

    Parameters
    ----------
    folder : Path
    space : sequence of Dimension
    direction : Direction

    Yields
    ------
    Study

    Raises
    ------
    MissingExtra
        optuna is not installed.
    """
    optuna = need_optuna()
    path = folder / DATABASE
    # By a function: in a URL, some characters of a path would mean something else.
    connect = {"creator": lambda: sqlite3.connect(path, check_same_thread=False)}
    storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs=connect)
    try:
        study = optuna.create_study(
            storage=storage,
            study_name="tune",
            direction="minimize" if direction.minimised else "maximize",
            pruner=pruner(direction.pruner, direction.most),
            load_if_exists=True,
        )
        yield Study(study, space, direction.seed)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _result(trial: FrozenTrial) -> Result:
    facts = dict(trial.user_attrs[_FACTS])
    return Result(
        number=trial.number,
        outcome=trial.user_attrs[_OUTCOME],
        values=trial.user_attrs[_VALUES],
        value=trial.value if trial.state.name == "COMPLETE" else None,
        validations=[value for _, value in sorted(trial.intermediate_values.items())],
        why=facts.pop(_WHY, None),
        facts=facts,
        ended_at=trial.datetime_complete.isoformat() if trial.datetime_complete else "",
    )

"""Several seeds in one run: how far chance in training moves the result, and their ensemble.

The data is read, divided and encoded once, so that every seed is trained and tested on the same
rows. Each seed's folder is a run of its own; the one that is best on validation gives the run its
model. The test set stays shut until the last seed has been trained.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from plaudit import artifact
from plaudit.config import Config
from plaudit.data.cleaned import Rows
from plaudit.data.prepare import Prepared
from plaudit.evaluate import predictions
from plaudit.evaluate.decide import choose
from plaudit.evaluate.metrics import score
from plaudit.evaluate.predictions import Predictions, of_rows
from plaudit.model.classifier import ReviewClassifier
from plaudit.predict import Classifier
from plaudit.report.pages import pages
from plaudit.run import folder as folders
from plaudit.run import lock
from plaudit.run.auditing import audited
from plaudit.run.examining import examine
from plaudit.run.learning import new_model
from plaudit.run.material import Ready
from plaudit.run.members import Member, better, own_config, train_member
from plaudit.run.place import adopt, resumable
from plaudit.run.pretraining import FOLDER, pretrained
from plaudit.run.reporting import Facts, report
from plaudit.run.testing import Tested
from plaudit.run.watching import Stopwatch, Watcher

ENSEMBLE = "ensemble.parquet"
SEEDS = "seeds.json"


def train_seeds(
    config: Config, ready: Ready, watcher: Watcher, clock: Stopwatch, resume: Path | None = None
) -> tuple[Path, Path, dict[str, Any]]:
    """Train once a seed, choose on validation, then test them all, and their ensemble.

    Parameters
    ----------
    config : Config
        With ``seeds`` above 1.
    ready : Ready
    watcher : Watcher
    clock : Stopwatch
    resume : Path, optional
        The folder of such a run that ended before its time: seeds that have finished stay, the
        one that was cut short goes on where it was.

    Returns
    -------
    (Path, Path, dict)
        The run's folder, its model, and its report.
    """
    folder = resume or folders.begin(config)
    with lock.held(folder), resumable(folder, watcher.say):
        if resume:
            adopt(folder, config, watcher.say)
        with clock.stage("pretrain"):
            further = pretrained(config, ready, [folder / FOLDER], watcher)
        with clock.stage("train"):
            start = further.folder if further else None
            members, chosen, model = _trained(config, ready, (folder, start), watcher)
        final = _adopted(chosen.final, folder)
        tested, section = _tested(members, chosen, ready, (folder, final), (watcher, clock))
        made_of = Facts(
            config, ready.compute, ready.data.prepared, ready.data.train, model, chosen.trained,
            chosen.settled, tested, further.about if further else None,
        )  # fmt: skip
        with clock.stage("audit"):
            looked = audited(config, ready.data, ready.encoder, watcher)
        document = report(made_of, clock.read()) | {"seeds": section, "audit": looked}
        folders.put(folder / SEEDS, json.dumps(section, indent=1) + "\n")
        artifact.add(final, pages(document))
    return folder, final, document


def _tested(
    members: Sequence[Member],
    chosen: Member,
    ready: Ready,
    place: tuple[Path, Path],
    seen_by: tuple[Watcher, Stopwatch],
) -> tuple[Tested | None, dict[str, Any]]:
    """Open the test set for all seeds at once, when none is left to be trained."""
    (folder, final), (watcher, clock), prepared = place, seen_by, ready.data.prepared
    if prepared.test is not None:
        prepared.test.release()
    with clock.stage("test"):
        tested = examine(final, prepared, chosen.config, watcher)
        answers = _answers(members, chosen, prepared, tested)
    folders.keep_predictions(folder, tested)
    together = _kept(members, chosen, answers, folder)
    return tested, _section(members, chosen, answers, together)


def _trained(
    config: Config, ready: Ready, place: tuple[Path, Path | None], watcher: Watcher
) -> tuple[list[Member], Member, ReviewClassifier]:
    """Train and save every seed; of the models only the best so far stays in memory."""
    folder, start = place
    members: list[Member] = []
    chosen: tuple[Member, ReviewClassifier] | None = None
    for number in range(config.seeds):
        own = own_config(config, config.seed + number, folder)
        watcher.say(f"{folder}: seed {own.seed}, {number + 1} of {config.seeds}")
        model = new_model(own, ready.data.prepared.labels, ready.encoder, start)
        members.append(train_member(own, model, ready, watcher))
        if chosen is None or better(members[-1], chosen[0]):
            chosen = members[-1], model
    assert chosen is not None  # noqa: S101 - for mypy: there are two seeds at least
    return members, *chosen


def _adopted(chosen: Path, folder: Path) -> Path:
    """Make the chosen model the run's; the weights need their room on disk only once."""
    staged, final = folder / ".model", folder / "model"
    for leftover in (staged, final):  # of an attempt that ended before its report was written
        if leftover.exists():
            shutil.rmtree(leftover)
    shutil.copytree(chosen, staged, copy_function=_linked)
    return staged.rename(final)


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)
    return target


def _answers(
    members: Sequence[Member], chosen: Member, prepared: Prepared, tested: Tested | None
) -> list[Predictions]:
    """Return what each seed's saved model predicts of the test set; nothing without one."""
    if tested is None or prepared.test is None:
        return []
    rows, own = prepared.test.open(), tested.predictions
    assert isinstance(own, Predictions)  # noqa: S101 - for mypy: seeds give one label a text
    return [
        own if member is chosen else _answered(member, rows, prepared.labels) for member in members
    ]


def _answered(member: Member, rows: Rows, labels: tuple[str, ...]) -> Predictions:
    train = member.config.train
    classifier = Classifier.load(member.final, device=train.device, precision=train.precision)
    return of_rows(rows, classifier.answers(classifier.probabilities(rows.texts)), labels)


def _kept(
    members: Sequence[Member], chosen: Member, answers: Sequence[Predictions], folder: Path
) -> Predictions | None:
    """Keep each seed's predictions, and those of the mean of their probabilities.

    The ensemble answers by the chosen model's threshold or costs, or it could not be compared with
    seeds that have theirs.
    """
    if not answers:
        return None
    own_files = [member.folder / predictions.PREDICTIONS for member in members]
    for file in (*own_files, folder / ENSEMBLE):
        # Of an attempt that ended before its report was written; the run is being resumed.
        file.unlink(missing_ok=True)
    for file, own in zip(own_files, answers, strict=True):
        predictions.write(file, own)
    mean_NC = np.mean([own.probabilities_NC for own in answers], axis=0)
    predicted_N = choose(mean_NC, chosen.settled.decision.costs)
    together = replace(answers[0], probabilities_NC=mean_NC, predicted_N=predicted_N)
    predictions.write(folder / ENSEMBLE, together)
    return together


def _section(
    members: Sequence[Member],
    chosen: Member,
    answers: Sequence[Predictions],
    together: Predictions | None,
) -> dict[str, Any]:
    config = chosen.config
    tests = [_scores(own, config, bootstrap=0)["metrics"] for own in answers]
    values = [{name: each["value"] for name, each in test.items()} for test in tests]
    validations = [member.validation for member in members]
    return {
        "seeds": [member.config.seed for member in members],
        "chosen": config.seed,
        "chosen_by": f"validation {config.train.select}" if chosen.validation else None,
        "runs": [
            {
                "seed": member.config.seed,
                "folder": member.folder.name,
                "best_step": member.trained.best_step,
                "validation": validation and dict(validation),
                "metrics": values[place] if values else None,
            }
            for place, (member, validation) in enumerate(zip(members, validations, strict=True))
        ],
        "validation": _spread([each for each in validations if each is not None]),
        "metrics": _spread(values),
        "ensemble": together and _scores(together, config, bootstrap=config.evaluate.bootstrap),
    }


def _scores(own: Predictions, config: Config, *, bootstrap: int) -> dict[str, Any]:
    scores = score(
        own.probabilities_NC,
        own.targets_N,
        own.labels,
        predicted_N=own.predicted_N,
        bootstrap=bootstrap,
        confidence=config.evaluate.confidence,
    )
    return scores.to_dict()


def _spread(runs: Sequence[Mapping[str, float | None]]) -> dict[str, dict[str, float]]:
    """Return mean, standard deviation and range of each metric that every seed has."""
    found = {}
    for name in runs[0] if runs else ():
        values = [value for run in runs if (value := run[name]) is not None]
        if len(values) == len(runs) > 1:
            found[name] = {
                "mean": float(np.mean(values)),
                "sd": float(np.std(values, ddof=1)),
                "min": min(values),
                "max": max(values),
            }
    return found

"""One of a run's several seeds: trained, or read back when the run is resumed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from plaudit import artifact
from plaudit.config import Config
from plaudit.evaluate.decide import Decision
from plaudit.evaluate.settle import Settled
from plaudit.model.classifier import ReviewClassifier
from plaudit.run import folder as folders
from plaudit.run.learning import learn, lesson
from plaudit.run.material import Ready
from plaudit.run.place import check_finished, facts_of, occupied
from plaudit.run.saving import finish
from plaudit.run.watching import Watcher
from plaudit.train.checkpoint import Checkpoints
from plaudit.train.drive import Trained
from plaudit.train.keep import goodness
from plaudit.train.loop import StepRecord

TRAINED = "trained.json"
"""In a seed's folder once its model is saved: what the run's report needs to know of it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One seed's run: its configuration, where it is, and how it went.

    Attributes
    ----------
    config : Config
    folder : Path
    final : Path
        Its artefact.
    trained : Trained
    settled : Settled
    """

    config: Config
    folder: Path
    final: Path
    trained: Trained
    settled: Settled

    @property
    def validation(self) -> Mapping[str, float] | None:
        """The metrics of the state that was kept, words beside it included, if it was validated."""
        words = (self.settled.ngrams or {}).get("validation")
        if words is not None:
            both: Mapping[str, float] = words["both"]
            return both
        measured = [each for each in self.trained.history if each.validation is not None]
        kept = [each for each in measured if each.step == self.trained.best_step]
        return (kept or measured)[-1].validation if measured else None


def own_config(config: Config, seed: int, folder: Path) -> Config:
    """Return the configuration by which one seed can be trained again, alone."""
    split = config.split.model_copy(update={"seed": config.split_seed})
    changed = {"seed": seed, "seeds": 1, "name": f"seed-{seed}", "out": str(folder)}
    return config.model_copy(update=changed | {"split": split})


def better(member: Member, than: Member) -> bool:
    """Say whether a seed did better on validation than another; the metric is ``train.select``."""
    select = member.config.train.select
    if member.validation is None or than.validation is None:
        return False
    return goodness(member.validation, select) > goodness(than.validation, select)


def train_member(own: Config, model: ReviewClassifier, ready: Ready, watcher: Watcher) -> Member:
    """Train one seed and save it; where it was begun already, go on.

    Parameters
    ----------
    own : Config
        From :func:`own_config`.
    model : ReviewClassifier
        New.
    ready : Ready
    watcher : Watcher

    Returns
    -------
    Member

    Raises
    ------
    ConfigError
        It was begun with something else.
    Interrupted
        It is saved as far as it is.
    """
    data, compute, folder = ready.data, ready.compute, Path(own.out) / own.name
    facts = facts_of(data.prepared, {"train": data.train, "validation": data.validation}, compute)
    if (folder / TRAINED).is_file():
        check_finished(folder, own, facts, watcher.say)
        Checkpoints(folder).clear()  # of a process that was killed as it removed them
        return _read_back(own, folder)
    resume = folder if (folder / folders.CONFIG).is_file() else None
    if folder.exists() and resume is None:  # killed before it held anything
        shutil.rmtree(folder)
    with occupied(own, facts, resume, watcher.say) as place:
        begun = place.keeper.state.has("model")
        taught = lesson(own, model, data, compute, weights_follow=begun)
        with place.signals.patiently():
            trained = learn(own, taught, place.keeper, watcher)
        settled, final = finish(own, taught, ready.encoder, place.folder, watcher)
        member = Member(own, place.folder, final, trained, settled)
        folders.put(place.folder / TRAINED, _written(member))
        place.keeper.clear()
    return member


def _written(member: Member) -> str:
    trained, settled = asdict(member.trained), asdict(member.settled)
    # Both are in files of their own already: the history and the artefact.
    del trained["history"], settled["decision"]
    return json.dumps({"trained": trained, "settled": settled}, indent=1) + "\n"


def _read_back(own: Config, folder: Path) -> Member:
    stored = json.loads((folder / TRAINED).read_text(encoding="utf-8"))
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    history = [StepRecord(**json.loads(line)) for line in lines]
    decision = artifact.verify(folder / "model").decision or Decision()
    return Member(
        own,
        folder,
        folder / "model",
        Trained(history=history, **stored["trained"]),
        Settled(decision=decision, **stored["settled"]),
    )

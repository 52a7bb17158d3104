"""One arm with one seed: trained, its answers on validation kept, or found where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from plaudit.ablate import kept
from plaudit.ablate.kept import Facts
from plaudit.config import Config, ContrastConfig, NgramsConfig
from plaudit.data.prepare import Prepared, prepare
from plaudit.errors import ConfigError, TrainingError
from plaudit.evaluate import predictions
from plaudit.evaluate.calibrate import softmax
from plaudit.evaluate.decide import answer
from plaudit.evaluate.predictions import Predictions
from plaudit.model.device import plan
from plaudit.run.consulting import with_pseudo_labels, with_teacher
from plaudit.run.learning import Lesson, learn, lesson, new_model
from plaudit.run.material import Data, Ready, encoded, text_encoder
from plaudit.run.mixing import check_comparable, compared
from plaudit.run.pretraining import shared
from plaudit.run.watching import Watcher
from plaudit.text.encode import TextEncoder
from plaudit.train.course import Course, plan_course
from plaudit.train.drive import Trained
from plaudit.train.keep import Keeper

ROWS = ("data", "clean", "split", "pretrain", "distill", "pseudo", "cotrain")
"""The sections that decide what is learnt from."""


@dataclass(frozen=True, slots=True)
class Made:
    """A trial that was trained just now.

    Attributes
    ----------
    facts : Facts
    answers : Predictions
        For the validation rows.
    trained : Trained
    keeper : Keeper
        It has the best state on disk until its checkpoints are cleared.
    """

    facts: Facts
    answers: Predictions
    trained: Trained
    keeper: Keeper


@dataclass(slots=True)
class Bench:
    """Where trials are made; what several of them need is read and encoded once.

    Attributes
    ----------
    folder : Path
    watcher : Watcher
    """

    folder: Path
    watcher: Watcher
    _prepared: tuple[str, Prepared] | None = None
    _data: tuple[str, Data] | None = None
    _logits: dict[str, tuple[np.ndarray, Trained]] = field(default_factory=dict)
    _contents: dict[tuple[str, str | None, bool], list[str]] = field(default_factory=dict)
    _courses: dict[str, Course] = field(default_factory=dict)

    def prepared(self, config: Config) -> Prepared:
        """Return the rows; the test part stays sealed."""
        key = _settings(config, [*ROWS, "seed"]) + _answered(config)
        if self._prepared is None or self._prepared[0] != key:
            say = self.watcher.say
            self._prepared = key, with_pseudo_labels(config, prepare(config, say), say)
        found = self._prepared[1]
        if not len(found.validation):
            raise ConfigError(
                "split.validation_size is 0 and data.validation is not set: values are compared on "
                "validation alone; set one of them."
            )
        return found

    def data(self, config: Config) -> tuple[Data, TextEncoder]:
        """Return the encoded rows."""
        encoder = text_encoder(config)
        parts = [*ROWS, "seed", "text"]
        key = _settings(config, parts) + config.model.encoder + _answered(config)
        if self._data is None or self._data[0] != key:
            own = encoded(self.prepared(config), encoder)
            self._data = key, with_teacher(config, own, encoder, self.watcher.say)
        return self._data[1], encoder

    def plan(self, config: Config) -> Course:
        """Return the course that a configuration takes by itself."""
        key = config.digest()
        if key not in self._courses:
            # Without the stage before training: it is the batches that are counted.
            plain = config.model_copy(update={"contrast": ContrastConfig()})
            sampler = self.lesson(plain, config.seed).feed.sampler
            self._courses[key] = plan_course(sampler, config.train, validated=True)
        return self._courses[key]

    def alike(self, config: Config, course: Course) -> Course:
        """Return another's course for a configuration: what an epoch is stays its own.

        Steps are as many, and validations as many and after the same steps.
        """
        batches = course.steps * config.train.accumulation
        own = self.plan(config)
        return replace(course, batches=batches, steps_per_epoch=own.steps_per_epoch)

    def trial(
        self, config: Config, seed: int, folder: Path, course: Course | None
    ) -> tuple[Facts, Predictions]:
        """Train with a seed, unless that has been done, here or in another ablation.

        Parameters
        ----------
        config : Config
            Its own seed divides the data, whatever the trial's is.
        seed : int
        folder : Path
            The trial's own.
        course : Course or None
            How long it trains; None: as its settings say.

        Returns
        -------
        (Facts, Predictions)
            The answers are for the validation rows.

        Raises
        ------
        TrainingError
            Training broke, whether there was a state to fall back on or not.
        """
        key = self._key(config, seed, course)
        if known := kept.there(folder, key):
            return known
        elsewhere = kept.beside(self.folder, key, self.watcher.say)
        facts, answers = elsewhere or self._made(config, seed, folder, course)
        kept.keep(folder, facts, answers)
        return facts, answers

    def _made(
        self, config: Config, seed: int, folder: Path, course: Course | None
    ) -> tuple[Facts, Predictions]:
        check_comparable(config, self.data(config)[0])
        # What counts beside the encoder is learnt after it: such values share one training.
        alike = self._key(config.model_copy(update={"ngrams": NgramsConfig()}), seed, course)
        if alike not in self._logits:
            logits_NC, trained, keeper = self._learnt(config, seed, folder, course)
            keeper.clear()
            if trained.broken:
                raise TrainingError(trained.stopped)
            self._logits[alike] = logits_NC, trained
        return self._told(config, seed, course, *self._logits[alike])

    def train(self, config: Config, seed: int, folder: Path, course: Course | None) -> Made:
        """Train with a seed and answer the validation rows; what is kept is for the caller to say.

        Parameters
        ----------
        config, seed, folder, course
            As for :meth:`trial`.

        Returns
        -------
        Made
        """
        check_comparable(config, self.data(config)[0])
        logits_NC, trained, keeper = self._learnt(config, seed, folder, course)
        return Made(*self._told(config, seed, course, logits_NC, trained), trained, keeper)

    def _learnt(
        self, config: Config, seed: int, folder: Path, course: Course | None
    ) -> tuple[np.ndarray, Trained, Keeper]:
        """Train, and return the encoder's logits of the validation rows."""
        folder.mkdir(parents=True, exist_ok=True)
        taught, keeper = self.lesson(config, seed, self._further(config)), Keeper(folder)
        seeded = config.model_copy(update={"seed": seed})
        trained = learn(seeded, taught, keeper, self.watcher, course)
        return taught.logits(), trained, keeper

    def _told(
        self,
        config: Config,
        seed: int,
        course: Course | None,
        logits_NC: np.ndarray,
        trained: Trained,
    ) -> tuple[Facts, Predictions]:
        """Return what a trial was, and its answers."""
        data, _ = self.data(config)
        facts = _facts(self._key(config, seed, course), seed, trained, data)
        # The likeliest label: a threshold fitted on these rows would flatter itself on them.
        plain = answer(softmax(compared(config, data, logits_NC)), None)
        prepared = data.prepared
        return facts, predictions.of_rows(prepared.validation, plain, prepared.labels)

    def _further(self, config: Config) -> Path | None:
        """Train the encoder on words first, once for all trials whose settings for it agree."""
        data, encoder = self.data(config)
        ready = Ready(plan(config.train.device, config.train.precision), encoder, data)
        further = shared(config, ready, self.folder, self.watcher)
        return further.folder if further else None

    def lesson(self, config: Config, seed: int, further: Path | None = None) -> Lesson:
        """Return a new model, its encoder trained further or not, with all it is trained with."""
        compute = plan(config.train.device, config.train.precision)
        data, encoder = self.data(config)
        seeded = config.model_copy(update={"seed": seed})
        model = new_model(seeded, data.prepared.labels, encoder, further)
        return lesson(seeded, model, data, compute)

    def _key(self, config: Config, seed: int, course: Course | None) -> str:
        # Read once: an encoder is some 90 MB, and a trial is named several times.
        names = config.model.encoder, config.distill.teacher, config.distill.weight > 0
        if names not in self._contents:
            self._contents[names] = kept.contents(config)
        digests = [self.rows(config), *self._contents[names]]
        return kept.key(config, seed, course, self.prepared(config), digests)

    def built_on(self, config: Config) -> list[str]:
        """Return digests of the encoder, of models that are asked, and of texts without labels."""
        prepared = self.prepared(config)
        found = kept.contents(config)
        found += [model.weights for _, model in sorted(prepared.consulted.items())]
        found += [
            hashlib.sha256(texts.rows.prints_N.tobytes()).hexdigest()
            for _, texts in sorted(prepared.unlabelled.items())
        ]
        return found

    def rows(self, config: Config) -> str:
        """Return a digest of the texts and labels that are trained and compared on."""
        prepared, state = self.prepared(config), hashlib.sha256()
        for part in (prepared.train, prepared.validation):
            state.update(part.prints_N.tobytes())
            state.update(part.targets_N.tobytes())
        return state.hexdigest()[:16]


def _facts(key: str, seed: int, trained: Trained, data: Data) -> Facts:
    last, encoded_ = trained.history[-1], data.train
    return Facts(
        key=key,
        seed=seed,
        steps=last.step,
        tokens=last.tokens,
        best_step=trained.best_step,
        epochs=last.epoch,
        seconds=last.seconds,
        texts_cut=int((encoded_.kept_N < encoded_.full_N).sum()),
        tokens_total=int(encoded_.full_N.sum()),
        tokens_kept=int(encoded_.kept_N.sum()),
    )


def _settings(config: Config, parts: Sequence[str]) -> str:
    values = config.model_dump(mode="json", include=set(parts))
    return json.dumps(values, sort_keys=True)


def _answered(config: Config) -> str:
    """Name where models that are asked compute, as their answers depend on it."""
    if config.pseudo.model is None and config.distill.teacher is None:
        return ""
    return f"{config.train.device} {config.train.precision}"

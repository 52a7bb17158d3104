"""Models that a run learns from: a teacher's logits, and labels that a model gives."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from plaudit.artifact.manifest import weights_sha256
from plaudit.config import Config
from plaudit.data import stored
from plaudit.data.cache import cache_folder
from plaudit.data.cleaned import Rows
from plaudit.data.prepare import Prepared
from plaudit.data.problems import quoted
from plaudit.data.text_pairs import cleaned
from plaudit.data.unlabelled import Consulted, Pseudo
from plaudit.errors import ArtifactError, ConfigError
from plaudit.predict import CHUNK, Classifier
from plaudit.run.material import Data
from plaudit.text.encode import TextEncoder

Say = Callable[[str], None]


def with_pseudo_labels(config: Config, prepared: Prepared, say: Say) -> Prepared:
    """Let a model label texts; those that it is sure of are trained on, as if they had been given.

    Parameters
    ----------
    config : Config
    prepared : Prepared
    say : callable

    Returns
    -------
    Prepared
        As it was, unless ``pseudo.model`` is set.

    Raises
    ------
    ArtifactError
        The model cannot be loaded.
    ConfigError
        Its labels are not those of the data.
    """
    if "pseudo" not in prepared.unlabelled or config.pseudo.model is None:
        return prepared
    texts = prepared.unlabelled["pseudo"]
    classifier, order_C = _asked(config, "pseudo.model", config.pseudo.model, prepared.labels)
    logits_NC = _logits(classifier, config.pseudo.model, texts.rows.texts, config)
    answers = classifier.answers(classifier.calibrated(logits_NC))
    chosen_N = answers.chosen_N
    sure_N = np.take_along_axis(answers.probabilities_NC, chosen_N[:, None], axis=1)[:, 0]
    kept = np.flatnonzero((sure_N >= config.pseudo.confidence) & ~answers.unsure_N)
    # The model's labels may stand in another order than the run's.
    place_C = np.argsort(order_C)
    rows = replace(texts.rows.take(kept), targets_N=place_C[chosen_N[kept]].astype(np.int64))
    counts_C = np.bincount(rows.targets_N, minlength=len(prepared.labels)).tolist()
    joined = dict(zip(prepared.labels, counts_C, strict=True))
    unsure = int(answers.unsure_N.sum())
    say(
        f"pseudo.model: {len(rows):,} of {len(texts):,} texts join training with a label of "
        f"{config.pseudo.model} ({', '.join(f'{n:,} {label}' for label, n in joined.items())}); "
        f"of the others it was less than {config.pseudo.confidence:g} sure"
        f"{f', or called them unsure ({unsure:,})' if unsure else ''}."
    )
    pseudo = Pseudo(config.pseudo.model, texts, joined, unsure=len(texts) - len(rows))
    others = {name: each for name, each in prepared.unlabelled.items() if name != "pseudo"}
    joined_rows = replace(prepared, train=prepared.train.plus(rows), pseudo=pseudo)
    asked = _consulted("pseudo.model", config.pseudo.model, classifier, prepared.validation, say)
    return replace(
        joined_rows,
        unlabelled=others,
        consulted={**prepared.consulted, "pseudo.model": asked},
    )


def with_teacher(config: Config, data: Data, encoder: TextEncoder, say: Say) -> Data:
    """Ask the teacher about every text that is trained on, and about those without a label.

    Parameters
    ----------
    config : Config
    data : Data
    encoder : TextEncoder
        The student's.
    say : callable

    Returns
    -------
    Data
        As it was, unless ``distill.teacher`` is set.

    Raises
    ------
    ArtifactError
        The teacher cannot be loaded.
    ConfigError
        Its labels are not those of the data.
    """
    path = config.distill.teacher
    if path is None or not config.distill.weight:
        return data
    prepared = data.prepared
    classifier, order_C = _asked(config, "distill.teacher", path, prepared.labels)
    more = prepared.unlabelled.get("distill")
    without_label = more.rows.texts if more else []
    texts = [*prepared.train.texts, *without_label]
    say(f"distill.teacher: the answers of {path} to {len(texts):,} texts")
    # By its own temperature first: fine-tuned models are far surer than they are right, and what a
    # student is to learn is how likely the other labels are.
    logits_NC = _logits(classifier, path, texts, config)[:, order_C] / classifier.temperature
    asked = _consulted("distill.teacher", path, classifier, prepared.validation, say)
    consulted = {**prepared.consulted, "distill.teacher": asked}
    return replace(
        data,
        prepared=replace(prepared, consulted=consulted),
        unlabelled=encoder.encode_cached(without_label) if more else None,
        teacher_NC=logits_NC,
    )


def _asked(
    config: Config, key: str, path: str, labels: Sequence[str]
) -> tuple[Classifier, np.ndarray]:
    """Load a model; say which of its labels is each of the run's."""
    train = config.train
    try:
        # In full: of texts that its words were trained on, as its student's are, they are sure.
        loaded = Classifier.load(path, device=train.device, precision=train.precision)
        classifier = loaded.in_full()
    except ArtifactError as error:
        raise ArtifactError(f"{key}: {error}") from error
    if classifier.spec.pairs != config.pairs:
        kinds = ("pairs", "single texts")
        theirs, ours = kinds if classifier.spec.pairs else kinds[::-1]
        raise ConfigError(
            f"{key} = {path}: the model labels {theirs}, and the training data holds {ours}. Name "
            f"a model of {ours}, or set data.text_pair as its run had it."
        )
    own = classifier.labels
    if sorted(own) != sorted(labels):
        raise ConfigError(
            f"{key} = {path}: the model has the labels {quoted(own)}, the training data "
            f"{quoted(labels)}. They must be the same. Map the data's with data.labels, or name a "
            "model that was trained on these."
        )
    return classifier, np.array([own.index(label) for label in labels])


def _logits(classifier: Classifier, path: str, texts: Sequence[str], config: Config) -> np.ndarray:
    """Return the model's logits of texts that the run has cleaned; asked once, then kept on disk.

    The model cleans them again where its own steps are others.
    """
    entry = cache_folder() / "answers" / _digest(classifier, path, texts, config)
    if config.text.cache:
        with contextlib.suppress(OSError, ValueError):
            return stored.load(entry, ["logits"])["logits"]
    again = classifier.spec.clean != config.clean
    parts = [np.zeros((0, len(classifier.labels)), dtype=np.float32)]
    for start in range(0, len(texts), CHUNK):
        block = list(texts[start : start + CHUNK])
        if again:
            block = [cleaned(text, classifier.spec.clean) for text in block]
        parts.append(classifier.logits(block).astype(np.float32))
    logits_NC = np.concatenate(parts)
    if config.text.cache:
        # A full or read-only disk costs the cache, not the run.
        with contextlib.suppress(OSError):
            stored.store({"logits": logits_NC}, entry)
    return logits_NC


def _digest(classifier: Classifier, path: str, texts: Sequence[str], config: Config) -> str:
    hasher = hashlib.blake2b(digest_size=16)
    about = [weights_sha256(Path(path)), classifier.spec.text.model_dump_json(exclude={"cache"})]
    about += [classifier.spec.clean.model_dump_json(), config.clean.model_dump_json()]
    about += [config.train.device, config.train.precision, classifier.spec.pooling]
    for text in (*about, *texts):
        raw = text.encode("utf-8", "surrogatepass")
        hasher.update(len(raw).to_bytes(8, "little"))
        hasher.update(raw)
    return hasher.hexdigest()


def _consulted(
    key: str, path: str, classifier: Classifier, validation: Rows, say: Say
) -> Consulted:
    seen = int(np.isin(validation.prints_N, classifier.seen_prints_N).sum())
    if seen:
        say(
            f"ATTENTION: {key} has seen {seen:,} of the {len(validation):,} validation texts; on "
            "these, what learns from it may look better than it is."
        )
    return Consulted(path, weights_sha256(Path(path)), classifier.seen_prints_N, seen)

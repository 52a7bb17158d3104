"""From DATA to the rows of a run: read, cleaned, divided; the test part stays sealed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from plaudit.config import CleanConfig, Config, SplitConfig
from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprints
from plaudit.data.records import Columns, Corpus, Provenance
from plaudit.data.sources import Source, read, resolve
from plaudit.data.split import Division, Sealed, divide
from plaudit.errors import DataError

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rows:
    """Cleaned rows, ready to be encoded.

    Attributes
    ----------
    texts : list of str
    targets_N : ndarray of int64
        Indices into the run's labels.
    origins : list of str
        Where each row stands, such as ``"reviews.csv:12"``.
    prints_N : ndarray of uint64
        Fingerprints of the cleaned texts.
    """

    texts: list[str]
    targets_N: np.ndarray
    origins: list[str]
    prints_N: np.ndarray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    def take(self, index: np.ndarray) -> Rows:
        """Return the rows at these positions."""
        return Rows(
            [self.texts[i] for i in index],
            self.targets_N[index],
            [self.origins[i] for i in index],
            self.prints_N[index],
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run needs to know of its data.

    Attributes
    ----------
    labels : tuple of str
    train, validation : Rows
        Validation may be empty.
    test : Sealed of Rows, or None
        None: nothing was held out.
    test_note : str
        What the test part is, in words.
    provenance : Provenance
    duplicates : int
        Rows whose place an equal text decided (see :class:`plaudit.data.split.Division`).
    """

    labels: tuple[str, ...]
    train: Rows
    validation: Rows
    test: Sealed[Rows] | None
    test_note: str
    provenance: Provenance
    duplicates: int


def prepare(config: Config, say: Say) -> Prepared:
    """Read and divide the data of a run. The test part is not read.

    Parameters
    ----------
    config : Config
    say : callable
        Takes lines for the user.

    Returns
    -------
    Prepared

    Raises
    ------
    DataError, ConfigError, MissingExtra
        The data cannot be used as asked.
    """
    columns = Columns(config.data.text, config.data.label, config.data.labels)
    source = resolve(config.data.train, imdb=config.data.imdb, say=say)
    corpus = read(source, _training_split(source), columns, say=say)
    labels = corpus.labels
    everything = rows_of(corpus, config.clean)
    given = _given_validation(config, source, columns, labels, say)
    has_test = config.data.test is not None or "test" in source.splits
    sizes = config.split.model_copy(
        update=({"validation_size": 0} if given is not None else {})
        | ({"test_size": 0} if has_test else {})
    )
    division = divide(
        everything.prints_N,
        everything.targets_N,
        sizes,
        seed=config.seed,
        order=corpus.order,
        labels=labels,
    )
    train, validation, duplicates = _parts(everything, division, given)
    test, note = _sealed_test(config, source, columns, labels, everything.take(division.test))
    return Prepared(labels, train, validation, test, note, corpus.provenance, duplicates)


def held_out(corpus: Corpus, clean_config: CleanConfig, sizes: SplitConfig, seed: int) -> Rows:
    """Return the part of an undivided table that a run with these settings held out as test."""
    everything = rows_of(corpus, clean_config)
    division = divide(
        everything.prints_N,
        everything.targets_N,
        sizes,
        seed=seed,
        order=corpus.order,
        labels=corpus.labels,
    )
    return everything.take(division.test)


def rows_of(corpus: Corpus, config: CleanConfig) -> Rows:
    """Clean a corpus.

    Raises
    ------
    DataError
        Nothing is left of a text after cleaning.
    """
    texts = [clean(text, config) for text in corpus.rows["text"]]
    origins = list(corpus.rows["origin"])
    empty = [origin for origin, text in zip(origins, texts, strict=True) if not text]
    if empty:
        raise DataError(
            f"{len(empty)} texts are empty once cleaned: {', '.join(empty[:10])}. "
            "Remove these rows, or switch the cleaning step off (clean.*)."
        )
    targets_N = np.asarray(corpus.rows["label"], dtype=np.int64)
    return Rows(texts, targets_N, origins, fingerprints(texts))


def _training_split(source: Source) -> str | None:
    if not source.splits:
        return None
    if "train" not in source.splits:
        raise DataError(
            f"{source.asked}: there is no split 'train', only {', '.join(source.splits)}"
        )
    return "train"


def _given_validation(
    config: Config, source: Source, columns: Columns, labels: Sequence[str], say: Say
) -> Rows | None:
    """Return validation rows that the user or the source provides."""
    fixed = tuple(labels)
    if config.data.validation is not None:
        own = resolve(config.data.validation, imdb=config.data.imdb, say=say)
        split = "validation" if "validation" in own.splits else _training_split(own)
        return rows_of(read(own, split, columns, labels=fixed, say=say), config.clean)
    if "validation" in source.splits:
        corpus = read(source, "validation", columns, labels=fixed, say=say)
        return rows_of(corpus, config.clean)
    return None


def _parts(everything: Rows, division: Division, given: Rows | None) -> tuple[Rows, Rows, int]:
    train = everything.take(division.train)
    if given is None:
        return train, everything.take(division.validation), division.duplicates
    keep = ~np.isin(train.prints_N, given.prints_N)
    return train.take(np.flatnonzero(keep)), given, division.duplicates + int((~keep).sum())


def _sealed_test(
    config: Config, source: Source, columns: Columns, labels: Sequence[str], held: Rows
) -> tuple[Sealed[Rows] | None, str]:
    """Put the test part behind a seal, and say in words what it is."""
    if config.data.test is not None:
        asked = config.data.test

        def open_given() -> Rows:
            own = resolve(asked, imdb=config.data.imdb)
            split = "test" if "test" in own.splits else None
            return rows_of(read(own, split, columns, labels=tuple(labels)), config.clean)

        return Sealed(open_given), f"The test set is {asked}, as given."
    if "test" in source.splits:

        def open_official() -> Rows:
            return rows_of(read(source, "test", columns, labels=tuple(labels)), config.clean)

        return Sealed(open_official), f"The test set is the official test split of {source.asked}."
    if not len(held):
        return None, "Nothing was held out as a test set."
    return Sealed(lambda: held), (
        f"The test set is a part of {source.asked} that was held out before training. {source.note}"
    )

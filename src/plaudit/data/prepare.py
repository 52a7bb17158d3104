"""From DATA to the rows of a run: read, cleaned, divided; the test part stays sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from plaudit.config import CleanConfig, Config, SplitConfig
from plaudit.data import exclude
from plaudit.data.asked import training_split
from plaudit.data.cleaned import Rows, rows_of
from plaudit.data.cotrain import Cotrained, left_aside, with_cotrained
from plaudit.data.extra import Extra, with_extra
from plaudit.data.few import keep_few
from plaudit.data.records import Columns, Corpus, Provenance
from plaudit.data.sealed import Sealed
from plaudit.data.sources import Say, Source, read, resolve
from plaudit.data.split import Division, divide
from plaudit.data.unlabelled import Consulted, Pseudo, Unlabelled
from plaudit.data.unlabelled import read as read_unlabelled
from plaudit.errors import DataError


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
    sizes : SplitConfig
        The sizes in force: 0 for a part that was given instead of cut from the training data.
    provenance : Provenance
    duplicates : int
        Rows whose place an equal text decided (see :class:`plaudit.data.split.Division`).
    excluded : plaudit.data.exclude.Excluded or None
        None when nothing was to be left out.
    extra : Extra or None
        The last rows of ``train``; None when nothing was added.
    unlabelled : mapping of str to Unlabelled
        Texts to learn from without labels, by the section that asked for them.
    pseudo : Pseudo or None
        Texts that a model labelled, the last rows of ``train``; None when none was asked.
    consulted : mapping of str to Consulted
        Models whose answers are learnt from, by the setting that names them.
    cotrained : Cotrained or None
        What was labelled by a few words, the last rows of ``train``; None when nothing was.
    """

    labels: tuple[str, ...]
    train: Rows
    validation: Rows
    test: Sealed[Rows] | None
    test_note: str
    sizes: SplitConfig
    provenance: Provenance
    duplicates: int
    excluded: exclude.Excluded | None
    extra: Extra | None
    unlabelled: Mapping[str, Unlabelled] = field(default_factory=dict)
    pseudo: Pseudo | None = None
    consulted: Mapping[str, Consulted] = field(default_factory=dict)
    cotrained: Cotrained | None = None


def prepare(config: Config, say: Say) -> Prepared:
    """Read and divide the data of a run, and put the test part behind a seal.

    A given or official test set is located, so that a wrong path is found before training, but
    none of its rows is read. A part that is held out stands in the same table as the training
    rows: it is read with them and set aside by fingerprint and label; it is not encoded, shown to
    a model or scored before the seal is opened.

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
    columns = _columns(config)
    source = resolve(config.data.train, imdb=config.data.imdb, say=say)
    given_test = resolve(config.data.test, imdb=config.data.imdb) if config.data.test else None
    unwanted = exclude.read(config.data.exclude, config.clean) if config.data.exclude else None
    corpus = read(source, training_split(source), columns, say=say)
    everything = rows_of(corpus, config.clean)
    given = _given_validation(config, source, columns, corpus.labels, say)
    sizes = _sizes_in_force(
        config.split,
        has_validation=given is not None,
        has_test=given_test is not None or "test" in source.splits,
    )
    division = _divided(everything, corpus, sizes, config.split_seed)
    division = _few(config, division, everything, corpus.labels, (given, unwanted))
    train, validation, held, duplicates = _parts(everything, division, given)
    train, extra = with_extra(config, columns, corpus.labels, (train, validation, held), say)
    train, validation, excluded = _without_unwanted(train, validation, unwanted, say)
    spare = left_aside(everything.take(division.spare), (train, validation, held), unwanted)
    train, cotrained = with_cotrained(config, corpus.labels, train, spare, say)
    _check_train(train, corpus.labels)
    parts = {"train": train, "validation": validation, "held": held}
    unlabelled_ = read_unlabelled(config, parts, unwanted, say)
    test, note = _test_part(source, given_test, held, (columns, corpus.labels, config.clean))
    return Prepared(
        corpus.labels,
        train,
        validation,
        test,
        note,
        sizes,
        corpus.provenance,
        duplicates,
        excluded,
        extra,
        unlabelled_,
        cotrained=cotrained,
    )


def _columns(config: Config) -> Columns:
    data = config.data
    separator = data.label_separator if data.multilabel else None
    return Columns(
        data.text, data.label, data.labels, text_pair=data.text_pair, separator=separator
    )


def held_out(corpus: Corpus, clean_config: CleanConfig, sizes: SplitConfig, seed: int) -> Rows:
    """Return the part of an undivided table that a run with these settings held out as test."""
    everything = rows_of(corpus, clean_config)
    return everything.take(_divided(everything, corpus, sizes, seed).test)


def _few(
    config: Config,
    division: Division,
    everything: Rows,
    labels: Sequence[str],
    apart: tuple[Rows | None, exclude.Exclusion | None],
) -> Division:
    """Keep what ``split.per_class`` asks for, of rows that will be trained on."""
    if config.split.per_class is None:
        return division
    given, unwanted = apart
    barred_N = np.zeros(len(everything), dtype=bool)
    if given is not None:
        barred_N |= np.isin(everything.prints_N, given.prints_N)
    if unwanted is not None:
        barred_N |= unwanted.find(everything.texts, everything.prints_N).rows_N
    return keep_few(
        division,
        config.split.per_class,
        config.split_seed,
        everything,
        names=labels,
        barred_N=barred_N,
    )


def _divided(rows: Rows, corpus: Corpus, sizes: SplitConfig, seed: int) -> Division:
    """Divide as a run does, so that what it held out is found again later."""
    return divide(
        rows.prints_N,
        rows.targets_N,
        sizes,
        seed=seed,
        order=corpus.order,
        labels=corpus.labels,
    )


def _given_validation(
    config: Config, source: Source, columns: Columns, labels: Sequence[str], say: Say
) -> Rows | None:
    """Return validation rows that the user or the source provides."""
    fixed = tuple(labels)
    if config.data.validation is not None:
        own = resolve(config.data.validation, imdb=config.data.imdb, say=say)
        split = "validation" if "validation" in own.splits else training_split(own)
        return rows_of(read(own, split, columns, labels=fixed, say=say), config.clean)
    if "validation" in source.splits:
        corpus = read(source, "validation", columns, labels=fixed, say=say)
        return rows_of(corpus, config.clean)
    return None


def _parts(
    everything: Rows, division: Division, given: Rows | None
) -> tuple[Rows, Rows, Rows, int]:
    """Return train, validation, what was held out, and the rows that an equal text decided."""
    train, held = everything.take(division.train), everything.take(division.test)
    if given is None:
        return train, everything.take(division.validation), held, division.duplicates
    fresh, kept = train.without(given.prints_N), held.without(given.prints_N)
    dropped = len(train) + len(held) - len(fresh) - len(kept)
    return fresh, given, kept, division.duplicates + dropped


def _check_train(train: Rows, labels: Sequence[str]) -> None:
    """Rows may have gone: their texts stand in the validation data, or are to be left out."""
    missing = [label for i, label in enumerate(labels) if not train.of_label(i).any()]
    if missing:
        raise DataError(
            f"No row is left to train on for {', '.join(map(repr, missing))}: all their texts "
            "stand in data.validation or data.exclude too. Give other rows there, or to train on."
        )


def _without_unwanted(
    train: Rows, validation: Rows, unwanted: exclude.Exclusion | None, say: Say
) -> tuple[Rows, Rows, exclude.Excluded | None]:
    """Leave rows out after the division, so that what was held out is found again later."""
    if unwanted is None:
        return train, validation, None
    of_train = unwanted.find(train.texts, train.prints_N)
    of_validation = unwanted.find(validation.texts, validation.prints_N)
    excluded = unwanted.outcome(of_train, of_validation)
    say(excluded.line())
    kept = train.take(np.flatnonzero(~of_train.rows_N))
    return kept, validation.take(np.flatnonzero(~of_validation.rows_N)), excluded


def _sizes_in_force(sizes: SplitConfig, *, has_validation: bool, has_test: bool) -> SplitConfig:
    update = {"validation_size": 0} if has_validation else {}
    return sizes.model_copy(update=update | ({"test_size": 0} if has_test else {}))


def _test_part(
    source: Source,
    given: Source | None,
    held: Rows,
    reading: tuple[Columns, tuple[str, ...], CleanConfig],
) -> tuple[Sealed[Rows] | None, str]:
    """Put the test part behind a seal, and say in words what it is."""
    if given is not None:
        return _sealed(given, *reading), f"The test set is {given.asked}, as given."
    if "test" in source.splits:
        note = f"The test set is the official test split of {source.asked}."
        return _sealed(source, *reading), note
    if not len(held):
        return None, "Nothing was held out as a test set."
    return Sealed(lambda: held), (
        f"The test set is a part of {source.asked} that was held out before training. {source.note}"
    )


def _sealed(
    source: Source, columns: Columns, labels: tuple[str, ...], cleaning: CleanConfig
) -> Sealed[Rows]:
    split = "test" if "test" in source.splits else next(iter(source.splits), None)
    return Sealed(lambda: rows_of(read(source, split, columns, labels=labels), cleaning))

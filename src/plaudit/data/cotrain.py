"""Labels for unlabelled texts, from a few words that describe each class.

Two views of a text look at different things: the words given, and all other words and pairs of
words (a pair may hold a given word). Texts of which the given words say most teach a linear model
of the others, which then finds what they missed.

Axes: N texts, C classes, W words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaudit.config import Config, CotrainConfig
from plaudit.data import exclude
from plaudit.data.cleaned import Rows
from plaudit.errors import ConfigError, DataError

FEATURES = 60_000
"""Words and pairs of words of the second view, the most frequent ones."""
WORD = re.compile(r"\w+")
SECOND_VIEW = 2.0
"""What the learnt view counts beside the given words; both are scaled to a deviation of 1."""


@dataclass(frozen=True, slots=True)
class Cotrained:
    """What came of it; ``report.json`` has it.

    Attributes
    ----------
    unlabelled : int
        Texts that were looked at.
    named : int
        Those among them that hold more of one label's words than of any other's.
    rows : int
        Those that were given a label and are trained on, the last rows of the training part.
    """

    unlabelled: int
    named: int
    rows: int


def left_aside(rows: Rows, parts: Sequence[Rows], unwanted: exclude.Exclusion | None) -> Rows:
    """Return the training rows beyond those asked of each class, without texts of any part."""
    spare = rows.without(np.concatenate([part.prints_N for part in parts]))
    if unwanted is None:
        return spare
    return spare.take(np.flatnonzero(~unwanted.find(spare.texts, spare.prints_N).rows_N))


def with_cotrained(
    config: Config, labels: Sequence[str], train: Rows, unlabelled: Rows, say: Callable[[str], None]
) -> tuple[Rows, Cotrained | None]:
    """Return the training rows with those that ``cotrain.words`` labels, where it is set."""
    if config.cotrain.words is None:
        return train, None
    found, outcome = cotrain(train, unlabelled, labels, config.cotrain, config.split_seed)
    say(
        f"cotrain: of {outcome.unlabelled:,} texts without a label, {outcome.named:,} hold words "
        f"that were given for one; {outcome.rows:,} are trained on."
    )
    return train.plus(found), outcome


def cotrain(
    labelled: Rows, unlabelled: Rows, labels: Sequence[str], config: CotrainConfig, seed: int
) -> tuple[Rows, Cotrained]:
    """Give the surest of the unlabelled texts a label.

    Parameters
    ----------
    labelled, unlabelled : Rows
        What the targets of the unlabelled ones are is not looked at.
    labels : sequence of str
    config : CotrainConfig
        With words.
    seed : int
        Which of the sure texts are taken.

    Returns
    -------
    (Rows, Cotrained)
        ``config.texts`` of each label, or those that are sure where they are fewer; their targets
        are those that were found.

    Raises
    ------
    ConfigError
        The words are not of exactly these labels.
    DataError
        There are no unlabelled texts, or the words of a label stand in too few of them.

    Notes
    -----
    Sources: Blum and Mitchell 1998, "Combining Labeled and Unlabeled Data with Co-Training"; Turney
    2002 and Meng et al. 2018 (words that stand for a class). One round: further ones drift from the
    sentiment to the subject (docs/LOG.md). Classes are taken to be about equally frequent.
    """
    words = _words(config.words or {}, labels)
    if not len(unlabelled):
        raise DataError(
            "cotrain.words: there are no unlabelled texts. Set split.per_class, which leaves the "
            "labels of the other training rows aside."
        )
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(seed)
    others_NW = _other_words(unlabelled.texts + labelled.texts, set().union(*words))
    first_NC = margins(_counts(unlabelled.texts, words))
    share = max(2, round(config.confident * len(unlabelled) / len(labels)))
    start = [_surest(first_NC, label, share, random) for label in range(len(labels))]
    if few := [labels[i] for i, found in enumerate(start) if len(found) < 2]:
        raise DataError(
            f"cotrain.words: the words of {', '.join(map(repr, few))} stand for it in fewer than "
            "two of the unlabelled texts. Name words that its texts use and others' do not."
        )
    targets = np.concatenate([np.repeat(np.arange(len(labels)), [len(s) for s in start])])
    rows = np.concatenate([*start, len(unlabelled) + np.arange(len(labelled))])
    model = LogisticRegression(C=3.0, max_iter=300)
    model.fit(others_NW[rows], np.concatenate([targets, labelled.targets_N]))
    second_NC = margins(_decision(model, others_NW[: len(unlabelled)]))
    both_NC = _likeliest(SECOND_VIEW * _scaled(second_NC) + _scaled(first_NC))
    surest = [_surest(both_NC, label, share, random) for label in range(len(labels))]
    chosen = [random.permutation(each)[: config.texts] for each in surest]
    found = unlabelled.take(np.concatenate(chosen))
    found.targets_N[:] = np.repeat(np.arange(len(labels)), [len(each) for each in chosen])
    named = int((first_NC.max(axis=1) > 0).sum())
    return found, Cotrained(len(unlabelled), named, len(found))


def _other_words(texts: Sequence[str], given: set[str]) -> Any:
    """Weigh the words and pairs of words of texts, but for those that were given, shape (N, W)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, max_features=FEATURES, min_df=2, max_df=0.5
    )
    try:
        all_NW = vectorizer.fit_transform(texts)
        names = vectorizer.get_feature_names_out()
    except ValueError:  # nothing is left
        names = []
    others = [i for i, name in enumerate(names) if name not in given]
    if not others:
        raise DataError(
            f"cotrain.words: of {len(texts):,} texts no word stands in two and in fewer than half, "
            "but for those that were given: nothing more can be learnt from them. Give more texts, "
            "or leave cotrain.words out."
        )
    return all_NW[:, others]


def margins(scores_NC: np.ndarray) -> np.ndarray:
    """Return how far each class is ahead of the best other one, shape (N, C).

    Examples
    --------
    >>> margins(np.array([[3.0, 1.0, 2.0]])).tolist()
    [[1.0, -2.0, -1.0]]
    """
    ahead = [
        scores_NC[:, c] - np.delete(scores_NC, c, axis=1).max(axis=1)
        for c in range(scores_NC.shape[1])
    ]
    return np.stack(ahead, axis=1)


def _words(given: Mapping[str, Sequence[str]], labels: Sequence[str]) -> list[set[str]]:
    if set(given) != set(labels) or not all(given.values()):
        raise ConfigError(
            f"cotrain.words names words of {', '.join(map(repr, given)) or 'no label'}; the labels "
            f"are {', '.join(map(repr, labels))}. Give words of each."
        )
    if several := [word for group in given.values() for word in group if not WORD.fullmatch(word)]:
        raise ConfigError(
            f"cotrain.words: {several[0]!r} is not one word of letters and digits, which is what "
            "texts are cut into: it would be found in none. Name words such as 'great'."
        )
    groups = [{word.lower() for word in given[label]} for label in labels]
    count = Counter(word for group in groups for word in group)
    if shared := [word for word, times in count.items() if times > 1]:
        raise ConfigError(
            f"cotrain.words: {shared[0]!r} stands for more than one label, of which it then tells "
            "nothing (upper and lower case are one). Give it to one label, or leave it out."
        )
    return groups


def _counts(texts: Sequence[str], words: Sequence[set[str]]) -> np.ndarray:
    """Count the different words of each label that a text holds, shape (N, C)."""
    counts_NC = np.zeros((len(texts), len(words)))
    for row, text in enumerate(texts):
        own = set(WORD.findall(text.lower()))
        counts_NC[row] = [len(own & group) for group in words]
    return counts_NC


def _surest(
    scores_NC: np.ndarray, label: int, most: int, random: np.random.Generator
) -> np.ndarray:
    """Return the texts of which a label's score is above 0 and highest, ties at random."""
    score_N = scores_NC[:, label]
    order_N = np.lexsort((random.random(len(score_N)), -score_N))
    return order_N[: min(most, int((score_N > 0).sum()))]


def _scaled(margin_NC: np.ndarray) -> np.ndarray:
    """Give each class the same share of the texts above 0, and a deviation of 1."""
    limit_C = np.quantile(margin_NC, 1 - 1 / margin_NC.shape[1], axis=0)
    scaled: np.ndarray = (margin_NC - limit_C) / np.maximum(margin_NC.std(axis=0), 1e-12)
    return scaled


def _likeliest(scores_NC: np.ndarray) -> np.ndarray:
    """Leave each text its best label alone: shares per class put one above 0 for several."""
    best_N1 = scores_NC.argmax(axis=1)[:, None]
    return np.where(np.arange(scores_NC.shape[1]) == best_N1, scores_NC, -np.inf)


def _decision(model: Any, features: Any) -> np.ndarray:
    decision: np.ndarray = model.decision_function(features)
    return decision if decision.ndim == 2 else np.stack([-decision, decision], axis=1) / 2

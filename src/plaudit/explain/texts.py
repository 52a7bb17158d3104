"""Explain texts. Read :func:`explain` first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from plaudit import artifact
from plaudit.data.clean import clean
from plaudit.data.handed import checked
from plaudit.data.problems import did_you_mean, quoted
from plaudit.errors import ConfigError, DataError, PlauditError
from plaudit.explain.attribution import Attributed, gradients, integrated
from plaudit.explain.by_words import by_words
from plaudit.explain.reading import Reading, read
from plaudit.explain.records import Explanation, Method, Word
from plaudit.model.infer import TorchEngine
from plaudit.predict import Classifier

CHUNK = 256
"""Texts explained at a time; within them batches are sorted by length."""
STEPS = 32


def explain(
    model: Classifier | Path | str,
    texts: Sequence[str],
    *,
    target: str | None = None,
    method: Method = "gradient",
    steps: int = STEPS,
    device: str = "auto",
) -> list[Explanation]:
    """Say how much each word pushes towards a label.

    A word's score is what it adds to the log-odds of the label, compared with a text whose words
    are all hidden behind [MASK]. "integrated-gradients" follows the whole path between the two, so
    that the scores add up to the difference; "gradient" estimates it from the gradient halfway,
    some ten times faster. Where a model of words counts beside the encoder (``ngrams.weight``), a
    score is what the word adds to both, words that the encoder does not read included; where words
    answer alone (``ngrams.cascade``), to theirs.

    Parameters
    ----------
    model : Classifier, Path or str
        A model folder as it was trained, or what was loaded from it.
    texts : sequence of str
        Raw texts; they are cleaned and encoded as for a prediction.
    target : str, optional
        The label to explain; by default the predicted one of each text.
    method : {"gradient", "integrated-gradients"}
    steps : int
        Points on the path of integrated gradients; time grows with them.
    device : {"auto", "cpu", "cuda", "mps"}
        Not used with a Classifier.

    Returns
    -------
    list of Explanation
        In the order of ``texts``.

    Raises
    ------
    ConfigError
        The model was exported, so it has no gradients; or it has no such label.
    DataError
        ``texts`` is one string, or holds something that is not a string.
    MissingExtra
        Integrated gradients without captum.

    Examples
    --------
    >>> import plaudit
    >>> model, texts = "runs/quickstart/model", ["A lovely film, and a triumph."]
    >>> [explanation] = plaudit.explain(model, texts, method="integrated-gradients")
    >>> explanation.target
    'positive'
    >>> max(explanation.words, key=lambda word: word.score).text in ("lovely", "triumph")
    True
    >>> abs(explanation.delta) < 0.1
    True
    """
    if isinstance(texts, str):
        raise DataError("explain takes a list of texts, not one: explain(model, [text])")
    texts = checked(texts)
    if method not in get_args(Method):
        raise ConfigError(f"method is {method!r}; it can be {' or '.join(get_args(Method))}.")
    if steps < 1:
        raise ConfigError(f"steps = {steps}: integrated gradients need at least 1; 32 suits most.")
    if not isinstance(model, Classifier):
        _refuse_exported(Path(model))
        model = Classifier.load(model, device=device)
    artifact.refuse_pairs(model.spec, "explain")
    cleaned = [clean(text, model.spec.clean) for text in texts]
    return explain_cleaned(model, cleaned, target=target, method=method, steps=steps)


def explain_cleaned(
    classifier: Classifier,
    cleaned: Sequence[str],
    *,
    target: str | None = None,
    method: Method = "gradient",
    steps: int = STEPS,
) -> list[Explanation]:
    """Explain texts that are already cleaned; see :func:`explain`."""
    engine = torch_engine(classifier)
    index = _index(target, classifier.labels)

    def decide(logits_NC: np.ndarray) -> np.ndarray:
        return classifier.answers(classifier.calibrated(logits_NC)).chosen_N

    towards = decide if index is None else index
    found: dict[int, Explanation] = {}
    for start in range(0, len(cleaned), CHUNK):
        block = cleaned[start : start + CHUNK]
        words_N = classifier.answered_by_words(block)
        for words_alone in (False, True):
            rows = np.flatnonzero(words_N == words_alone).tolist()
            if not rows:
                continue
            texts = [block[n] for n in rows]
            reading = reading_of(classifier, texts, words_alone=words_alone)
            if words_alone:
                attributed = by_words(reading, towards, method, steps)
            elif method == "gradient":
                attributed = gradients(engine, reading, towards, classifier.encoder.pad_id)
            else:
                attributed = integrated(engine, reading, towards, steps, classifier.encoder.pad_id)
            told = _explanations(reading, attributed, classifier, method)
            found |= {
                start + n: replace(each, by_words=words_alone)
                for n, each in zip(rows, told, strict=True)
            }
    return [found[n] for n in range(len(cleaned))]


def reading_of(
    classifier: Classifier, cleaned: Sequence[str], *, words_alone: bool = False
) -> Reading:
    """Read texts as a classifier does, by its encoder and by its model of words, if it has one.

    With ``words_alone`` the latter counts as it does where it answers in the encoder's place.
    """
    mixture = classifier.spec.mixture
    weight = mixture.cascade.scale if words_alone and mixture.cascade else mixture.weight
    return read(classifier.encoder, cleaned, classifier.ngrams, weight)


def torch_engine(classifier: Classifier) -> TorchEngine:
    """Return what computes a classifier's logits, if it has gradients.

    Raises
    ------
    ConfigError
        The model was exported.
    """
    if isinstance(classifier.engine, TorchEngine):
        return classifier.engine
    exported = classifier.spec.exported
    raise ConfigError(_no_gradients(f"the weights {exported.weights_sha256}" if exported else ""))


def _refuse_exported(folder: Path) -> None:
    """Refuse before anything is loaded, naming the original where it can be found."""
    try:
        spec = artifact.read_spec(folder)
    except PlauditError:
        return  # loading says what is wrong
    exported = spec.exported
    if exported is None:
        return
    for sibling in sorted(folder.resolve().parent.glob(f"*/{artifact.MANIFEST}")):
        try:
            if (
                artifact.read_spec(sibling.parent).exported is None
                and artifact.weights_sha256(sibling.parent) == exported.weights_sha256
            ):
                original = folder.parent / sibling.parent.name
                raise ConfigError(f"{folder}: {_no_gradients(str(original))}")
        except (PlauditError, StopIteration) as error:
            if isinstance(error, ConfigError):
                raise
    raise ConfigError(f"{folder}: {_no_gradients(f'the weights {exported.weights_sha256}')}")


def _no_gradients(original: str) -> str:
    return (
        "a model exported to ONNX has no gradients, which explanations are made of. Explain the "
        f"model that it was exported from: {original}"
    )


def _index(target: str | None, labels: tuple[str, ...]) -> int | None:
    if target is None:
        return None
    if target not in labels:
        target = str(target)
        near = did_you_mean(target, labels)
        raise ConfigError(f"the model has no label {target!r}{near}. Its labels: {quoted(labels)}")
    return labels.index(target)


def _explanations(
    reading: Reading, attributed: Attributed, classifier: Classifier, method: Method
) -> list[Explanation]:
    scores_W, read_W = reading.by_word(attributed.scores_S), reading.read_W()
    if reading.beside is not None:
        scores_W = scores_W + reading.beside.scores(attributed.slopes_NC, reading.first_N)
    labels = classifier.labels
    answers = classifier.answers(classifier.calibrated(attributed.logits_NC))
    found = []
    for n, text in enumerate(reading.texts):
        target = int(attributed.targets_N[n])
        own = slice(int(reading.first_N[n]), int(reading.first_N[n + 1]))
        words = tuple(
            Word(text[start:end], start, end, float(score) if was_read else None)
            for (start, end), score, was_read in zip(
                reading.spans_W2[own].tolist(), scores_W[own], read_W[own], strict=True
            )
        )
        odds = _log_odds(attributed.logits_NC[n], target)
        base = None if attributed.baseline_N is None else float(attributed.baseline_N[n])
        total = sum(word.score for word in words if word.score is not None)
        found.append(
            Explanation(
                text=text,
                target=labels[target],
                predicted=labels[int(answers.chosen_N[n])],
                probability=float(answers.probabilities_NC[n, target]),
                method=method,
                words=words,
                log_odds=odds,
                baseline_log_odds=base,
                delta=None if base is None else total - (odds - base),
            )
        )
    return found


def _log_odds(logits_C: np.ndarray, target: int) -> float:
    others = np.delete(logits_C, target)
    return float(logits_C[target] - np.logaddexp.reduce(others))

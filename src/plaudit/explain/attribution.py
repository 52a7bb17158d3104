"""What each token adds to the log-odds of a label: by one gradient, or integrated along a path.

The path leads from the baseline, where every word is hidden behind [MASK] while [CLS] and [SEP]
stay, to the text, in the space of the word embeddings. Products are in fp32 also where the
classifier answers in bf16: sums of small differences would lose what they add up.

What a model of words adds to the logits, where there is one, starts as it is for a text without
words. With two labels the log-odds are a sum of both parts, and the order of the steps makes no
difference. With more, a single gradient is taken halfway on both; the whole path is walked by the
words first, while the encoder still sees none, and then by the encoder.

Axes: N texts, B texts of a batch, P pieces, T tokens, E embedding size, C classes, S ids of all
pieces.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from plaudit.errors import MissingExtra
from plaudit.explain.reading import Reading
from plaudit.model.classifier import ReviewClassifier, with_its_weights
from plaudit.model.infer import TorchEngine, padded
from plaudit.text.batches import Batch, batch_of
from plaudit.text.encoded import Encoded


@dataclass(frozen=True, slots=True)
class Attributed:
    """Scores of tokens.

    Attributes
    ----------
    scores_S : ndarray of float64
        As ``Encoded.ids``; 0 for special tokens.
    logits_NC : ndarray of float64
        What a model of words adds is in them.
    slopes_NC : ndarray of float64
        How the log-odds of the target follow each logit: what a model of words adds to the logits
        pushes by that.
    targets_N : ndarray of int64
        The label that scores push towards.
    baseline_N : ndarray of float64 or None
        Log-odds of the target with every word hidden.
    """

    scores_S: np.ndarray
    logits_NC: np.ndarray
    slopes_NC: np.ndarray
    targets_N: np.ndarray
    baseline_N: np.ndarray | None = None


Choose = Callable[[np.ndarray], np.ndarray]
"""From the logits of texts to the label of each."""


def log_odds(logits_BC: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
    """Return ``log(p / (1 - p))`` of the target labels, shape (B,)."""
    own_B1 = logits_BC.gather(1, targets_B[:, None])
    others_BC = logits_BC.scatter(1, targets_B[:, None], -torch.inf)
    return own_B1[:, 0] - others_BC.logsumexp(dim=1)


def gradients(
    engine: TorchEngine, reading: Reading, target: int | Choose, pad_id: int
) -> Attributed:
    """Multiply the gradient halfway between baseline and text by the step from one to the other.

    That is integrated gradients by the midpoint rule with a single point. At the text itself the
    answer is saturated, and its gradient no better than chance by the deletion curve (docs/LOG.md).

    Parameters
    ----------
    engine : TorchEngine
    reading : Reading
    target : int or callable
        One label, or how each text's is chosen from its logits.
    pad_id : int

    Returns
    -------
    Attributed
    """
    model, encoded = engine.model, reading.encoded
    hidden = reading.baseline()
    classes = int(model.stock.config.num_labels)
    scores_S = np.zeros(len(encoded.ids))
    logits_NC = np.zeros((len(encoded), classes))
    slopes_NC = np.zeros_like(logits_NC)
    embed = model.stock.get_input_embeddings()
    with _evaluating(model):
        for batch in padded(encoded, engine.compute.exact.tokens_at_once, pad_id):
            rows = batch.rows_B.tolist()
            on = batch.to(engine.compute.device)
            base = batch_of(hidden, rows, pad_id).to(engine.compute.device)
            with torch.no_grad():
                logits_BC = model(*on.inputs)
                empty_BC, beside_BC = _beside(reading, rows, logits_BC)
                logits_BC = logits_BC + beside_BC
                base_PTE = embed(base.ids_PT)
                step_PTE = embed(on.ids_PT) - base_PTE
            middle_PTE = (base_PTE + 0.5 * step_PTE).requires_grad_()
            middle_BC = (0.5 * (empty_BC + beside_BC)).requires_grad_()
            targets_B = _targets(logits_BC, target)
            with _embedded(embed, middle_PTE):
                odds_B = log_odds(model(*on.inputs) + middle_BC, targets_B)
            grad_PTE, slopes_BC = torch.autograd.grad(odds_B.sum(), (middle_PTE, middle_BC))
            scores_PT = (grad_PTE * step_PTE).sum(dim=-1)
            logits_NC[rows] = logits_BC.cpu().double().numpy()
            slopes_NC[rows] = slopes_BC.cpu().double().numpy()
            _put(scores_S, scores_PT, batch, encoded)
    return Attributed(scores_S, logits_NC, slopes_NC, chosen(logits_NC, target))


def integrated(
    engine: TorchEngine, reading: Reading, target: int | Choose, steps: int, pad_id: int
) -> Attributed:
    """Integrate the gradient along the straight path from the baseline to the text.

    Parameters
    ----------
    engine : TorchEngine
    reading : Reading
    target : int or callable
        One label, or how each text's is chosen from its logits.
    steps : int
        Points on the path (Gauss-Legendre quadrature).
    pad_id : int

    Returns
    -------
    Attributed

    Raises
    ------
    MissingExtra
        captum is not installed.

    Notes
    -----
    Source: Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks".
    """
    attribution = _captum().LayerIntegratedGradients
    # captum puts its embeddings into whatever these modules are asked in the meantime.
    model, encoded, hidden = with_its_weights(engine.model), reading.encoded, reading.baseline()
    embed = model.stock.get_input_embeddings()
    scores_S = np.zeros(len(encoded.ids))
    logits_NC = np.zeros((len(encoded), int(model.stock.config.num_labels)))
    slopes_NC, baseline_N = np.zeros_like(logits_NC), np.zeros(len(encoded))
    with _evaluating(model):
        for n in range(len(encoded)):
            batch = batch_of(encoded, [n], pad_id)
            on, base = (
                each.to(engine.compute.device) for each in (batch, batch_of(hidden, [n], pad_id))
            )
            with torch.no_grad():
                base_BC = model(*base.inputs)
                empty_BC, beside_BC = _beside(reading, [n], base_BC)
                logits_BC = model(*on.inputs) + beside_BC
            targets_B = _targets(logits_BC, target)
            pieces = len(on.ids_PT)
            at_once = engine.compute.exact.tokens_at_once // on.ids_PT.shape[1]
            scores_PTE = attribution(_path(model, pieces, targets_B, beside_BC), embed).attribute(
                on.ids_PT,
                baselines=base.ids_PT,
                additional_forward_args=(on.mask_PT,),
                n_steps=steps,
                internal_batch_size=max(pieces, at_once),
            )
            _put(scores_S, scores_PTE.detach().sum(dim=-1), batch, encoded)
            logits_NC[n] = logits_BC[0].cpu().double().numpy()
            slopes_NC[n] = mean_slopes(base_BC + empty_BC, base_BC + beside_BC, targets_B, steps)
            baseline_N[n] = float(log_odds(base_BC + empty_BC, targets_B)[0])
    return Attributed(scores_S, logits_NC, slopes_NC, chosen(logits_NC, target), baseline_N)


def _captum() -> Any:
    try:
        import captum.attr
    except ImportError as error:
        raise MissingExtra("integrated gradients", "explain") from error
    return captum.attr


def _beside(
    reading: Reading, rows: Sequence[int], like_BC: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a model of words adds for texts without words and for these; else zeros."""
    if reading.beside is None:
        return torch.zeros_like(like_BC), torch.zeros_like(like_BC)
    whole_BC = torch.as_tensor(reading.beside.logits_NC[rows]).to(like_BC)
    return torch.as_tensor(reading.beside.empty_C).to(like_BC).expand_as(whole_BC), whole_BC


def mean_slopes(
    from_BC: torch.Tensor, to_BC: torch.Tensor, targets_B: torch.Tensor, steps: int
) -> np.ndarray:
    """Return the mean gradient of one text's log-odds on the straight path between logits, (C,)."""
    nodes_S, weights_S = np.polynomial.legendre.leggauss(steps)
    at_S1 = torch.as_tensor((nodes_S + 1) / 2).to(from_BC)[:, None]
    path_SC = (from_BC + at_S1 * (to_BC - from_BC)).detach().requires_grad_()
    odds_S = log_odds(path_SC, targets_B.expand(steps))
    (slopes_SC,) = torch.autograd.grad(odds_S.sum(), path_SC)
    mean_C: np.ndarray = (weights_S / 2) @ slopes_SC.cpu().double().numpy()
    return mean_C


def _path(
    model: ReviewClassifier, pieces: int, targets_B: torch.Tensor, beside_BC: torch.Tensor
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the log-odds at several points of one text's path, whose pieces belong together."""

    def run(ids_PT: torch.Tensor, mask_PT: torch.Tensor) -> torch.Tensor:
        points = len(ids_PT) // pieces
        owner_P = torch.arange(points, device=ids_PT.device).repeat_interleave(pieces)
        return log_odds(model(ids_PT, mask_PT, owner_P) + beside_BC, targets_B.expand(points))

    return run


@contextlib.contextmanager
def _evaluating(model: ReviewClassifier) -> Iterator[None]:
    """Switch dropout off, with gradients on, whatever the caller has set."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        model.train(was_training)


@contextlib.contextmanager
def _embedded(embed: torch.nn.Module, embeddings_PTE: torch.Tensor) -> Iterator[None]:
    """Let the model see these word embeddings in place of the ids' own, in this thread alone."""
    own = threading.get_ident()
    handle = embed.register_forward_hook(
        lambda module, given, out: embeddings_PTE if threading.get_ident() == own else out
    )
    try:
        yield
    finally:
        handle.remove()


def _targets(logits_BC: torch.Tensor, target: int | Choose) -> torch.Tensor:
    chosen_B = chosen(logits_BC.detach().cpu().double().numpy(), target)
    return torch.as_tensor(chosen_B, device=logits_BC.device)


def chosen(logits_NC: np.ndarray, target: int | Choose) -> np.ndarray:
    """Return the label of each text that scores push towards, shape (N,)."""
    if isinstance(target, int):
        return np.full(len(logits_NC), target, dtype=np.int64)
    return target(logits_NC)


def _put(scores_S: np.ndarray, scores_PT: torch.Tensor, batch: Batch, encoded: Encoded) -> None:
    """Write the scores of a batch's pieces where their ids stand."""
    found = scores_PT.cpu().double().numpy()
    own = [p for n in batch.rows_B.tolist() for p in range(*encoded.first_N[n : n + 2].tolist())]
    for p, row_T in zip(own, found, strict=True):
        start, end = encoded.starts_P[p : p + 2].tolist()
        scores_S[start:end] = row_T[: end - start]

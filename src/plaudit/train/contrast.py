"""Few texts, contrasted: the encoder learns which belong together, then a head is fitted.

Axes: N texts, B texts of a step, P pieces, D hidden size, C classes.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from plaudit.config import Config
from plaudit.model import families, half
from plaudit.model.classifier import ReviewClassifier, combine
from plaudit.model.device import Compute
from plaudit.model.infer import autocast, in_order, padded
from plaudit.text.batches import Batch, batch_of
from plaudit.text.encode import Encoded
from plaudit.train.anchor import pretrained_parameters
from plaudit.train.optim import make_optimizer, parameter_groups

STRENGTHS = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0]
"""Inverse strengths of regularisation that the head is chosen from."""
FOLDS = 5


def contrast(
    model: ReviewClassifier,
    texts: Encoded,
    targets_N: np.ndarray,
    config: Config,
    compute: Compute,
    *,
    pad_id: int,
) -> None:
    """Draw the vectors of texts of one label together, then fit the head on them.

    Parameters
    ----------
    model : ReviewClassifier
        On ``compute.device``; changed in place: what of the encoder is trainable, and the
        classification layer.
    texts : Encoded
    targets_N : ndarray of int64
    config : Config
        ``contrast``, and of ``optim`` the optimiser and the decay over layers.
    compute : Compute
    pad_id : int

    Notes
    -----
    Sources: Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts" (SetFit: contrast,
    then a logistic regression); Khosla et al. 2020, "Supervised Contrastive Learning", for the
    loss, which compares all texts of a step at once instead of two at a time.
    """
    settings, random = config.contrast, np.random.default_rng(config.seed)
    optim = config.optim.model_copy(update={"lr": settings.lr})
    optimizer = make_optimizer(parameter_groups(model, optim), optim)
    encoder = pretrained_parameters(model)
    half.prepare(model.stock, compute)
    model.train()
    # Of an encoder that is wholly frozen the vectors stay as they are: the head alone is fitted.
    for _ in range(settings.steps if encoder else 0):
        rows_B = draw(targets_N, settings.texts, random)
        batch = batch_of(texts, rows_B.tolist(), pad_id).to(compute.device)
        with autocast(compute):
            vectors_BD = _vectors(model, batch)
        targets_B = torch.as_tensor(targets_N[rows_B], device=vectors_BD.device)
        loss = supervised_contrast(vectors_BD.float(), targets_B, settings.temperature)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if config.optim.clip_norm:
            torch.nn.utils.clip_grad_norm_(encoder, config.optim.clip_norm)
        optimizer.step()
    optimizer.zero_grad()
    fit_head(model, texts, targets_N, compute, pad_id=pad_id)


def supervised_contrast(
    vectors_BD: torch.Tensor, targets_B: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return how far texts of one label are from being each other's nearest, a scalar.

    Parameters
    ----------
    vectors_BD : Tensor of float32
        Of any length; only their directions count.
    targets_B : Tensor of int64
        Each label at least twice.
    temperature : float

    Notes
    -----
    Source: Khosla et al. 2020, equation 2 (the sum outside the logarithm).
    """
    unit_BD = F.normalize(vectors_BD, dim=-1)
    own_BB = torch.eye(len(unit_BD), dtype=torch.bool, device=unit_BD.device)
    alike_BB = (unit_BD @ unit_BD.T / temperature).masked_fill(own_BB, -torch.inf)
    log_BB = F.log_softmax(alike_BB, dim=-1)
    same_BB = (targets_B[:, None] == targets_B[None]) & ~own_BB
    each_B = log_BB.masked_fill(~same_BB, 0.0).sum(dim=1) / same_BB.sum(dim=1)
    return -each_B.mean()


def draw(targets_N: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Draw texts of a step, as many of each label as of the others, two at least.

    A label with fewer texts comes with some of them more than once.

    Returns
    -------
    ndarray of int64
        Positions of the texts.
    """
    labels = np.unique(targets_N)
    each = max(2, count // len(labels))
    drawn = []
    for label in labels:
        own = np.flatnonzero(targets_N == label)
        rounds = [random.permutation(own) for _ in range(-(-each // len(own)))]
        drawn.append(np.concatenate(rounds)[:each])
    return np.concatenate(drawn)


def fit_head(
    model: ReviewClassifier,
    texts: Encoded,
    targets_N: np.ndarray,
    compute: Compute,
    *,
    pad_id: int,
) -> None:
    """Put a logistic regression of the vectors into the classification layer.

    The vectors are those that reach that layer, so that the model's logits are the regression's,
    whatever the architecture's head does before it. How strongly it is regularised is chosen by
    cross-validation on these few texts, by log loss.

    Parameters
    ----------
    model : ReviewClassifier
    texts : Encoded
    targets_N : ndarray of int64
    compute : Compute
    pad_id : int
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    # In double precision: in single the solver's line search may find no step that improves.
    features_ND = head_inputs(model, texts, compute, pad_id=pad_id).astype(np.float64)
    fewest = int(np.unique(targets_N, return_counts=True)[1].min())
    regression = LogisticRegression(max_iter=2000)
    if fewest > 1:
        search = GridSearchCV(
            regression, {"C": STRENGTHS}, scoring="neg_log_loss", cv=min(FOLDS, fewest)
        )
        regression = search.fit(features_ND, targets_N).best_estimator_
    else:
        regression.fit(features_ND, targets_N)
    weight_CD, bias_C = regression.coef_, regression.intercept_
    if len(weight_CD) == 1:  # of two labels it has the difference alone
        weight_CD = np.concatenate([-weight_CD, weight_CD]) / 2
        bias_C = np.concatenate([-bias_C, bias_C]) / 2
    layer = families.classification(model.stock)
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weight_CD))
        layer.bias.copy_(torch.as_tensor(bias_C))


def head_inputs(
    model: ReviewClassifier, texts: Encoded, compute: Compute, *, pad_id: int
) -> np.ndarray:
    """Return what reaches the classification layer, of several pieces their mean, shape (N, D)."""
    layer = families.classification(model.stock)
    caught: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))

    def run(batch: Batch) -> np.ndarray:
        on = batch.to(compute.device)
        model(*on.inputs)
        count = int(on.owner_P[-1]) + 1
        return combine(caught.pop().float(), on.owner_P, count, "mean").cpu().numpy()

    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), autocast(compute):
            batches = padded(texts, compute.tokens_at_once, pad_id)
            return in_order(batches, run, (len(texts), layer.in_features))
    finally:
        hook.remove()
        model.train(was_training)


def _vectors(model: ReviewClassifier, batch: Batch) -> torch.Tensor:
    types = families.types(model.stock.config, batch.types_PT)
    states_PTD = model.stock.base_model(
        input_ids=batch.ids_PT, attention_mask=batch.mask_PT, **types
    )[0]
    pooled_PD = model.pool(states_PTD, batch.mask_PT)
    return combine(pooled_PD, batch.owner_P, int(batch.owner_P[-1]) + 1, "mean")

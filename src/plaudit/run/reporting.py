"""Put a run's report together, section by section; docs/report.md describes each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from plaudit import machine
from plaudit.artifact import versions
from plaudit.config import Config
from plaudit.data.prepare import Prepared
from plaudit.evaluate.settle import Settled
from plaudit.model import fold, lora, packed
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.report import document
from plaudit.run.testing import Tested, sections
from plaudit.text.encoded import Encoded
from plaudit.train.drive import Trained
from plaudit.train.imbalance import Balance, balance


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report is made of.

    Attributes
    ----------
    config : Config
    compute : Compute
    prepared : Prepared
    encoded : Encoded
        The training texts.
    model : ReviewClassifier
    trained : Trained
    settled : Settled
        The decision, as fitted on validation.
    tested : Tested or None
        None when nothing was held out.
    pretraining : mapping or None
        What was done to the encoder before.
    """

    config: Config
    compute: Compute
    prepared: Prepared
    encoded: Encoded
    model: ReviewClassifier
    trained: Trained
    settled: Settled
    tested: Tested | None
    pretraining: Mapping[str, Any] | None = None


def report(facts: Facts, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Put the document together.

    Parameters
    ----------
    facts : Facts
    seconds : mapping of str to float
        Of each stage.

    Returns
    -------
    dict
        What ``report.json`` holds.
    """
    config, encoded = facts.config, facts.encoded
    return {
        "schema": document.SCHEMA,
        "name": config.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "plaudit": versions()["plaudit"],
        "commit": machine.commit(),
        "config": config.model_dump(mode="json"),
        "config_digest": config.digest(),
        "data": _data_section(facts.prepared, facts.tested),
        "text": document.text_section(
            config.text.policy, config.text.max_tokens, encoded.full_N, encoded.kept_N
        ),
        "model": _model_section(facts),
        "pretraining": facts.pretraining,
        "ngrams": facts.settled.ngrams,
        "training": _training_section(facts),
        **sections(facts.tested),
        "seeds": None,  # of a run of several, what they found
        **_decision_sections(facts.settled, facts.tested),
        "machine": machine.describe(),
        "seconds": dict(seconds),
    }


def _decision_sections(settled: Settled, tested: Tested | None) -> dict[str, Any]:
    found = tested.decided if tested else {"calibration": None, "decision": None}
    rule = settled.rule
    return {
        "calibration": settled.calibration | {"test": found["calibration"]},
        "decision": None if rule is None else rule | {"test": found["decision"]},
    }


def _data_section(prepared: Prepared, tested: Tested | None) -> dict[str, Any]:
    sealed = prepared.test
    return {
        "asked": prepared.provenance.asked,
        "served_by": prepared.provenance.served_by,
        "note": prepared.provenance.note,
        "files": dict(prepared.provenance.files),
        "labels": list(prepared.labels),
        "multilabel": prepared.train.targets_N.ndim == 2,
        "rows": {
            "train": len(prepared.train),
            "validation": len(prepared.validation),
            "test": tested.rows if tested else 0,
        },
        "duplicates": prepared.duplicates,
        "extra": asdict(prepared.extra) if prepared.extra else None,
        "pseudo": prepared.pseudo.to_dict() if prepared.pseudo else None,
        "unlabelled": {name: each.to_dict() for name, each in prepared.unlabelled.items()},
        "consulted": {name: each.to_dict() for name, each in prepared.consulted.items()},
        "cotrained": asdict(prepared.cotrained) if prepared.cotrained else None,
        "excluded": prepared.excluded.to_dict() if prepared.excluded else None,
        "test_note": prepared.test_note,
        "training_ended": sealed.released_at if sealed else None,
        "test_first_read": sealed.opened_at if sealed else None,
    }


def _model_section(facts: Facts) -> dict[str, Any]:
    config, model, words = facts.config, facts.model, facts.settled.ngrams
    parameters = list(model.parameters())
    beside = bool(words and (words["weight"] or words.get("cascade")))
    stock = fold.is_stock(model.stock.config.model_type, config.model.pooling)
    return {
        "encoder": config.model.encoder,
        "architecture": type(model.stock).__name__,
        "pooling": config.model.pooling,
        "parameters": sum(p.numel() for p in parameters) - lora.size(model),
        "trainable_parameters": sum(p.numel() for p in parameters if p.requires_grad),
        "transformers": stock and not beside,
        "pipeline_note": _pipeline_note(config, stock, beside),
    }


def _pipeline_note(config: Config, stock: bool, beside: bool) -> str:
    if config.data.multilabel and stock:
        return (
            "transformers.pipeline gives each label the same probability (top_k=None lists them "
            f"all) for texts that fit in {config.text.max_tokens} tokens and need no cleaning; of "
            "the labels' thresholds it knows nothing. plaudit does."
        )
    if beside:
        return (
            "transformers.pipeline cannot load this model: a model of words answers with the "
            "encoder. plaudit can."
        )
    if config.decide.threshold != "none":
        return (
            f"transformers.pipeline gives the likeliest label: of the decision by "
            f"decide.threshold={config.decide.threshold} it knows nothing. plaudit does."
        )
    if not stock:
        return (
            f"transformers.pipeline cannot load this model: the architecture has no "
            f"{config.model.pooling} pooling. plaudit can."
        )
    return (
        "transformers.pipeline gives the same labels on texts that fit in "
        f"{config.text.max_tokens} tokens and need no cleaning; of longer ones it keeps other "
        f"parts than plaudit ({config.text.policy})."
    )


def balance_of(config: Config, prepared: Prepared) -> Balance:
    """Say what the run does about classes of unequal size."""
    return balance(config.imbalance, prepared.train.targets_N, prepared.labels, config.seed)


def batch_form(config: Config, model: ReviewClassifier, compute: Compute) -> packed.Form:
    """Say whether the run's batches are packed or padded, and why."""
    return packed.choose(config.train.packed, model.stock, compute, config.model.attention_dropout)


def _training_section(facts: Facts) -> dict[str, Any]:
    trained, compute = facts.trained, facts.compute
    form = batch_form(facts.config, facts.model, compute)
    last = trained.history[-1]
    return {
        "steps": last.step,
        "epochs": last.epoch,
        "seconds": last.seconds,
        "tokens": last.tokens,
        "tokens_per_s": last.tokens_per_s,
        "device": compute.device,
        "precision": compute.precision,
        "precision_reason": compute.reason,
        "packed": form.packed,
        "packed_reason": form.reason,
        "compiled": facts.config.train.compile,
        "imbalance": balance_of(facts.config, facts.prepared).to_dict(),
        "best_step": trained.best_step,
        "stopped": trained.stopped,
        "resumed_after": trained.resumed_after,
        "checkpoints": trained.checkpoints,
        "memory": trained.memory,
        "history": document.history_section([asdict(record) for record in trained.history]),
    }

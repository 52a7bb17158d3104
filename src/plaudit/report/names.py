"""The names of metrics on pages, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_precision": "Precision, macro",
    "macro_recall": "Recall, macro",
    "macro_f1": "F1, macro",
    "weighted_precision": "Precision, weighted",
    "weighted_recall": "Recall, weighted",
    "weighted_f1": "F1, weighted",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC-AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss (lower is better)",
    "brier": "Brier score (lower is better)",
    "ece": "Calibration error, ECE (lower is better)",
}
SET_NAMES = {
    "micro_f1": "F1 over all labels of all texts (micro)",
    "macro_f1": "F1, mean over labels (macro)",
    "samples_f1": "F1, mean over texts (samples)",
    "subset_accuracy": "Texts whose labels are all right (subset accuracy)",
    "hamming_loss": "Wrong among all labels given or not (Hamming loss; lower is better)",
    "micro_precision": "Precision, micro",
    "micro_recall": "Recall, micro",
    "macro_precision": "Precision, macro",
    "macro_recall": "Recall, macro",
    "macro_average_precision": "Average precision, mean over labels (mAP)",
    "macro_roc_auc": "ROC-AUC, mean over labels",
    "label_ranking_average_precision": "Label ranking average precision",
    "log_loss": "Log loss, mean over labels (lower is better)",
    "brier": "Brier score, mean over labels (lower is better)",
}
"""Of several labels a text."""
MAIN = {False: "accuracy", True: "micro_f1"}
"""By which a model is set beside its baseline: of one label a text, and of several."""


def names_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the metrics that are shown, by key: their names, in order."""
    return SET_NAMES if document["data"].get("multilabel") else NAMES

"""How far a model's answers hold: pairs of texts, generated checks, a second domain."""

from plaudit.robustness.probing import Plan, Robustness, probe, robustness
from plaudit.robustness.reported import into_report

__all__ = ["Plan", "Robustness", "into_report", "probe", "robustness"]

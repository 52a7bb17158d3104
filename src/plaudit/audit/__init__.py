"""What is wrong with a data set, before anything is trained on it."""

from plaudit.audit.examine import Audit, audit
from plaudit.audit.records import Change, Example, Finding
from plaudit.audit.training_rows import audit_rows

__all__ = ["Audit", "Change", "Example", "Finding", "audit", "audit_rows"]

"""The composition root: a whole run, and what is done with it afterwards."""

from plaudit.run.evaluation import evaluate
from plaudit.run.folder import rebuild_report
from plaudit.run.training import Run, resume, train
from plaudit.run.watching import Watcher

__all__ = ["Run", "Watcher", "evaluate", "rebuild_report", "resume", "train"]

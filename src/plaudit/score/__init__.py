"""A file of any size through a model: a shard at a time, each row once, whatever interrupts it."""

from plaudit.score.job import run, score
from plaudit.score.records import Options, Scored, Standing
from plaudit.score.shards import Predictor

__all__ = ["Options", "Predictor", "Scored", "Standing", "run", "score"]

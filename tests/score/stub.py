"""A stand-in for a model, whose answers follow from the text alone, and jobs for it."""

import hashlib
import time

from plaudit.predict import Prediction
from plaudit.score import Options, run
from plaudit.score.publish import check_out
from plaudit.score.read import find

LABELS = ("negative", "positive")


class Stub:
    labels = LABELS

    def __init__(self, poison=None, delay_s=0.0):
        self.asked = 0
        self.poison = poison
        self.delay_s = delay_s

    def predict(self, texts):
        time.sleep(self.delay_s)
        if self.poison is not None and any(self.poison in text for text in texts):
            raise RuntimeError("index out of range\nin self")
        self.asked += len(texts)
        return [prediction(text) for text in texts]


class Unsure(Stub):
    """Abstains on texts that end in a question mark."""

    abstains = True

    def predict(self, texts):
        return [_Answer(prediction(text), text.endswith("?")) for text in texts]


class _Answer:
    def __init__(self, given, unsure):
        self.label, self.probability = given.label, given.probability
        self.probabilities, self.unsure = given.probabilities, unsure


def prediction(text):
    share = hashlib.sha256(text.encode()).digest()[0] / 255
    named = {"negative": 1 - share, "positive": share}
    label = max(named, key=named.get)
    return Prediction(label, named[label], named)


def scored(data, out, predictor=None, *, text=None, watcher=None, model="m", **options):
    """What plaudit.score does once the model is loaded."""
    check_out(out)
    table = find(data, text)
    options = Options(**({"shard_rows": 4} | options))
    return run(predictor or Stub(), {"sha256": model}, table, out, options, watcher)

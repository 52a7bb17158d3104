"""The finder climbs through all rates, stops where the loss has exploded, and names a rate."""

import json
import re
from itertools import pairwise
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import plaudit
from plaudit.cli import app
from plaudit.data.sealed import Sealed
from plaudit.errors import ConfigError, TrainingError
from plaudit.lr import SMOOTHING, lr, summit
from plaudit.train import loop


@pytest.fixture(scope="module")
def config(reviews_file, tiny_encoder):
    return plaudit.load_config(
        str(reviews_file),
        [f"model.encoder={tiny_encoder}", "text.max_tokens=32", "train.batch_tokens=256",
         "optim.head_lr=1e-3", "optim.lr=1e-4", "train.max_seconds=1e-3"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def climb(config):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sealed, "open", lambda self: pytest.fail("the test set was opened"))
        return lr(config, low=1e-5, high=10.0, steps=30)


def test_rates_rise_by_equal_factors(climb):
    rates = [rung.lr for rung in climb.rungs]
    assert rates[0] == pytest.approx(1e-5)
    factor = (10.0 / 1e-5) ** (1 / 29)
    assert [b / a for a, b in pairwise(rates)] == pytest.approx([factor] * (len(rates) - 1))


def test_the_climb_ends_where_the_loss_explodes(climb):
    *means, last = (rung.smoothed for rung in climb.rungs)
    assert len(means) < 29
    assert last > 2 * min(means)
    assert 1e-4 < climb.suggested < climb.rungs[-1].lr


def test_the_rate_is_where_the_smoothed_loss_falls_fastest():
    losses = [1.0, 1.0, 0.9, 0.3, 0.3, 5.0]
    found = summit([(10.0**n, loss) for n, loss in enumerate(losses)])
    assert found.suggested == 1e3
    mean = (SMOOTHING * 1.0 + 1.0) / (SMOOTHING + 1)
    assert found.rungs[1].smoothed == pytest.approx(mean)
    assert summit([(1.0, 1.0), (2.0, 2.0)]).suggested is None


@pytest.mark.parametrize("wrong", [{"steps": 1}, {"low": 0.0}, {"low": 1.0, "high": 0.1}])
def test_a_climb_that_does_not_rise_is_refused(config, wrong):
    with pytest.raises(ConfigError, match="rise from above 0"):
        lr(config, **wrong)


@pytest.mark.parametrize("after", [0, 3])
def test_memory_that_runs_out_is_not_taken_for_the_end_of_the_climb(config, monkeypatch, after):
    backward, calls = loop._backward, []

    def full(*args):
        calls.append(args)
        if len(calls) > after:
            raise MemoryError("no room")
        return backward(*args)

    monkeypatch.setattr(loop, "_backward", full)
    with pytest.raises(TrainingError, match="memory ran out again"):
        lr(config, steps=12)


def test_one_hard_batch_does_not_end_the_climb(config, monkeypatch):
    """Where texts are few and easy, losses of single batches differ by more than their mean."""
    losses = [0.7, 0.4, 0.6, 0.5, 0.3, 0.4, 0.9, 0.3, 0.2, 0.5, 0.2, 0.4]

    def made_up(model, batches, course, compute, settings):
        for step, loss in enumerate(losses):
            yield SimpleNamespace(lr=1e-5 * 2**step, loss=loss)

    monkeypatch.setattr(loop, "fit", made_up)
    assert [rung.loss for rung in lr(config, steps=12).rungs] == losses


def test_a_head_that_is_fitted_first_has_nowhere_to_fall_from(config):
    contrast = config.contrast.model_copy(update={"steps": 3})
    with pytest.raises(ConfigError, match=r"contrast\.steps is 3: .*set contrast\.steps=0"):
        lr(config.model_copy(update={"contrast": contrast}))


def test_the_command_suggests_the_run(config, reviews_file):
    asked = ["lr", str(reviews_file), f"model.encoder={config.model.encoder}"]
    asked += ["text.max_tokens=32", "train.batch_tokens=256", "optim.lr=1e-4"]
    asked += ["--steps", "12", "--json"]
    ended = CliRunner().invoke(app, asked)
    assert ended.exit_code == 0
    found = json.loads(ended.stdout)
    assert found["rungs"][0]["lr"] == pytest.approx(1e-6)
    assert f"plaudit train {reviews_file}" in ended.stderr
    assert f"optim.lr={found['suggested']:.1e}" in ended.stderr
    assert ended.stderr.count("optim.lr=") == 1
    assert "head_lr" not in ended.stderr


def test_the_head_keeps_its_ratio_in_the_command(config, reviews_file):
    asked = ["lr", str(reviews_file), f"model.encoder={config.model.encoder}"]
    asked += ["text.max_tokens=32", "train.batch_tokens=256", "optim.lr=1e-4"]
    asked += ["optim.head_lr=1e-3", "--steps", "12", "--json"]
    ended = CliRunner().invoke(app, asked)
    found = json.loads(ended.stdout)
    rates = dict(re.findall(r"optim\.(lr|head_lr)=(\S+)", ended.stderr))
    assert rates["lr"] == f"{found['suggested']:.1e}"
    assert float(rates["head_lr"]) == pytest.approx(10 * float(rates["lr"]), rel=0.01)
    assert ended.stderr.count("head_lr=") == 1

"""The cost estimate: its arithmetic on a clock of our own, what smaller plans save, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from toy import toy_dataset

from dscale_core.errors import ArgumentError
from dscale_core.learners import make_learner
from dscale_core.sampling import Coalitions, Saving, estimate_cost
from dscale_core.types import Contributions, SamplingPlan

PLAN = SamplingPlan(min_size=20, max_size=100, draws=12)
MODULE = sys.modules[estimate_cost.__module__]
BASE, EACH = 0.5, 0.01  # seconds a member of the coalition, seconds a point outside it


@dataclass
class Clocked:
    """A learner that takes exactly BASE k + EACH p seconds of a made clock; the first call of every kind compiles."""

    exact: bool = True
    now: float = 0.0
    calls: int = 0

    def bind(self, dataset: object, utility: str) -> Clocked:  # noqa: ARG002
        return self

    def contributions(self, coalition: np.ndarray, points: np.ndarray) -> Contributions:
        self.calls += 1
        self.now += BASE * coalition.size + EACH * points.size + (50.0 if self.exact and self.calls % 2 == 0 else 0.0)
        return Contributions(np.zeros(points.size), 0.0)


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> Clocked:
    learner = Clocked()
    monkeypatch.setattr(MODULE, "time", SimpleNamespace(perf_counter=lambda: learner.now))
    return learner


def expected(plan: SamplingPlan, points: int, n: int = 200) -> float:
    sizes = Coalitions(toy_dataset(n=n), plan).sizes
    return float(np.sum(BASE * sizes + EACH * points * (1 - sizes / n)))


def test_seconds_follow_from_base_and_points_and_compiling_is_left_out(clocked: Clocked) -> None:
    found = estimate_cost(toy_dataset(n=200), clocked, PLAN, "log_loss")
    assert found.seconds == pytest.approx(expected(PLAN, 200))
    assert found.contributions_per_second == pytest.approx(found.n_contributions / found.seconds)


@pytest.mark.parametrize("spread", ["uniform", "log_uniform"])
def test_savings_are_the_cost_of_the_smaller_plan(clocked: Clocked, spread: str) -> None:
    plan = replace(PLAN, sizes=spread)
    found = estimate_cost(toy_dataset(n=200), clocked, plan, "log_loss")
    points, draws, size = found.savings
    assert points == Saving("100 points instead of 200", pytest.approx(expected(plan, 100)))
    assert draws == Saving("6 coalitions instead of 12", pytest.approx(expected(replace(plan, draws=6), 200)))
    assert size == Saving("largest size 50 instead of 100", pytest.approx(expected(replace(plan, max_size=50), 200)))
    assert all(saving.seconds < found.seconds for saving in found.savings)


def test_savings_need_no_timing_of_their_own(clocked: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    estimate_cost(toy_dataset(n=200), clocked, PLAN, "log_loss")
    with_savings, clocked.calls = clocked.calls, 0
    monkeypatch.setattr(MODULE, "_savings", lambda *_: ())
    estimate_cost(toy_dataset(n=200), clocked, PLAN, "log_loss")
    assert clocked.calls == with_savings


def test_listed_sizes_are_cut_at_half_of_the_largest(clocked: Clocked) -> None:
    plan = SamplingPlan(sizes=(20, 60, 100), draws=4)
    found = estimate_cost(toy_dataset(n=200), clocked, plan, "log_loss")
    labels = [saving.label for saving in found.savings]
    assert labels == ["100 points instead of 200", "6 coalitions instead of 12", "largest size 50 instead of 100"]
    cut = np.repeat([20, 50, 50], 4)
    assert found.savings[2].seconds == pytest.approx(float(np.sum(BASE * cut + EACH * 200 * (1 - cut / 200))))


def test_what_cannot_be_halved_is_not_offered(clocked: Clocked) -> None:
    plan = SamplingPlan(points=(3,), min_size=60, max_size=100, draws=1)
    assert estimate_cost(toy_dataset(n=200), clocked, plan, "log_loss").savings == ()


def test_refits_are_timed_on_few_points(clocked: Clocked) -> None:
    clocked.exact = False
    found = estimate_cost(toy_dataset(n=200), clocked, PLAN, "log_loss")
    assert found.seconds == pytest.approx(expected(PLAN, 200))
    assert clocked.calls <= 3 * 3 + 2


def test_workers_share_the_time_and_add_to_the_memory(clocked: Clocked) -> None:
    one, four = (estimate_cost(toy_dataset(n=200), clocked, PLAN, "log_loss", n_jobs=n) for n in (1, 4))
    assert four.seconds == pytest.approx(one.seconds / 3.7)
    assert four.working_bytes == pytest.approx(4 * one.working_bytes, rel=0.05)
    assert four.memory_bytes == one.memory_bytes


def test_working_space_counts_the_data_and_what_a_coalition_needs() -> None:
    small, large = toy_dataset(n=200), toy_dataset(n=2000, d=40)
    spaces = [estimate_cost(data, make_learner("logistic"), PLAN, "log_loss").working_bytes for data in (small, large)]
    assert spaces[1] - spaces[0] > 2 * large.X_pool.nbytes


@pytest.mark.parametrize("name", ["ridge", "tree"])
def test_regression_is_estimated_too(name: str) -> None:
    found = estimate_cost(toy_dataset(n=150, task="regression"), make_learner(name), PLAN, "mse")
    assert found.seconds > 0
    assert len(found.savings) == 3


def test_a_plan_that_cannot_run_is_refused_before_any_timing(clocked: Clocked) -> None:
    with pytest.raises(ArgumentError, match="max_size must be below the pool's 200 points"):
        estimate_cost(toy_dataset(n=200), clocked, replace(PLAN, max_size=300), "log_loss")
    assert clocked.calls == 0

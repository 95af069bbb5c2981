"""Every learner that can be chosen passes its own audit and can be timed, on data it is made for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from toy import clusters, toy_dataset

from dscale_core.learners import describe_learner, list_learners, make_learner
from dscale_core.learners.two_classes import LogitValuation
from dscale_core.sampling import audit, estimate_cost
from dscale_core.types import FloatVector, SamplingPlan, default_utility

PLAN = SamplingPlan(min_size=20, max_size=50, draws=4)
SMALL = {
    "mlp": {"hidden": 6, "steps": 20},
    "mlp_sklearn": {"hidden": 6, "steps": 20},
    "random_forest": {"n_estimators": 5},
    "gradient_boosting": {"n_estimators": 5},
    "knn_sklearn": {"n_neighbors": 10},
}
CASES = [
    (name, task)
    for name in list_learners()
    for task in ("classification", "regression")
    if describe_learner(name).task in ("any", task)
]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("name", "task"), CASES)
def test_the_audit_gives_a_plain_verdict(name: str, task: str) -> None:
    dataset, learner = toy_dataset(n=90, d=4, task=task), make_learner(name, **SMALL.get(name, {}))
    report = audit(dataset, learner, PLAN, default_utility(task), pairs=4)
    assert report.passed, report.verdict
    assert report.pairs == 4
    assert report.relative_error <= 1e-3
    assert not report.rank_correlation <= 0.99  # not defined where fewer than three pairs differ
    assert report.verdict.startswith("Exact: over 4" if learner.exact else "This learner refits every contribution")
    assert estimate_cost(dataset, learner, PLAN, default_utility(task)).seconds > 0


@pytest.mark.parametrize("name", ["logistic", "kernel_logistic", "svm"])
@pytest.mark.parametrize("C", [1e-3, 1e3])
def test_classes_that_can_be_told_apart_raise_no_false_alarm(name: str, C: float) -> None:
    """Losses of 1e-9: probabilities that a reference rounded to one would leave nothing of the contributions."""
    dataset, plan = clusters(distance=40.0), SamplingPlan(min_size=20, max_size=150, draws=4)
    report = audit(dataset, make_learner(name, C=C), plan, "log_loss", pairs=12)
    assert report.passed, report.verdict


def test_several_classes_that_can_be_told_apart_raise_none_either() -> None:
    plan = SamplingPlan(min_size=20, max_size=150, draws=4)
    report = audit(clusters(20.0, classes=4), make_learner("logistic", C=1e3), plan, "log_loss", pairs=12)
    assert report.passed, report.verdict


def test_an_engine_that_is_wrong_is_found_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, plan = clusters(distance=40.0), SamplingPlan(min_size=20, max_size=150, draws=4)
    monkeypatch.setattr(LogitValuation, "change", wrong_by_a_hundredth(LogitValuation.change))
    report = audit(dataset, make_learner("logistic", C=1e3), plan, "log_loss", pairs=12)
    assert not report.passed
    assert "Do not use" in report.verdict


def wrong_by_a_hundredth(right: Callable[[Any, Any], FloatVector]) -> Callable[[Any, Any], FloatVector]:
    return lambda self, steps: 1.01 * right(self, steps)

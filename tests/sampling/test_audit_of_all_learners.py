"""Every learner that can be chosen passes its own audit and can be timed, on data it is made for."""

from __future__ import annotations

import pytest
from toy import toy_dataset

from dscale_core.learners import describe_learner, list_learners, make_learner
from dscale_core.sampling import audit, estimate_cost
from dscale_core.types import SamplingPlan, default_utility

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

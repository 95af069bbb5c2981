"""On rows of the caller's, block by block: every exact engine against an engine built for each block, and against refits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

from dscale_core.learners import make_learner
from dscale_core.types import BlockContributions, Dataset, IntVector, ValuationRows, default_utility

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("logistic", {}, {}),
    ("logistic", {}, {"classes": 3}),
    ("kernel_logistic", {}, {}),
    ("svm", {}, {}),
    ("knn", {"n_neighbors": 7}, {"classes": 3}),
    ("knn", {"n_neighbors": 30}, {"task": "regression"}),
    ("ridge", {}, {"task": "regression"}),
    ("linear", {}, {"task": "regression"}),
    ("random_forest", {"n_estimators": 5}, {}),
]


def _case(name: str, params: dict[str, Any], kind: dict[str, Any]) -> tuple[Any, Dataset, IntVector, ValuationRows, str]:
    dataset = toy_dataset(n=90, d=4, noise=1.0, seed=5, **kind)
    rng = np.random.default_rng(2)
    members = np.sort(rng.choice(90, 28, replace=False))
    rows = ValuationRows(dataset.X_valuation[:50], dataset.y_valuation[:50], np.array([0, 11, 30]))
    return make_learner(name, **params), dataset, members, rows, default_utility(dataset.task)


def _refitted(learner: Any, dataset: Dataset, members: IntVector, rows: ValuationRows, utility: str) -> np.ndarray:
    blocks = [replace(dataset, X_valuation=rows.X[b], y_valuation=rows.y[b]) for b in rows.slices]
    return np.array([learner.reference_loss(own, members, utility) for own in blocks])


@pytest.mark.parametrize(("name", "params", "kind"), CASES)
def test_leaving_out_is_a_refit_without_the_member(name: str, params: dict[str, Any], kind: dict[str, Any]) -> None:
    learner, dataset, members, rows, utility = _case(name, params, kind)
    asked = members[[20, 0, 7]]  # in any order
    found = learner.left_out(dataset, members, asked, rows, utility)
    base = _refitted(learner, dataset, members, rows, utility)
    saved = [base - _refitted(learner, dataset, members[members != z], rows, utility) for z in asked]
    np.testing.assert_allclose(found.base_loss, base, rtol=1e-6)
    np.testing.assert_allclose(found.delta, saved, rtol=1e-4, atol=2e-6 * np.abs(base).max())
    assert np.ptp(found.delta) > 0


@pytest.mark.parametrize(("name", "params", "kind"), CASES)
def test_blocks_together_are_each_block_alone(name: str, params: dict[str, Any], kind: dict[str, Any]) -> None:
    learner, dataset, members, rows, utility = _case(name, params, kind)
    points = np.arange(90) if learner.exact else np.arange(5, 15)
    found: BlockContributions = learner.block_contributions(dataset, members, points, rows, utility)
    for b, block in enumerate(rows.slices):
        own = replace(dataset, X_valuation=rows.X[block], y_valuation=rows.y[block])
        alone = learner.contributions(own, members, points, utility)
        np.testing.assert_allclose(found.delta[:, b], alone.delta, rtol=1e-4, atol=1e-7)
        assert found.base_loss[b] == pytest.approx(alone.base_loss, rel=1e-9)


def test_neighbours_of_a_few_points_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where lists of the whole pool would be too long, those of the asked are sorted by themselves."""
    learner, dataset, members, rows, utility = _case("knn", {"n_neighbors": 7}, {})
    double = replace(dataset, X_pool=np.round(dataset.X_pool), X_valuation=np.round(dataset.X_valuation))  # ties
    points = np.array([89, 3, 40, 41])
    whole = learner.block_contributions(double, members, points, rows, utility)
    monkeypatch.setattr("dscale_core.learners.knn._LIST_BYTES", 12 * 50 * 40)
    some = learner.block_contributions(replace(double), members, points, rows, utility)
    np.testing.assert_array_equal(some.delta, whole.delta)
    np.testing.assert_array_equal(some.base_loss, whole.base_loss)


def test_a_member_that_alone_holds_a_direction() -> None:
    """What is left without it is another model altogether, which the closed form cannot say."""
    dataset = toy_dataset(n=40, d=4, task="regression", seed=3)
    X = dataset.X_pool.copy()
    X[:, 3] = 0.0
    X[7, 3] = 5.0
    lone, members = replace(dataset, X_pool=X), np.arange(20)
    rows = ValuationRows(dataset.X_valuation, dataset.y_valuation, np.array([0, 40]))
    learner = make_learner("linear")
    found = learner.left_out(lone, members, np.array([6, 7]), rows, "mse")
    base = _refitted(learner, lone, members, rows, "mse")
    saved = [base - _refitted(learner, lone, members[members != z], rows, "mse") for z in (6, 7)]
    np.testing.assert_allclose(found.delta, saved, rtol=1e-6, atol=1e-9)
    assert np.abs(found.delta[1]).max() > 0

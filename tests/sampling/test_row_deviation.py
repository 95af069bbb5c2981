"""What other valuation rows would change, for every kind of learner: against the scatter of many other sets themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy import OnOwnRows, toy_dataset

import dscale_core as ds
from dscale_core.learners.knn import KNN, KNNEngine
from dscale_core.sampling import Coalitions, row_deviation
from dscale_core.types import Dataset, IntVector, Learner, ValuationRows

POINTS = np.arange(0, 300, 4)
PLAN = ds.SamplingPlan(points=tuple(POINTS.tolist()), min_size=40, max_size=120, draws=40, seed=2, valuation="fixed")
SETS, ROWS = 12, 100


def _made(task: str) -> Dataset:
    """A pool of 300, a valuation set of 100 and twelve others like it, as the test set."""
    more = {"task": "regression"} if task == "regression" else {"classes": int(task)}
    whole = toy_dataset(n=300 + ROWS * (SETS + 1), d=4, noise=1.5, seed=6, **more)
    X, y, first = whole.X_pool, whole.y_pool, 300 + ROWS
    return replace(
        whole, X_pool=X[:300], y_pool=y[:300], X_valuation=X[300:first], y_valuation=y[300:first], X_test=X[first:],
        y_test=y[first:],
    )  # fmt: skip


def _scatter(dataset: Dataset, learner: Learner, utility: str, columns: IntVector) -> np.ndarray:
    """Mean squared deviation over points of mean contributions on the other sets, in units of size."""
    coalitions = Coalitions(dataset, PLAN)
    rows = ValuationRows(dataset.X_test, dataset.y_test, np.arange(SETS) * ROWS)
    draws = [
        coalitions.sizes[j]
        * learner.block_contributions(dataset, coalitions.members(j), POINTS[columns], rows, utility).delta
        for j in range(24)
    ]
    return np.asarray(np.mean(np.var(np.nanmean(draws, axis=0), axis=1, ddof=1)))


@pytest.mark.parametrize(
    ("name", "task", "params", "n_points", "most"),
    [
        ("logistic", "2", {}, 75, 2.2),  # a surrogate
        ("logistic", "3", {}, 75, 2.2),  # an engine that solves once for all blocks
        ("ridge", "regression", {}, 75, 2.2),
        ("knn", "2", {"n_neighbors": 10}, 75, 2.2),  # engines that keep to their rows
        ("kernel_logistic", "2", {}, 75, 2.2),
        ("svm", "2", {}, 75, 2.2),
        ("tree", "2", {"max_depth": 2}, 30, 5.0),  # refits, whose noise of coalitions is many times that of rows
    ],
)
def test_the_scatter_of_other_sets_is_told_from_blocks_of_one(
    name: str, task: str, params: dict, n_points: int, most: float
) -> None:
    dataset, learner = _made(task), ds.make_learner(name, **params)
    utility = "mse" if task == "regression" else "brier"
    found = row_deviation(dataset, learner, PLAN, utility, np.arange(40), POINTS)
    assert found is not None
    columns, rows = found
    assert columns.size == n_points
    told = np.mean((rows.deviation * rows.sizes[:, None]) ** 2)
    # one set tells the variance of many with some fifteen degrees of freedom, and points share them
    assert 0.4 < told / _scatter(dataset, learner, utility, columns) < most


def test_a_refitting_learner_that_starts_anew_for_each_block_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, learner = _made("2"), ds.make_learner("knn")
    assert row_deviation(replace(dataset, X_valuation=dataset.X_test[:3], y_valuation=dataset.y_test[:3]), learner, PLAN,
                         "log_loss", np.arange(40), POINTS) is None  # fmt: skip
    monkeypatch.setattr(type(learner), "exact", False)
    monkeypatch.setattr(KNN, "_build", lambda *asked: OnOwnRows(KNNEngine(*asked)))
    assert row_deviation(replace(dataset), learner, PLAN, "log_loss", np.arange(40), POINTS) is None


def test_the_share_done_is_told_and_few_draws_are_enough() -> None:
    dataset, learner, done = _made("3"), ds.make_learner("logistic"), []
    found = row_deviation(dataset, learner, PLAN, "log_loss", np.arange(6), POINTS, done.append)
    assert found is not None
    assert np.all(found[1].deviation >= 0)
    assert done == [pytest.approx((i + 1) / 6) for i in range(6)]
    assert row_deviation(dataset, learner, PLAN, "log_loss", np.arange(1), POINTS) is None


@pytest.mark.parametrize("method", ["shrinkage", "likelihood"])
@pytest.mark.parametrize("classes", ["2", "3"])
def test_intervals_hold_means_on_other_rows_for_any_estimator_and_learner(method: str, classes: str) -> None:
    dataset, learner = _made(classes), ds.make_learner("logistic")
    laws = ds.fit(dataset, learner, ds.sample(dataset, learner, PLAN), method)
    other = replace(dataset, X_valuation=dataset.X_test, y_valuation=dataset.y_test)
    held = ds.sample(other, learner, replace(PLAN, sizes=(50, 100), draws=60, seed=9))
    inside = {True: [], False: []}
    for k in (50, 100):
        mean = np.nanmean(held.delta[held.sizes == k], axis=0)
        for rows, found in inside.items():
            low, high = laws.psi_interval(k, other_rows=rows)
            found.append(np.mean((low <= mean) & (mean <= high)))
    assert np.mean(inside[True]) > 0.75
    assert np.mean(inside[True]) > np.mean(inside[False]) + 0.1

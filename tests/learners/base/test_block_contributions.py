"""Contributions on rows of the caller's, block by block: the same as a dataset whose valuation set is that block."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.errors import ArgumentError
from dscale_core.learners import make_learner
from dscale_core.learners.logistic import Logistic
from dscale_core.types import Engine, PredictingEngine, ValuationRows

LEARNERS: list[tuple[str, int, dict[str, Any]]] = [
    ("logistic", 2, {}),
    ("logistic", 3, {}),
    ("kernel_logistic", 2, {}),
    ("svm", 2, {}),
    ("knn", 2, {"n_neighbors": 5}),
    ("ridge", 0, {}),
    ("linear", 0, {}),
    ("mlp", 2, {"steps": 5, "hidden": 4}),
    ("tree", 2, {}),
    ("random_forest", 2, {"n_estimators": 5}),
]


def _rows(dataset: ds.Dataset) -> ValuationRows:
    """The valuation set, and pool points beside it, in blocks of unequal lengths."""
    X = np.concatenate([dataset.X_valuation, dataset.X_pool[100:130]])
    y = np.concatenate([dataset.y_valuation, dataset.y_pool[100:130]])
    return ValuationRows(X, y, np.array([0, 20, 55]))


def _some() -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(5).permutation(100)
    return np.sort(order[:40]), order[30:60]  # ten of the points are in the coalition


@pytest.mark.parametrize(("name", "classes", "params"), LEARNERS)
def test_each_block_is_a_valuation_set(name: str, classes: int, params: dict[str, Any]) -> None:
    dataset = toy_dataset(n=130, d=4, classes=classes) if classes else toy_dataset(n=130, d=4, task="regression")
    utility = "log_loss" if classes else "mse"
    learner, rows = make_learner(name, **params), _rows(dataset)
    members, points = _some()
    found = learner.block_contributions(dataset, members, points, rows, utility)
    assert found.delta.shape == (30, 3)
    for b, block in enumerate(rows.slices):
        own = replace(dataset, X_valuation=rows.X[block], y_valuation=rows.y[block])
        alone = learner.contributions(own, members, points, utility)
        np.testing.assert_array_equal(np.isnan(found.delta[:, b]), np.isin(points, members))
        spread = np.nanstd(alone.delta)
        assert np.nanmax(np.abs(found.delta[:, b] - alone.delta)) <= 1e-4 * spread
        assert found.base_loss[b] == pytest.approx(alone.base_loss, rel=1e-7)


@pytest.mark.parametrize(("name", "classes", "params"), LEARNERS)
def test_blocks_add_up_to_the_whole(name: str, classes: int, params: dict[str, Any]) -> None:
    dataset = toy_dataset(n=130, d=4, classes=classes) if classes else toy_dataset(n=130, d=4, task="regression")
    utility = "log_loss" if classes else "mse"
    learner, rows = make_learner(name, **params), _rows(dataset)
    members, points = _some()
    parts = learner.block_contributions(dataset, members, points, rows, utility)
    whole = learner.block_contributions(dataset, members, points, replace(rows, starts=np.array([0])), utility)
    np.testing.assert_allclose(parts.delta @ rows.shares, whole.delta[:, 0], atol=1e-4 * np.nanstd(whole.delta))
    assert parts.base_loss @ rows.shares == pytest.approx(whole.base_loss[0], rel=1e-9)


@pytest.mark.parametrize(("name", "classes", "params"), LEARNERS)
def test_one_fit_gives_the_losses_of_all_utilities(name: str, classes: int, params: dict[str, Any]) -> None:
    dataset = toy_dataset(n=130, d=4, classes=classes) if classes else toy_dataset(n=130, d=4, task="regression")
    utilities = ("log_loss", "brier", "accuracy", "paper_log_loss") if classes else ("mse",)
    learner, rows = make_learner(name, **params), _rows(dataset)
    members, points = _some()
    assert isinstance(learner.bind(dataset, utilities[0]), PredictingEngine)
    found = learner.block_losses(dataset, members, rows, utilities)
    assert found.shape == (len(utilities), 3)
    for utility, losses in zip(utilities, found, strict=True):
        apart = learner.block_contributions(dataset, members, points[:0], rows, utility).base_loss
        np.testing.assert_allclose(losses, apart, rtol=1e-9)


@pytest.mark.parametrize("params", [{}, {"weights": "uniform"}, {"smoothing": 0.0}, {"n_neighbors": 60}])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_neighbours_predict_rows_of_the_callers(params: dict[str, Any], task: Any) -> None:
    dataset = toy_dataset(n=130, d=2, task=task)
    grid = replace(dataset, X_pool=np.round(dataset.X_pool), X_valuation=np.round(dataset.X_valuation))  # ties and copies
    learner, utility = make_learner("knn", **{"n_neighbors": 5} | params), "log_loss" if task == "classification" else "mse"
    rows = ValuationRows(grid.X_valuation[:70], grid.y_valuation[:70], np.array([0, 30]))
    members = np.random.default_rng(3).permutation(130)[:50]
    (found,) = learner.block_losses(grid, members, rows, (utility,))
    for b, block in enumerate(rows.slices):
        own = replace(grid, X_valuation=rows.X[block], y_valuation=rows.y[block])
        assert found[b] == pytest.approx(learner.reference_loss(own, members, utility), rel=1e-12)


@pytest.mark.parametrize("utility", ["log_loss", "brier"])
def test_an_engine_that_cannot_predict_is_asked_for_each_utility(utility: str) -> None:
    class Bare(Logistic):
        def _build(self, dataset: ds.Dataset, utility: str) -> Engine:
            return _Bare(super()._build(dataset, utility))

    dataset, members = toy_dataset(n=130, d=4), _some()[0]
    wanted = make_learner("logistic").block_losses(dataset, members, _rows(dataset), ("accuracy", utility))
    found = Bare(C=1.0).block_losses(dataset, members, _rows(dataset), ("accuracy", utility))
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


class _Bare:
    """An engine of contributions on its own valuation set, and nothing else."""

    def __init__(self, engine: Engine) -> None:
        self.contributions = engine.contributions


@pytest.mark.parametrize("utility", ["log_loss", "brier"])
def test_the_surrogate_by_block_is_the_surrogate(utility: str) -> None:
    dataset = toy_dataset(n=130, d=4)
    members, points = _some()
    rows = _rows(dataset)
    engine = make_learner("logistic").surrogate(dataset, utility)
    found = engine.by_block(members, points, rows)
    for b, block in enumerate(rows.slices):
        own = replace(dataset, X_valuation=rows.X[block], y_valuation=rows.y[block])
        alone = make_learner("logistic").surrogate(own, utility).contributions(members, points)
        np.testing.assert_allclose(found.delta[:, b], alone.delta, atol=1e-5 * np.nanstd(alone.delta))
        assert found.base_loss[b] == pytest.approx(alone.base_loss, rel=1e-6)


def test_blocks_are_checked() -> None:
    X, y = np.zeros((6, 2)), np.zeros(6, dtype=np.int64)
    for starts in ([1, 3], [0, 3, 3], [0, 6], []):
        with pytest.raises(ArgumentError, match="starts must"):
            ValuationRows(X, y, np.array(starts, dtype=np.int64))
    with pytest.raises(ArgumentError, match="y must"):
        ValuationRows(X, y[:5], np.array([0]))
    assert ValuationRows(X, y, np.array([0, 4])).slices == [slice(0, 4), slice(4, 6)]

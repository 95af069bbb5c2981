"""The nearest-neighbour engine against scikit-learn, literal formulas and its own invariants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from literal_loss import literal_loss
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from toy import toy_dataset

from dscale_core.learners import knn, make_learner
from dscale_core.types import Dataset, IntVector

EXACT = 1e-12


def literal_predictions(
    dataset: Dataset, members: IntVector, n_neighbors: int, weights: str, smoothing: float
) -> NDArray[Any]:
    """scikit-learn's, with the smoothing applied to its probabilities. Its tree search takes exact distances."""
    kind = KNeighborsClassifier if dataset.class_names else KNeighborsRegressor
    m = min(n_neighbors, members.size)
    model = kind(m, weights=weights, algorithm="kd_tree").fit(dataset.X_pool[members], dataset.y_pool[members])
    if not dataset.class_names:
        return model.predict(dataset.X_valuation)
    p = np.zeros((dataset.y_valuation.size, len(dataset.class_names)))
    p[:, model.classes_] = model.predict_proba(dataset.X_valuation)
    return (p * m + smoothing) / (m + p.shape[1] * smoothing)


def error(dataset: Dataset, members: IntVector, utility: str, n: int = 40, **params: Any) -> float:
    options = {"n_neighbors": 50, "weights": "distance", "smoothing": 0.5, **params}
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    found = make_learner("knn", **params).contributions(dataset, members, outside, utility)

    def literal(rows: IntVector) -> float:
        return literal_loss(utility, literal_predictions(dataset, rows, **options), dataset.y_valuation)

    base = literal(members)
    truth = np.array([base - literal(np.append(members, z)) for z in outside[:n]])
    assert truth.std() > 0
    return max(float(np.abs(found.delta[:n] - truth).max()), abs(found.base_loss - base))


def some_members(size: int, n: int = 300) -> IntVector:
    return np.random.default_rng(1).permutation(n)[:size]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
@pytest.mark.parametrize("params", [{}, {"weights": "uniform", "n_neighbors": 7}, {"n_neighbors": 1, "smoothing": 0.1}])
def test_every_utility_equals_scikit_learns(classes: int, utility: str, params: dict[str, Any]) -> None:
    dataset = toy_dataset(n=300, d=4, classes=classes)
    assert error(dataset, some_members(120), utility, **params) <= EXACT


@pytest.mark.parametrize("weights", ["distance", "uniform"])
@pytest.mark.parametrize("n_neighbors", [1, 10, 50])
def test_regression_equals_scikit_learns(weights: str, n_neighbors: int) -> None:
    dataset = toy_dataset(n=300, d=4, task="regression")
    assert error(dataset, some_members(120), "mse", weights=weights, n_neighbors=n_neighbors) <= EXACT


@pytest.mark.parametrize("size", [2, 10, 49, 50, 51])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_few_members_all_vote(size: int, task: Any) -> None:
    dataset = toy_dataset(n=300, d=4, classes=3, task=task)
    assert error(dataset, some_members(size), "log_loss" if task == "classification" else "mse") <= EXACT


def test_more_features_than_members() -> None:
    assert error(toy_dataset(n=200, d=60), some_members(30, 200), "log_loss", n_neighbors=5) <= EXACT


def test_a_class_with_one_member_and_a_class_with_none() -> None:
    dataset = toy_dataset(n=300, d=4, classes=3)
    by_class = [np.flatnonzero(dataset.y_pool == c) for c in range(3)]
    assert error(dataset, np.append(by_class[0][:60], by_class[1][0]), "log_loss", n=80, n_neighbors=5) <= EXACT


def test_without_smoothing_the_floor_of_the_utility_holds() -> None:
    dataset = toy_dataset(n=300, d=4)
    assert error(dataset, some_members(100), "log_loss", n_neighbors=3, smoothing=0.0) <= 1e-11


def with_copies(dataset: Dataset) -> tuple[Dataset, IntVector]:
    """The dataset with pool points 0 to 9 and 40 to 49 placed on valuation points 0 to 9 and 5 to 14; D is 0 to 39."""
    X = dataset.X_pool.copy()
    X[:10], X[40:50] = dataset.X_valuation[:10], dataset.X_valuation[5:15]
    return replace(dataset, X_pool=X), np.arange(40)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("weights", ["distance", "uniform"])
@pytest.mark.parametrize("n_neighbors", [1, 2, 5, 60])
def test_points_at_distance_zero(task: Any, weights: str, n_neighbors: int) -> None:
    dataset, members = with_copies(toy_dataset(n=200, d=4, task=task))
    if n_neighbors == 1:
        # two at distance zero tie for the only place, and scikit-learn's choice is its own
        dataset = replace(dataset, X_valuation=dataset.X_valuation[10:], y_valuation=dataset.y_valuation[10:])
    utility = "log_loss" if task == "classification" else "mse"
    assert error(dataset, members, utility, n=30, weights=weights, n_neighbors=n_neighbors) <= EXACT


@pytest.mark.parametrize("weights", ["distance", "uniform"])
@pytest.mark.parametrize("n_neighbors", [1, 3, 40])
def test_ties_go_to_the_lower_index_in_engine_and_reference(weights: str, n_neighbors: int) -> None:
    dataset = toy_dataset(n=200, d=2, classes=3)
    grid = replace(dataset, X_pool=np.round(dataset.X_pool), X_valuation=np.round(dataset.X_valuation))
    learner = make_learner("knn", weights=weights, n_neighbors=n_neighbors)
    members = some_members(60, 200)
    outside = np.setdiff1d(np.arange(200), members)
    found = learner.contributions(grid, members, outside)
    base = learner.reference_loss(grid, members, "log_loss")
    truth = [base - learner.reference_loss(grid, np.append(members, z), "log_loss") for z in outside]
    np.testing.assert_allclose(found.delta, truth, atol=EXACT)
    assert found.base_loss == pytest.approx(base, abs=EXACT)


@pytest.mark.parametrize("size", [30, 150])
def test_lists_cut_short_change_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, members = toy_dataset(n=300, d=4), some_members(size)
    points = np.arange(300)
    whole = make_learner("knn").contributions(dataset, members, points)
    # 110 of 300 places are kept: enough for some rows and coalitions, not for others
    monkeypatch.setattr(knn, "_LIST_BYTES", 110 * 12 * 150)
    monkeypatch.setattr(knn, "_SORT_BYTES", 7 * 8 * 300)
    short = replace(dataset)
    found = make_learner("knn").contributions(short, members, points)
    assert knn._lists_of(short).order.shape == (150, 110)
    np.testing.assert_allclose(found.delta, whole.delta, atol=1e-15)
    assert found.base_loss == pytest.approx(whole.base_loss, rel=1e-14)


def test_a_batch_equals_its_singles_and_follows_permutations() -> None:
    dataset = toy_dataset(n=400, d=5)
    learner, members = make_learner("knn"), np.arange(80)
    points = np.random.default_rng(0).permutation(np.arange(80, 400))
    delta = learner.contributions(dataset, members, points).delta
    singles = [learner.contributions(dataset, members, points[i : i + 1]).delta[0] for i in range(40)]
    np.testing.assert_array_equal(singles, delta[:40])
    back = learner.contributions(dataset, members[::-1].copy(), points[::-1]).delta[::-1]
    np.testing.assert_array_equal(back, delta)


def test_permuting_the_pool_permutes_the_contributions() -> None:
    dataset = toy_dataset(n=200, d=5)
    order = np.random.default_rng(0).permutation(200)
    shuffled = replace(dataset, X_pool=dataset.X_pool[order], y_pool=dataset.y_pool[order])
    place = np.argsort(order)
    learner = make_learner("knn")
    delta = learner.contributions(dataset, np.arange(60), np.arange(60, 200)).delta
    moved = learner.contributions(shuffled, place[:60], place[60:200]).delta
    np.testing.assert_allclose(moved, delta, atol=1e-15)


def test_a_far_candidate_contributes_nothing() -> None:
    dataset = toy_dataset(n=100, d=3)
    X = dataset.X_pool.copy()
    X[99] = 1e6
    far = replace(dataset, X_pool=X)
    assert make_learner("knn", n_neighbors=5).contributions(far, np.arange(30), np.array([99])).delta[0] == 0.0

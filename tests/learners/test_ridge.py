"""Ridge and ordinary least squares against solutions in extended precision, scikit-learn and their own invariants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error
from toy import toy_dataset

from dscale_core.learners import make_learner
from dscale_core.types import Dataset, IntVector

CONTRACT = 1e-9  # of the spread of delta over points
Long = Any  # arrays of np.longdouble, which LAPACK does not serve


def solve(A: Long, b: Long) -> Long:
    """Gaussian elimination with pivots, in the precision of its arguments."""
    table = np.column_stack([A, b])
    n = A.shape[0]
    for i in range(n):
        pivot = i + int(np.argmax(np.abs(table[i:, i])))
        table[[i, pivot]] = table[[pivot, i]]
        table[i + 1 :] -= np.outer(table[i + 1 :, i] / table[i, i], table[i])
    x = np.zeros(n, dtype=table.dtype)
    for i in range(n - 1, -1, -1):
        x[i] = (table[i, n] - table[i, i + 1 : n] @ x[i + 1 :]) / table[i, i]
    return x


def long_loss(dataset: Dataset, members: IntVector, alpha: float) -> Long:
    """Mean squared error of the textbook solution, normal equations in extended precision; alpha 0 is least squares."""
    X, y = dataset.X_pool[members].astype(np.longdouble), dataset.y_pool[members].astype(np.longdouble)
    center, level, d = X.mean(axis=0), y.mean(), X.shape[1]
    if alpha == 0 and members.size <= d:
        # differences from the first member span what the centred rows do, and are independent
        X_, y_ = X[1:] - X[0], y[1:] - y[0]
        w = X_.T @ solve(X_ @ X_.T, y_)
    else:
        X_, y_ = X - center, y - level
        w = solve(X_.T @ X_ + alpha * np.eye(d, dtype=np.longdouble), X_.T @ y_)
    residual = dataset.y_valuation - level - (dataset.X_valuation - center) @ w
    return np.mean(residual**2)


def relative_error(dataset: Dataset, members: IntVector, alpha: float, n: int = 25) -> float:
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    learner = make_learner("ridge", alpha=alpha) if alpha else make_learner("linear")
    found = learner.contributions(dataset, members, outside, "mse")
    base = long_loss(dataset, members, alpha)
    assert found.base_loss == pytest.approx(float(base), rel=1e-9)
    truth = [float(base - long_loss(dataset, np.append(members, z), alpha)) for z in outside[:n]]
    return float(np.abs(found.delta[:n] - truth).max() / found.delta.std())


def some_members(size: int, n: int = 300) -> IntVector:
    return np.random.default_rng(1).permutation(n)[:size]


@pytest.mark.parametrize("size", [2, 5, 20, 21, 22, 60, 200])
@pytest.mark.parametrize("alpha", [1.0, 100.0, 1e-4, 0.0])
def test_engine_equals_solutions_in_extended_precision(size: int, alpha: float) -> None:
    dataset = toy_dataset(n=300, d=20, task="regression")
    assert relative_error(dataset, some_members(size), alpha) <= CONTRACT


@pytest.mark.parametrize("alpha", [1.0, 0.0])
def test_means_far_from_zero_and_an_almost_exact_fit(alpha: float) -> None:
    dataset = toy_dataset(n=300, d=6, noise=1e-3, task="regression", scale=50.0)
    far = replace(
        dataset,
        X_pool=dataset.X_pool + 1e3,
        X_valuation=dataset.X_valuation + 1e3,
        y_pool=dataset.y_pool - 1e3,
        y_valuation=dataset.y_valuation - 1e3,
    )
    assert relative_error(far, some_members(40), alpha) <= 1e-7


def test_more_features_than_members_with_a_penalty() -> None:
    dataset = toy_dataset(n=200, d=60, task="regression")
    assert relative_error(dataset, some_members(25, 200), 1.0) <= CONTRACT


def collinear() -> Dataset:
    """Eight columns of rank five: one is constant, one repeats another, two are sums."""
    dataset = toy_dataset(n=200, d=8, task="regression")

    def dependent(X: np.ndarray) -> np.ndarray:
        X = X.copy()
        X[:, 4], X[:, 5] = 3.0, X[:, 0]
        X[:, 6] = X[:, 1] + X[:, 2]
        return X

    return replace(dataset, X_pool=dependent(dataset.X_pool), X_valuation=dependent(dataset.X_valuation))


@pytest.mark.parametrize("size", [3, 5, 6, 7, 30])
def test_collinear_columns_take_the_solution_of_least_norm(size: int) -> None:
    dataset, learner = collinear(), make_learner("linear")
    members = some_members(size, 200)
    outside = np.setdiff1d(np.arange(200), members)
    delta = learner.contributions(dataset, members, outside, "mse").delta

    def literal(rows: IntVector) -> float:
        model = LinearRegression().fit(dataset.X_pool[rows], dataset.y_pool[rows])
        return mean_squared_error(dataset.y_valuation, model.predict(dataset.X_valuation))

    truth = [literal(members) - literal(np.append(members, z)) for z in outside[:40]]
    np.testing.assert_allclose(delta[:40], truth, atol=1e-9 * delta.std())


@pytest.mark.parametrize("apart", [1e-5, 1e-7])
def test_almost_collinear_columns_are_cut_where_scikit_learn_cuts(apart: float) -> None:
    dataset = toy_dataset(n=200, d=4, task="regression")

    def almost(X: np.ndarray, seed: int) -> np.ndarray:
        X = X.copy()
        X[:, 3] = X[:, 0] + apart * np.random.default_rng(seed).normal(size=X.shape[0])
        return X

    twins = replace(dataset, X_pool=almost(dataset.X_pool, 1), X_valuation=almost(dataset.X_valuation, 2))
    learner, members, points = make_learner("linear"), np.arange(40), np.arange(40, 80)
    found = learner.contributions(twins, members, points, "mse")
    assert LinearRegression().fit(twins.X_pool[members], twins.y_pool[members]).rank_ == (4 if apart > 1e-6 else 3)
    base = learner.reference_loss(twins, members, "mse")
    assert found.base_loss == pytest.approx(base, rel=1e-9)
    truth = np.array([base - learner.reference_loss(twins, np.append(members, z), "mse") for z in points])
    np.testing.assert_allclose(found.delta, truth, atol=1e-6 * truth.std())


def test_candidates_inside_and_outside_the_span_of_one_coalition() -> None:
    dataset = toy_dataset(n=100, d=6, task="regression")
    members = np.arange(4)
    X = dataset.X_pool.copy()
    X[50] = X[1]  # a repeated member
    X[51] = 2 * X[0] - X[3]  # inside the span
    mixed = replace(dataset, X_pool=X)
    learner = make_learner("linear")
    points = np.array([50, 51, 52])
    delta = learner.contributions(mixed, members, points, "mse").delta
    base = learner.reference_loss(mixed, members, "mse")
    truth = [base - learner.reference_loss(mixed, np.append(members, z), "mse") for z in points]
    np.testing.assert_allclose(delta, truth, rtol=1e-9)


@pytest.mark.parametrize("name", ["ridge", "linear"])
def test_identical_members_leave_only_the_mean(name: str) -> None:
    dataset = toy_dataset(n=60, d=4, task="regression")
    X = dataset.X_pool.copy()
    X[:5] = X[0]
    same = replace(dataset, X_pool=X)
    learner = make_learner(name)
    delta = learner.contributions(same, np.arange(5), np.arange(5, 30), "mse").delta
    base = learner.reference_loss(same, np.arange(5), "mse")
    truth = [base - learner.reference_loss(same, np.append(np.arange(5), z), "mse") for z in range(5, 30)]
    np.testing.assert_allclose(delta, truth, atol=1e-9 * delta.std())


@pytest.mark.parametrize("name", ["ridge", "linear"])
def test_the_reference_is_the_base_loss(name: str) -> None:
    dataset, members = toy_dataset(n=100, d=5, task="regression"), np.arange(40)
    learner = make_learner(name)
    found = learner.contributions(dataset, members, np.array([50]), "mse")
    assert found.base_loss == pytest.approx(learner.reference_loss(dataset, members, "mse"), rel=1e-12)


@pytest.mark.parametrize(("name", "size"), [("ridge", 80), ("linear", 80), ("linear", 7)])
def test_a_batch_equals_its_singles_and_follows_permutations(name: str, size: int) -> None:
    dataset = toy_dataset(n=1500, d=10, task="regression")  # more candidates than are worked together
    learner, members = make_learner(name), np.arange(size)
    points = np.random.default_rng(0).permutation(np.arange(size, 1500))
    delta = learner.contributions(dataset, members, points, "mse").delta
    atol = 1e-10 * delta.std()
    singles = [learner.contributions(dataset, members, points[i : i + 1], "mse").delta[0] for i in range(40)]
    np.testing.assert_allclose(singles, delta[:40], atol=atol)
    back = learner.contributions(dataset, members[::-1].copy(), points[::-1], "mse").delta[::-1]
    np.testing.assert_allclose(back, delta, atol=atol)


def test_scaling_the_target_scales_contributions_by_its_square() -> None:
    dataset = toy_dataset(n=100, d=5, task="regression")
    tripled = replace(dataset, y_pool=3 * dataset.y_pool, y_valuation=3 * dataset.y_valuation)
    one, other = (
        make_learner("ridge").contributions(d, np.arange(30), np.arange(30, 100), "mse").delta for d in (dataset, tripled)
    )
    np.testing.assert_allclose(other, 9 * one, rtol=1e-9)


def test_points_that_decide_what_counts_as_a_direction() -> None:
    """A column that all members but a few share with another, to 4e-6: candidates carry the cut over what it kept."""
    dataset = toy_dataset(n=200, d=4, task="regression")
    X, twins = dataset.X_pool.copy(), np.arange(40, 60)
    X[:, 3] = X[:, 0] + 4e-6 * np.random.default_rng(1).normal(size=200)
    X[twins, 1] *= 40.0  # the largest singular value grows, and the cut with it
    V = dataset.X_valuation.copy()
    V[:, 3] = V[:, 0]
    data, members, learner = replace(dataset, X_pool=X, X_valuation=V), np.arange(40), make_learner("linear")
    found = learner.contributions(data, members, twins, "mse").delta
    base = learner.reference_loss(data, members, "mse")
    truth = np.array([base - learner.reference_loss(data, np.append(members, z), "mse") for z in twins])
    ranks = [LinearRegression().fit(X[np.append(members, z)], data.y_pool[np.append(members, z)]).rank_ for z in twins]
    assert set(ranks) == {3, 4}
    np.testing.assert_allclose(found, truth, atol=1e-3 * truth.std())

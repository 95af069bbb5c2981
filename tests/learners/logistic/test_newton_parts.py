"""The parts of Newton's method for logistic regression, each against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from toy import toy_dataset

from dscale_core.learners.logistic.newton import NewtonFit, _AddOne, _conjugate_gradients, add_one_newton, fit_newton
from dscale_core.types import FloatMatrix, FloatVector


def coalition(k: int, d: int, wild: bool = False) -> tuple[FloatMatrix, FloatVector]:
    """Features with an intercept, and labels; wild features have long tails."""
    dataset = toy_dataset(n=200, d=d)
    features = np.sinh(2 * dataset.X_pool[:k]) if wild else dataset.X_pool[:k]
    return np.column_stack([features, np.ones(k)]), dataset.y_pool[:k].astype(np.float64)


@pytest.mark.parametrize(("k", "d", "C", "wild"), [(200, 10, 3.0, False), (60, 8, 10.0, True), (12, 30, 1e4, False)])
def test_a_fit_has_no_gradient_left_and_brings_its_hessian(k: int, d: int, C: float, wild: bool) -> None:
    X, y = coalition(k, d, wild)
    fit = fit_newton(X, y, C)
    penalty, p = np.append(np.ones(d), 0.0), expit(X @ fit.theta)
    H = C * (X.T * (p * (1 - p))) @ X + np.diag(penalty)
    step = np.linalg.solve(H, C * X.T @ (p - y) + penalty * fit.theta)
    assert np.sqrt(step @ H @ step) <= 1e-9 * (1 + np.linalg.norm(fit.theta))
    np.testing.assert_allclose(fit.eta, X @ fit.theta, rtol=1e-12)
    np.testing.assert_allclose(fit.factor @ fit.factor.T, H, atol=1e-7 * np.abs(H).max())
    np.testing.assert_array_equal(fit.factor, np.tril(fit.factor))
    np.testing.assert_allclose(fit.whiten(X) @ fit.factor.T, X, atol=1e-9 * np.abs(X).max())


def test_a_looser_fit_ends_within_its_tolerance_and_sooner() -> None:
    X, y = coalition(100, 5)
    close, loose = fit_newton(X, y, 1.0), fit_newton(X, y, 1.0, 1e-2)
    gap = np.linalg.norm(close.factor.T @ (loose.theta - close.theta))
    assert 1e-9 < gap <= 2e-2 * (1 + np.linalg.norm(close.theta))


def problem(rows: int = 6, C: float = 2.0) -> tuple[_AddOne, FloatMatrix, NewtonFit]:
    """Add-one problems of some candidates, displacements to look at them from, and the fit they are about."""
    X, y = coalition(40, 5)
    rng, fit = np.random.default_rng(8), fit_newton(X, y, C)
    candidates = np.column_stack([rng.normal(size=(rows, 5)), np.ones(rows)])
    labels = np.arange(rows) % 2.0
    whole = _AddOne(fit.whiten(X), fit.eta, C, fit.whiten(candidates), candidates @ fit.theta, labels)
    return whole, rng.normal(size=(rows, 6)), fit


def test_the_objective_is_the_growth_of_the_grown_coalitions_own() -> None:
    some, moves, fit = problem()
    X, y = coalition(40, 5)
    candidates = some.x @ fit.factor.T

    def whole(theta: FloatVector, i: int) -> float:
        rows, labels = np.vstack([X, candidates[i]]), np.append(y, some.y[i])
        return float(2.0 * np.sum(np.logaddexp(0, rows @ theta) - labels * (rows @ theta)) + theta[:-1] @ theta[:-1] / 2)

    for i, move in enumerate(moves):
        moved = fit.theta + np.linalg.solve(fit.factor.T, move)
        assert some.objective(moves)[0][i] == pytest.approx(whole(moved, i) - whole(fit.theta, i), rel=1e-8)


def test_the_newton_step_is_that_of_the_objective() -> None:
    some, at, _ = problem()
    step, h, width = some.newton_step(at), 1e-4, at.shape[1]
    every = np.eye(width) * h
    gradient = np.stack([some.objective(at + e)[0] - some.objective(at - e)[0] for e in every], axis=1) / (2 * h)
    hessian = np.empty((at.shape[0], width, width))
    for i, e in enumerate(every):
        for j, f in enumerate(every):
            there = some.objective(at + e + f)[0] - some.objective(at + e - f)[0]
            back = some.objective(at - e + f)[0] - some.objective(at - e - f)[0]
            hessian[:, i, j] = (there - back) / (4 * h * h)
    exact = -np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
    np.testing.assert_allclose(step, exact, atol=2e-3 * np.linalg.norm(exact))


def test_steps_are_halved_until_the_objective_does_not_rise() -> None:
    some, at, _ = problem()
    step = some.newton_step(at) * np.array([1.0, 3.0, 10.0, 40.0, 200.0, -1.0])[:, None]
    size, value = some.damping(at, step), some.objective(at)[0]
    halves = 2.0 ** -np.arange(30)
    for i in range(5):
        assert size[i] == next(half for half in halves if some.objective(at + half * step)[0][i] <= value[i])
    assert len(set(size[:5])) >= 3
    assert size[5] <= 2.0**-30  # uphill no length will do


@pytest.mark.parametrize("C", [0.5, 50.0])
def test_the_displacement_has_no_gradient_left(C: float) -> None:
    some, _, _ = problem(rows=40, C=C)
    far = some.x * np.geomspace(0.1, 30, 40)[:, None]
    moves = add_one_newton(some.members, some.eta_members, C, far, some.eta, some.y)
    u = moves @ some.members.T
    p, w = expit(some.eta_members), expit(some.eta_members) * expit(-some.eta_members)
    own = expit(some.eta + np.sum(moves * far, axis=1)) - some.y
    gradient = moves + C * ((expit(some.eta_members + u) - p - w * u) @ some.members + own[:, None] * far)
    assert np.abs(gradient).max() <= 1e-7 * (1 + np.abs(moves).max())


def test_conjugate_gradients_solve_every_row_on_its_own() -> None:
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(5, 12, 12)) * np.array([0.01, 1.0, 1.0, 10.0, 1.0])[:, None, None]
    systems = np.eye(12) + roots @ roots.transpose(0, 2, 1)
    b = rng.normal(size=(5, 12)) * np.array([1.0, 1e-6, 1e6, 1.0, 0.0])[:, None]
    calls = []

    def apply(v: FloatMatrix) -> FloatMatrix:
        calls.append(v.copy())
        return np.einsum("rij,rj->ri", systems, v)

    given = b.copy()
    solved = _conjugate_gradients(apply, b)
    np.testing.assert_array_equal(b, given)
    left = np.linalg.norm(b - np.einsum("rij,rj->ri", systems, solved), axis=1)
    assert (left <= 1.001e-3 * np.linalg.norm(b, axis=1)).all()
    assert (solved[4] == 0).all()
    assert len(calls) <= 20
    # a row that is done stays where it is, however long the others take
    alone = _conjugate_gradients(lambda v: v @ systems[0], b[:1])
    np.testing.assert_allclose(solved[0], alone[0], rtol=1e-12)


def test_conjugate_gradients_end_with_the_last_row() -> None:
    calls = []

    def apply(v: FloatMatrix) -> FloatMatrix:
        calls.append(v)
        return 3.0 * v

    np.testing.assert_allclose(_conjugate_gradients(apply, np.eye(4)), np.eye(4) / 3)
    assert len(calls) == 1

"""Newton's method for logistic regression where it is hard: steps that overshoot, and points that are certain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

from dscale_core.errors import ArgumentError
from dscale_core.learners.logistic import newton
from dscale_core.learners.logistic.newton import NewtonFit, add_one_newton, fit_newton, with_intercept
from dscale_core.types import FloatMatrix, FloatVector


def problem(k: int, d: int, seed: int, positives: int) -> tuple[FloatMatrix, FloatVector]:
    return with_intercept(np.random.default_rng(seed).normal(size=(k, d))), (np.arange(k) < positives).astype(np.float64)


def gradient_left(fit: NewtonFit, X: FloatMatrix, y: FloatVector, C: float) -> float:
    """Largest entry of the gradient, per unit of C and of the features."""
    penalised = np.append(fit.theta[:-1], 0.0)
    return float(np.abs(C * X.T @ (expit(X @ fit.theta) - y) + penalised).max() / C / np.abs(X).max())


@pytest.mark.parametrize(("k", "d", "seed"), [(50, 60, 2), (200, 300, 0)])
def test_steps_that_overshoot_are_halved(k: int, d: int, seed: int) -> None:
    # one positive, hardly regularised, with directions of its own: a full step carries it to the sigmoid's other flat end
    X, y = problem(k, d, seed, 1)
    assert gradient_left(fit_newton(X, y, 1e4), X, y, 1e4) <= 1e-9


def test_certain_members_leave_the_hessian_definite() -> None:
    for seed in range(12):
        X, _ = problem(10, 30, seed, 0)
        X[:, :-1] = 1e6 * (X[:, :-1] + 10)  # far out and far apart: without a floor seven of twelve have no factor
        y = (X[:, 0] > np.median(X[:, 0])).astype(np.float64)
        assert gradient_left(fit_newton(X, y, 1.0), X, y, 1.0) <= 1e-9


@pytest.mark.parametrize("eta", [-30.0, -10.0, 3.0, 30.0])
@pytest.mark.parametrize("leverage", [1.0, 1e2, 1e4])
def test_a_candidate_alone_moves_by_its_own_equation_also_where_newton_would_cycle(eta: float, leverage: float) -> None:
    # members without a feature leave the scalar problem s = sigma(eta - C |x|^2 s) - y
    x = np.array([[0.6, 0.8]]) * np.sqrt(leverage)
    for y in (0.0, 1.0):
        found = add_one_newton(np.zeros((3, 2)), np.zeros(3), 2.0, x, np.array([eta]), np.array([y]))
        s = brentq(lambda t, y=y: t - expit(eta - 2.0 * leverage * t) + y, -1.0, 1.0, xtol=1e-15)
        np.testing.assert_allclose(found[0], -2.0 * s * x[0], rtol=1e-6, atol=1e-12)


def test_a_candidate_of_which_the_model_is_certain_does_not_move() -> None:
    X, y = problem(40, 3, 1, 15)
    fit = fit_newton(X, y, 1.0)
    members, x = fit.whiten(X), np.array([[0.5, -0.2, 0.3, 1.0], [1.0, 0.4, -0.6, 1.0]])
    moves = add_one_newton(members, fit.eta, 1.0, x, np.array([800.0, 0.3]), np.array([1.0, 1.0]))
    np.testing.assert_array_equal(moves[0], 0.0)
    alone = add_one_newton(members, fit.eta, 1.0, x[1:], np.array([0.3]), np.array([1.0]))
    assert np.linalg.norm(alone) > 0.1
    np.testing.assert_allclose(moves[1:], alone, rtol=1e-9)


def test_a_fit_that_does_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = problem(50, 60, 2, 1)
    fit = fit_newton(X, y, 1e4)
    monkeypatch.setattr(newton, "_MAX_NEWTON", 3)
    with pytest.raises(ArgumentError, match="C must be one the solver settles for; got 10000"):
        fit_newton(X, y, 1e4)
    x = fit.whiten(10 * X[:1])
    with pytest.raises(ArgumentError, match="one the solver settles for"):
        add_one_newton(fit.whiten(X), fit.eta, 1e4, x, np.array([4.0]), np.array([0.0]))

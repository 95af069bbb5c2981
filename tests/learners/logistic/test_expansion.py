"""The zero-draw formula against differences of weighted fits: every term of the module's psi_k, from its definition.

A coalition is a vector a of zeros and ones, and everything in the formula is a function of a: the optimum theta(a) of the
losses weighted by a, its Hessian H(a), a candidate's residual and the slope of the valuation loss there. Stratified
coalitions of k of N points have the mean k/N and the covariance k/N (1 - k/N) times the projection on what sums to zero in
each class, so that a second-order expectation is a sum of second differences along an orthonormal basis of these directions.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.optimize import brentq
from scipy.special import expit
from toy import toy_dataset

from dscale_core.learners.logistic.expansion import expected_contributions
from dscale_core.types import Dataset, FloatMatrix, FloatVector

N, STEP = 24, 1e-3


def dataset() -> Dataset:
    return toy_dataset(n=N, d=2, noise=2.0, seed=3)


class Weighted:
    """A logistic fit whose points have weights, by plain Newton steps."""

    def __init__(self, data: Dataset, C: float, weights: FloatVector) -> None:
        X, y = np.column_stack([data.X_pool, np.ones(N)]), data.y_pool
        X_valuation = np.column_stack([data.X_valuation, np.ones(data.y_valuation.size)])
        penalty = np.diag([1.0, 1.0, 0.0])
        theta = np.zeros(3)
        for _ in range(25):
            p = expit(X @ theta)
            H = C * (X.T * (weights * p * (1 - p))) @ X + penalty
            theta = theta - np.linalg.solve(H, C * X.T @ (weights * (p - y)) + penalty @ theta)
        p, p_valuation = expit(X @ theta), expit(X_valuation @ theta)
        self.logits = X @ theta
        self.residual: FloatVector = C * (p - y)  # g of every candidate
        self.slope: FloatVector = X_valuation.T @ (p_valuation - data.y_valuation) / p_valuation.size  # g_V
        self.curvature: FloatMatrix = (X_valuation.T * (p_valuation * (1 - p_valuation))) @ X_valuation / p_valuation.size
        self.steps: FloatMatrix = np.linalg.solve(H, X.T).T  # u = H^-1 x of every candidate
        self.X = X


def literal_psi(data: Dataset, k: int, C: float) -> FloatVector:
    """psi_k of every point of the pool, term by term as the module's docstring has it."""
    mean = np.full(N, k / N)
    classes = np.array([data.y_pool == 0, data.y_pool == 1], dtype=float)
    scale = np.sqrt(k / N * (1 - k / N))
    base = Weighted(data, C, mean)
    u = base.steps
    own = np.einsum("ij,ij->i", base.X, u)
    s = np.array(
        [
            C * brentq(lambda t, i=i: t - expit(base.logits[i] - C * t * own[i]) + data.y_pool[i], -1, 1, xtol=1e-15)
            for i in range(N)
        ]
    )
    bend = np.einsum("ij,jk,ik->i", u, base.curvature, u)
    psi = s * (u @ base.slope) - s**2 * bend / 2
    for direction in null_space(classes).T:
        up, down = (Weighted(data, C, mean + sign * STEP * scale * direction) for sign in (1, -1))
        d_residual = (up.residual - down.residual) / (2 * STEP)
        d_slope = (up.slope - down.slope) / (2 * STEP)
        d_steps = (up.steps - down.steps) / (2 * STEP)
        dd_residual = (up.residual - 2 * base.residual + down.residual) / STEP**2
        dd_slope = (up.slope - 2 * base.slope + down.slope) / STEP**2
        psi += d_residual * (u @ d_slope)
        psi += base.residual * (u @ dd_slope / 2 + d_steps @ d_slope)
        psi += (u @ base.slope) * dd_residual / 2
        psi -= d_residual**2 * bend / 2
    return psi


@pytest.mark.parametrize("C", [0.3, 2.0])
def test_every_term_is_that_of_its_definition(C: float) -> None:
    data = dataset()
    sizes = np.array([8, 17])
    found = expected_contributions(data, sizes, np.arange(N), C)
    for k, psi in zip(sizes, found, strict=True):
        expected = literal_psi(data, int(k), C)
        np.testing.assert_allclose(psi, expected, atol=2e-5 * np.abs(expected).max())


def test_the_whole_pool_leaves_nothing_to_chance() -> None:
    """At k = N every coalition is the pool: what is left is the exact step of one more copy, to second order."""
    data = dataset()
    base = Weighted(data, 1.0, np.ones(N))
    own = np.einsum("ij,ij->i", base.X, base.steps)
    for i in range(N):
        s = brentq(lambda t, i=i: t - expit(base.logits[i] - t * own[i]) + data.y_pool[i], -1, 1, xtol=1e-15)
        u = base.steps[i]
        expected = s * u @ base.slope - s**2 * u @ base.curvature @ u / 2
        assert expected_contributions(data, np.array([N]), np.array([i]))[0, 0] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("C", [0.3, 2.0])
def test_rows_that_a_coalition_leaves_are_all_rows_less_what_it_and_the_point_save_on_themselves(C: float) -> None:
    """Both by their literal losses: at the mean coalition, whose losses are those of the pool times k/N."""
    data = dataset()
    k, equals = 12, np.full(N, 1)
    equals[3] = 2
    found = expected_contributions(data, np.array([k]), np.arange(N), C, equals)[0]
    whole = expected_contributions(data, np.array([k]), np.arange(N), C)[0]
    base, rows = Weighted(data, C, np.full(N, k / N)), data.y_valuation.size

    def losses(logits: FloatVector) -> FloatVector:
        return np.logaddexp(0.0, logits) - data.y_pool * logits

    for i in range(N):
        x, u = base.X[i], base.steps[i]
        s = C * brentq(lambda t, i=i, q=x @ u: t - expit(base.logits[i] - C * t * q) + data.y_pool[i], -1, 1, xtol=1e-15)
        # second differences of the coalition's losses along the step, so that no third order is among them
        along = [k / N * losses(base.logits - sign * 1e-4 * s * base.X @ u).sum() for sign in (0, 1, -1)]
        slope, bend = (along[1] - along[2]) / 2e-4, (along[1] - 2 * along[0] + along[2]) / 1e-8
        itself = losses(base.logits)[i] - losses(base.logits - s * (x @ u))[i]
        expected = (rows * whole[i] + slope + bend / 2 - equals[i] * itself) / (rows - k - equals[i])
        assert found[i] == pytest.approx(expected, rel=1e-4)

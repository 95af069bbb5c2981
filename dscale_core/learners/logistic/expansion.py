"""The zero-draw formula: expected logistic contributions psi_k from the pool alone, to second order in theta_D - theta_k.

A coalition of size k scatters its optimum theta_D around theta_k, the optimum for the pool's mean loss counted k times, with
H = k C E[w x x'] + R and covariance V = H^-1 S H^-1, S = k (1 - k/N) C^2 Cov(score within class). Expanding a candidate's
second-order contribution (`second_order`) in theta_D - theta_k and taking expectations gives, with u = H^-1 x_z,
g = C (p - y), w = C p (1 - p) and w' = w (1 - 2 p) of the candidate, its own step s, and g_V, H_V of the valuation loss,

    psi_k(z) = s g_V'u - s^2 u'H_V u / 2
             + w u'H_V V x_z + g u'(H_V m + T / 2) - g u'v
             + g_V'u (w x_z'm + w' x_z'V x_z / 2) - w^2 (x_z'V x_z)(u'H_V u) / 2

where m = E[theta_D - theta_k], T carries the valuation loss's third derivative and v the covariance of theta_D with H_D:

    c(M) = -k (1 - k/N) C^2 E[w x (x'M H^-1 score)],   T = E_V[w' x (x'V x)],
    m = -H^-1 (k/2 E[w' x (x'V x)] + c(I)),            v = c(H^-1 H_V) + k E[w' x (x'H^-1 H_V V x)].

Where a coalition D is valued on what it leaves of M rows, those of the pool among them, and z and its equals (e rows) are
no part of it either, the mean loss saved there is that of all rows, less what D and z save on themselves:

    psi_k(z) = (M psi_k(z; all) - B - e O) / (M - k - e),
    B = -s u'R theta_k / C - s^2 u'(H - R) u / (2 C),   O = loss(x_z'theta_k) - loss(x_z'theta_k - s x_z'u),

B from the optimum of D, where C times the gradient of its losses is -R theta. On such rows g_V is next to nothing, and psi
is of the second order in 1/k: a part of the rows, whose g_V is what sampling leaves of it, says something else altogether.

It needs no draw at all and is close where coalitions are large against the features; where they are not it can be far
off, so it is never shown unchecked (`sampling.preview`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.special import expit

from dscale_core.learners.compiled import logit_kernels as kernels
from dscale_core.learners.logistic.newton import fit_newton, with_intercept
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector

__all__ = ["expected_contributions"]


def expected_contributions(
    dataset: Dataset, sizes: IntVector, points: IntVector, C: float = 1.0, equals: IntVector | None = None
) -> FloatMatrix:
    """psi_k of ``points`` for log-loss at each size, (g, p), in nats; positive helps. Two classes; see the module.

    equals : (p,) valuation rows that equal each point, where these hold the pool and each coalition is valued on the rest
    """
    pool = _Pool(
        with_intercept(dataset.X_pool),
        dataset.y_pool.astype(np.float64),
        with_intercept(dataset.X_valuation),
        dataset.y_valuation.astype(np.float64),
        C,
    )
    return np.stack([pool.at_size(int(k), points, equals) for k in sizes])


@dataclass(frozen=True)
class _Moments:
    """What one size contributes to every candidate."""

    inverse: FloatMatrix  # H^-1
    V: FloatMatrix
    slope: FloatVector  # g_V
    curvature: FloatMatrix  # H_V
    m: FloatVector
    T: FloatVector
    v: FloatVector


@dataclass(frozen=True)
class _Pool:
    X: FloatMatrix
    y: FloatVector
    X_valuation: FloatMatrix
    y_valuation: FloatVector
    C: float

    def at_size(self, k: int, points: IntVector, equals: IntVector | None) -> FloatVector:
        """psi_k of ``points``, (p,)."""
        # k copies of the mean pool point are the pool itself at C k / N
        fit = fit_newton(self.X, self.y, self.C * k / self.y.size)
        part = self._moments(k, fit.theta, cho_solve((fit.factor, True), np.eye(fit.theta.size), check_finite=False))
        x, y = self.X[points], self.y[points]
        eta = x @ fit.theta
        p = expit(eta)
        g, w = self.C * (p - y), self.C * p * (1 - p)
        u = x @ part.inverse
        length, bend = _forms(x, part.inverse), _forms(u, part.curvature)
        scatter, gain = _forms(x, part.V), u @ part.slope
        s = self.C * kernels.own_residual(eta, y, self.C * length)
        psi: FloatVector = s * gain - s * s * bend / 2
        psi += w * np.einsum("ij,ij->i", u @ part.curvature, x @ part.V)
        psi += g * (u @ (part.curvature @ part.m + part.T / 2 - part.v))
        psi += gain * (w * (x @ part.m) + w * (1 - 2 * p) * scatter / 2)
        psi -= w * w * scatter * bend / 2
        if equals is None:
            return psi
        penalised, theta = u[:, :-1], fit.theta[:-1]
        on_coalition = -(s * (penalised @ theta) + s * s * (length - (penalised**2).sum(axis=1)) / 2) / self.C
        on_itself = _loss(eta, y) - _loss(eta - s * length, y)
        rows = self.y_valuation.size
        left: FloatVector = (rows * psi - on_coalition - equals * on_itself) / (rows - k - equals)
        return left

    def _moments(self, k: int, theta: FloatVector, inverse: FloatMatrix) -> _Moments:
        p, p_V = expit(self.X @ theta), expit(self.X_valuation @ theta)
        w, w_V = p * (1 - p), p_V * (1 - p_V)
        n, share = self.y.size, k * (1 - k / self.y.size) * self.C**2
        score = self._centred_scores(p)
        V = inverse @ (share / n * score.T @ score) @ inverse
        g_V, H_V = (
            self.X_valuation.T @ (p_V - self.y_valuation) / p_V.size,
            (self.X_valuation.T * w_V) @ self.X_valuation / p_V.size,
        )
        toward = score @ inverse  # rows H^-1 score

        def covariance_with_hessian(M: FloatMatrix) -> FloatVector:
            out: FloatVector = -share / n * ((w * np.einsum("ij,ij->i", self.X @ M, toward)) @ self.X)
            return out

        third = self.C * w * (1 - 2 * p)
        mean = -inverse @ (k / 2 / n * (third * _forms(self.X, V)) @ self.X + covariance_with_hessian(np.eye(theta.size)))
        T = (w_V * (1 - 2 * p_V) * _forms(self.X_valuation, V)) @ self.X_valuation / p_V.size
        bend = inverse @ H_V
        v = covariance_with_hessian(bend) + k / n * (third * np.einsum("ij,ij->i", self.X @ bend, self.X @ V)) @ self.X
        return _Moments(inverse, V, g_V, H_V, mean, T, v)

    def _centred_scores(self, p: FloatVector) -> FloatMatrix:
        """(p - y) x of every pool point, its class mean taken off: stratified coalitions do not vary in it."""
        score = (p - self.y)[:, None] * self.X
        for label in (0.0, 1.0):
            score[self.y == label] -= score[self.y == label].mean(axis=0)
        return score


def _loss(eta: FloatVector, y: FloatVector) -> FloatVector:
    out: FloatVector = np.logaddexp(0.0, eta) - y * eta
    return out


def _forms(X: FloatMatrix, M: FloatMatrix) -> FloatVector:
    """x'M x of every row, (rows,)."""
    out: FloatVector = np.einsum("ij,ij->i", X @ M, X)
    return out

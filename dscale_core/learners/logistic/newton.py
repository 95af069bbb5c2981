"""Newton's method for logistic regression: a coalition's fit, and the add-one problem where a fixed point fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import expit

from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["NewtonFit", "add_one_newton", "fit_newton"]

_MAX_NEWTON = 100
_MAX_HALVINGS = 40
_MAX_GRADIENTS = 200


@dataclass(frozen=True)
class NewtonFit:
    """An optimum with the Cholesky factor of its Hessian H = L L'."""

    theta: FloatVector  # (d + 1,) the intercept last
    factor: FloatMatrix  # (d + 1, d + 1) L
    eta: FloatVector  # (k,) logits of the training points

    def whiten(self, X: FloatMatrix) -> FloatMatrix:
        """Rows x to x~ = L^-1 x."""
        return np.ascontiguousarray(solve_triangular(self.factor, X.T, lower=True, check_finite=False).T)


def fit_newton(X: FloatMatrix, y: FloatVector, C: float, tolerance: float = 1e-10) -> NewtonFit:
    """Damped Newton on C sum loss + |w|^2 / 2 until the step is below ``tolerance`` in the metric of the Hessian.

    X : (k, d + 1), the last column ones and not penalised; y : (k,) zeros and ones, both present
    """
    penalty = np.ones(X.shape[1])
    penalty[-1] = 0.0
    theta: FloatVector = np.zeros(X.shape[1])
    theta[-1] = np.log(y.mean() / (1 - y.mean()))
    eta = np.full(y.size, theta[-1])
    diagonal = np.arange(X.shape[1])

    def objective(theta: FloatVector, eta: FloatVector) -> float:
        return float(C * np.sum(np.logaddexp(0, eta) - y * eta) + penalty @ theta**2 / 2)

    value = objective(theta, eta)
    for _ in range(_MAX_NEWTON):
        p, q = expit(eta), expit(-eta)
        # the last term keeps H definite in the intercept where every member is fitted to certainty
        rooted = X * np.sqrt(C * p * q)[:, None]
        H = rooted.T @ rooted  # one matrix twice: half the work of a general product
        H[diagonal, diagonal] += penalty + 1e-12 * (1 - penalty)
        factor = np.asarray(np.linalg.cholesky(H), dtype=np.float64)
        whitened = solve_triangular(factor, C * ((p - y) @ X) + penalty * theta, lower=True, check_finite=False)
        if float(whitened @ whitened) <= tolerance**2 * (1 + float(theta @ theta)):
            break
        step = -solve_triangular(factor, whitened, lower=True, trans=1, check_finite=False)
        along = X @ step
        while (trial := objective(theta + step, eta + along)) > value + 1e-13 * abs(value) and np.abs(step).max() > 1e-14:
            step, along = step / 2, along / 2
        theta, eta, value = theta + step, eta + along, trial
    return NewtonFit(theta, factor, X @ theta)


def add_one_newton(
    members: FloatMatrix, eta_members: FloatVector, C: float, x: FloatMatrix, eta: FloatVector, y: FloatVector
) -> FloatMatrix:
    """The displacement D~ of the optimum by every row of x, each a candidate, in float64.

    Damped Newton, its systems solved by conjugate gradients for all rows at once; the objective is convex, so it converges
    from anywhere. members : (k, d + 1) and x : (rows, d + 1) are whitened, eta : (rows,) the candidates' logits at the base
    model. Returns (rows, d + 1).
    """
    moves = np.zeros_like(x)
    active = np.arange(y.size)
    for _ in range(_MAX_NEWTON):
        problem = _AddOne(members, eta_members, C, x[active], eta[active], y[active])
        at = moves[active]
        step = problem.newton_step(at)
        size = problem.damping(at, step)
        moves[active] = at + size[:, None] * step
        # Newton converges quadratically: after a step of 1e-5 the next would be one of 1e-10
        active = active[_norms(step) > 1e-5 * _norms(moves[active])]
        if active.size == 0:
            break
    return moves


@dataclass(frozen=True)
class _AddOne:
    """|D~|^2 / 2 + C (loss of the members beyond its quadratic part + the candidate's loss), one row a candidate."""

    members: FloatMatrix
    eta_members: FloatVector
    C: float
    x: FloatMatrix
    eta: FloatVector
    y: FloatVector

    def objective(self, moves: FloatMatrix) -> FloatVector:
        """Change of the objective from D~ = 0, (rows,)."""
        u, t = moves @ self.members.T, _dots(moves, self.x)
        p, q = expit(self.eta_members), expit(-self.eta_members)
        beyond = np.logaddexp(0, self.eta_members + u) - np.logaddexp(0, self.eta_members) - p * u - p * q * u * u / 2
        own = np.logaddexp(0, self.eta + t) - np.logaddexp(0, self.eta) - self.y * t
        total: FloatVector = _dots(moves, moves) / 2 + self.C * (beyond.sum(axis=1) + own)
        return total

    def newton_step(self, moves: FloatMatrix) -> FloatMatrix:
        """-Hessian^-1 gradient, row by row."""
        u, t = moves @ self.members.T, _dots(moves, self.x)
        p, q = expit(self.eta_members), expit(-self.eta_members)
        p_new, q_new = expit(self.eta_members + u), expit(-self.eta_members - u)
        p_own, q_own = expit(self.eta + t), expit(-self.eta - t)
        gradient = moves + self.C * ((p_new - p - p * q * u) @ self.members + (p_own - self.y)[:, None] * self.x)
        gained, own_weight = p_new * q_new - p * q, p_own * q_own

        def hessian(v: FloatMatrix) -> FloatMatrix:
            own = (own_weight * _dots(v, self.x))[:, None] * self.x
            return v + self.C * ((gained * (v @ self.members.T)) @ self.members + own)

        return -_conjugate_gradients(hessian, gradient)

    def damping(self, moves: FloatMatrix, step: FloatMatrix) -> FloatVector:
        """Largest of 1, 1/2, 1/4, ... at which each row's objective does not rise."""
        value, size = self.objective(moves), np.ones(self.y.size)
        for _ in range(_MAX_HALVINGS):
            rising = self.objective(moves + size[:, None] * step) > value + 1e-13 * np.abs(value)
            if not rising.any():
                break
            size[rising] /= 2
        return size


def _conjugate_gradients(apply: Callable[[FloatMatrix], FloatMatrix], b: FloatMatrix) -> FloatMatrix:
    """Solve apply(v) = b, each row a system of its own, to a relative residual of 1e-3 (Newton mends the rest)."""
    v, r = np.zeros_like(b), b.copy()
    direction, norm = r.copy(), _dots(r, r)
    target = 1e-6 * norm
    for _ in range(_MAX_GRADIENTS):
        image = apply(direction)
        length = np.where(norm > target, norm / np.maximum(_dots(direction, image), 1e-300), 0.0)
        v += length[:, None] * direction
        r -= length[:, None] * image
        fresh = _dots(r, r)
        if (fresh <= target).all():
            break
        direction = r + (fresh / np.maximum(norm, 1e-300))[:, None] * direction
        norm = fresh
    return v


def _dots(a: FloatMatrix, b: FloatMatrix) -> FloatVector:
    out: FloatVector = np.einsum("ij,ij->i", a, b)
    return out


def _norms(a: FloatMatrix) -> FloatVector:
    return np.sqrt(_dots(a, a))

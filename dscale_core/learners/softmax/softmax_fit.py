"""Softmax regression of a coalition: an inexact Newton method whose Hessian is factored once or twice only.

The objective is C sum_i cross-entropy + sum_a |w_a|^2 / 2 over the weight vectors of all classes, intercepts free. The
weights sum to zero over the classes at its optimum, so the parameters are those of all classes but the last, Theta
(classes - 1, r), and the last class has minus their sum. That leaves no gauge to fix, and the penalty becomes
(|Theta|^2 + |sum_a theta_a|^2) / 2. With E = (I; -1') the curvature of a member is E'(diag p - p p')E, Kronecker x x'.

A Newton step costs an assembly and a factor of order P = (classes - 1) r; both are done in float32, at the start and again
only where the factor has grown stale: steps are solved by conjugate gradients on exact Hessian products in float64 with that
factor as preconditioner. Gradients are float64, so the optimum does not feel the factor's precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs

from dscale_core.learners.base import require_settled
from dscale_core.types import FloatMatrix, IntVector

__all__ = ["SoftmaxProblem", "fit_softmax", "hessian", "log_probabilities"]

# Newton takes five to ten steps from the usual start; three fail test_softmax.py::test_engine_equals_tight_refits.
_MAX_NEWTON = 200
_STALE = 12  # conjugate gradients that cost as much as a new factor; speed alone
# Three fail test_softmax.py::test_features_far_from_the_origin_are_worked_in_double_precision.
_MAX_GRADIENTS = 60
# Keeps H definite in an intercept whose class every member is certain of. No case is known that needs it: members that bring
# the binary fit there (test_newton.py::test_certain_members_leave_the_hessian_definite) do not bring this one.
_RIDGE = 1e-10
# Relative residual of a Newton system: at most the first, then the square root of the decrement, which keeps Newton's pace,
# but no less than the last, which a few more steps make good. Speed alone.
_LEVELLING, _LEAST_LEVELLING = 0.1, 1e-3
# Half of Newton's decrement is what the objective can still fall; this is a step of 1e-9 in the metric of H. One of 1e-4
# fails test_softmax.py::test_large_features.
_DECREMENT = 1e-18
# What rounding may leave of it at a large C; more is no optimum. test_softmax.py::test_a_fit_that_does_not_settle_says_so
_ROUNDED = 1e-12
# A rise of the objective that is rounding, and a step that is: both only save halvings that would end the same way. That a
# step is halved where it overshoots: test_softmax.py::test_steps_that_overshoot_are_halved
_RISE, _NO_STEP = 1e-13, 1e-14
# In float32 the intercept of a class that all are certain of can round to a negative curvature: the diagonal is raised, by
# four digits of float32's seven and never below one, until there is a factor; conjugate gradients mend what that distorts.
# test_softmax.py::test_a_hessian_without_a_factor_in_single_precision_is_shifted_until_it_has_one
_SHIFTS, _RAISED, _LIFTED = 20, 1.001, 1e-6
# Keeps 0 / 0 a number: test_softmax.py::test_a_start_without_any_gradient_is_the_optimum
_TINY = 1e-300


def log_probabilities(X: FloatMatrix, theta: FloatMatrix) -> FloatMatrix:
    """log p, (n, classes), of rows X (n, r) under reduced weights theta (classes - 1, r)."""
    eta = _closed(X @ theta.T)
    eta -= eta.max(axis=1, keepdims=True)
    eta -= np.log(np.exp(eta).sum(axis=1, keepdims=True))
    return eta


def _closed(reduced: FloatMatrix) -> FloatMatrix:
    return np.column_stack([reduced, -reduced.sum(axis=1)])


@dataclass(frozen=True)
class SoftmaxProblem:
    """The objective on one training set: X (k, r), the last column ones; y (k,) codes, every class present."""

    X: FloatMatrix
    y: IntVector
    C: float

    def penalised(self, theta: FloatMatrix) -> FloatMatrix:
        """Gradient of the penalty."""
        out: FloatMatrix = theta + theta.sum(axis=0)
        out[:, -1] = 0.0
        return out

    def value(self, theta: FloatMatrix, logs: FloatMatrix) -> float:
        """The objective, given log p."""
        own = logs[np.arange(self.y.size), self.y]
        return float(-self.C * own.sum() + np.sum(theta * self.penalised(theta)) / 2)

    def gradient(self, theta: FloatMatrix, p: FloatMatrix) -> FloatMatrix:
        """Its gradient, (classes - 1, r)."""
        residual = p.copy()
        residual[np.arange(self.y.size), self.y] -= 1.0
        return self.pulled(residual) + self.penalised(theta)

    def curve(self, direction: FloatMatrix, p: FloatMatrix) -> FloatMatrix:
        """Hessian times a direction."""
        u = _closed(self.X @ direction.T)
        u -= np.einsum("ij,ij->i", p, u)[:, None]
        u *= p
        return self.pulled(u) + self.penalised(direction)

    def pulled(self, residual: FloatMatrix) -> FloatMatrix:
        """C E' residual' X for residuals (k, classes)."""
        out: FloatMatrix = (self.C * (residual[:, :-1] - residual[:, -1:])).T @ self.X
        return out


def hessian(problem: SoftmaxProblem, p: FloatMatrix, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """H (P, P) in Fortran order, its lower triangle filled, the coordinates of one class beside each other."""
    X = problem.X.astype(dtype)
    k, r = X.shape
    n = p.shape[1] - 1
    chance = p.astype(dtype)
    tilt = chance[:, :n] - chance[:, n:]
    upper = np.zeros((n, r, n, r), dtype=dtype)
    weighted = np.empty((k, n, r), dtype=dtype)
    penalty = np.ones(r, dtype=dtype)
    penalty[-1] = 0.0
    diagonal = np.arange(r)
    for a in range(n):
        weights = chance[:, n:] - tilt[:, a : a + 1] * tilt[:, a:]
        weights[:, 0] += chance[:, a]
        weights *= dtype(problem.C)
        part = weighted[:, : n - a]
        np.multiply(weights[:, :, None], X[:, None, :], out=part)
        upper[a, :, a:, :] = np.tensordot(X, part, axes=(0, 0))
        for b in range(a, n):
            upper[a, diagonal, b, diagonal] += penalty * dtype(1 + (a == b))
        upper[a, r - 1, a, r - 1] += dtype(_RIDGE)
    flat: NDArray[Any] = upper.reshape(n * r, n * r).T
    return flat


class _Preconditioner:
    """A float32 factor of the Hessian at some earlier point."""

    def __init__(self, problem: SoftmaxProblem, p: FloatMatrix) -> None:
        H = hessian(problem, p, np.float32)
        factorise: Any = get_lapack_funcs("potrf", dtype=np.float32)
        self._solve: Any = get_lapack_funcs("potrs", dtype=np.float32)
        for _ in range(_SHIFTS):
            self._factor, failed = factorise(H, lower=1)
            if not failed:
                break
            spine = np.arange(H.shape[0])
            H[spine, spine] *= np.float32(_RAISED)
            H[spine, spine] += np.float32(_LIFTED) * H[spine, spine].max()

    def apply(self, gradient: FloatMatrix) -> FloatMatrix:
        largest = float(np.abs(gradient).max()) + _TINY  # small gradients would vanish in float32
        solved, _ = self._solve(self._factor, (gradient / largest).astype(np.float32).ravel(), lower=1)
        out: FloatMatrix = solved.astype(np.float64).reshape(gradient.shape) * largest
        return out


def fit_softmax(problem: SoftmaxProblem, theta: FloatMatrix) -> FloatMatrix:
    """The optimum, from the start ``theta``, to `_DECREMENT`. Raises ArgumentError where it does not converge."""
    logs = log_probabilities(problem.X, theta)
    value = problem.value(theta, logs)
    factor: _Preconditioner | None = None
    for _ in range(_MAX_NEWTON):
        p = np.exp(logs)
        gradient = problem.gradient(theta, p)
        factor = factor or _Preconditioner(problem, p)
        step, decrement, used = _newton_step(problem, p, gradient, factor)
        left = decrement / (1 + float(np.sum(theta * theta)))
        if left <= _DECREMENT:
            break
        while True:
            logs = log_probabilities(problem.X, theta + step)
            trial = problem.value(theta + step, logs)
            if trial <= value + _RISE * abs(value) or float(np.abs(step).max()) <= _NO_STEP:
                break
            step = step / 2
        theta, value = theta + step, trial
        if used > _STALE:
            factor = None
    require_settled(left <= _ROUNDED, problem.C)
    return theta


def _newton_step(
    problem: SoftmaxProblem, p: FloatMatrix, gradient: FloatMatrix, factor: _Preconditioner
) -> tuple[FloatMatrix, float, int]:
    """-H^-1 gradient by preconditioned conjugate gradients; also gradient'M^-1 gradient and the number of products."""
    step, residual = np.zeros_like(gradient), -gradient
    image = factor.apply(residual)
    direction, size = image, float(np.sum(residual * image))
    decrement = size
    target = min(_LEVELLING, max(np.sqrt(decrement), _LEAST_LEVELLING)) ** 2 * decrement
    used = 0
    while size > target and used < _MAX_GRADIENTS:
        curved = problem.curve(direction, p)
        length = size / float(np.sum(direction * curved))
        step = step + length * direction
        residual = residual - length * curved
        image = factor.apply(residual)
        fresh = float(np.sum(residual * image))
        direction, size, used = image + (fresh / size) * direction, fresh, used + 1
    return step, decrement, used

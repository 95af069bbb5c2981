"""Newton's method for logistic regression: a coalition's fit, and the add-one problem where a fixed point fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import expit

from dscale_core.learners.base import require_settled
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["NewtonFit", "add_one_newton", "fit_newton", "with_intercept"]

# Newton takes five to ten steps, more where they had to be halved; three fail
# test_logistic.py::test_a_class_with_one_member.
_MAX_NEWTON = 100
# 2^-40 of a step is as good as none; that it is halved at all:
# test_newton.py::test_a_candidate_alone_moves_by_its_own_equation_also_where_newton_would_cycle
_MAX_HALVINGS = 40
# A bound of the work: Newton mends what a system leaves, though not where one gradient is all,
# test_logistic.py::test_newton_add_one_reaches_the_optimum_of_the_grown_coalition.
_MAX_GRADIENTS = 200
# Weight of the intercept's square that keeps H definite where every member is fitted to certainty, far below any weight that
# counts: test_newton.py::test_certain_members_leave_the_hessian_definite
_INTERCEPT_RIDGE = 1e-12
# A rise of the objective that is rounding, and a step that is: both only save halvings that would end the same way. That a
# step is halved where it overshoots: test_newton.py::test_steps_that_overshoot_are_halved
_RISE, _NO_STEP = 1e-13, 1e-14
# What rounding may leave of a step at a large C; more is no optimum. test_newton.py::test_a_fit_that_does_not_settle_says_so
_ROUNDED = 1e-6
# Newton converges quadratically: after a relative step of 1e-5 the next would be one of 1e-10.
# test_logistic.py::test_newton_add_one_reaches_the_optimum_of_the_grown_coalition
_LAST_STEP = 1e-5
# A step of that many times the gradient's size is its rounding: a candidate of which a model is certain hardly moves at all.
# test_logistic_extremes.py::test_large_features_are_worked_in_double_precision
_ROUNDING = 1e-15
# Relative residual of a system: Newton mends the rest, but with little of it solved not to the last step's precision.
# test_logistic.py::test_newton_add_one_reaches_the_optimum_of_the_grown_coalition
_SOLVED = 1e-3
# Keeps 0 / 0 a number: test_newton.py::test_a_candidate_of_which_the_model_is_certain_does_not_move
_TINY = 1e-300


@dataclass(frozen=True)
class NewtonFit:
    """An optimum with the Cholesky factor of its Hessian H = L L'."""

    theta: FloatVector  # (d + 1,) the intercept last
    factor: FloatMatrix  # (d + 1, d + 1) L
    eta: FloatVector  # (k,) logits of the training points
    summed: FloatVector  # (k,) the same as the steps added them up: a tighter fit that goes on from here takes the same path

    def whiten(self, X: FloatMatrix) -> FloatMatrix:
        """Rows x to x~ = L^-1 x."""
        return np.ascontiguousarray(solve_triangular(self.factor, X.T, lower=True, check_finite=False).T)


def with_intercept(X: FloatMatrix) -> FloatMatrix:
    """Rows of features with a one behind them: the form of all here."""
    return np.column_stack([X, np.ones(X.shape[0])])


def fit_newton(
    X: FloatMatrix, y: FloatVector, C: float, tolerance: float = 1e-10, looser: NewtonFit | None = None
) -> NewtonFit:
    """Damped Newton on C sum loss + |w|^2 / 2 until the step is below ``tolerance`` in the metric of the Hessian.

    X : (k, d + 1), the last column ones and not penalised; y : (k,) zeros and ones, both present
    looser : the same problem's fit at a larger tolerance: the steps go on from there, and the result is, bit for bit, that
        without it

    Raises ArgumentError where it does not converge.
    """
    penalty = np.ones(X.shape[1])
    penalty[-1] = 0.0
    if looser is None:
        theta: FloatVector = np.zeros(X.shape[1])
        theta[-1] = np.log(y.mean() / (1 - y.mean()))
        eta = np.full(y.size, theta[-1])
    else:
        theta, eta = looser.theta, looser.summed
    diagonal = np.arange(X.shape[1])

    def objective(theta: FloatVector, eta: FloatVector) -> float:
        return float(C * np.sum(np.logaddexp(0, eta) - y * eta) + penalty @ theta**2 / 2)

    value = objective(theta, eta)
    for _ in range(_MAX_NEWTON):
        p, q = expit(eta), expit(-eta)
        rooted = X * np.sqrt(C * p * q)[:, None]
        H = rooted.T @ rooted  # one matrix twice: half the work of a general product
        H[diagonal, diagonal] += penalty + _INTERCEPT_RIDGE * (1 - penalty)
        factor = np.asarray(np.linalg.cholesky(H), dtype=np.float64)
        whitened = solve_triangular(factor, C * ((p - y) @ X) + penalty * theta, lower=True, check_finite=False)
        left = float(whitened @ whitened) / (1 + float(theta @ theta))
        if left <= tolerance**2:
            break
        step = -solve_triangular(factor, whitened, lower=True, trans=1, check_finite=False)
        along = X @ step
        highest = value + _RISE * abs(value)
        while (trial := objective(theta + step, eta + along)) > highest and np.abs(step).max() > _NO_STEP:
            step, along = step / 2, along / 2
        theta, eta, value = theta + step, eta + along, trial
    require_settled(left <= max(tolerance, _ROUNDED) ** 2, C)
    return NewtonFit(theta, factor, X @ theta, eta)


def add_one_newton(
    members: FloatMatrix, eta_members: FloatVector, C: float, x: FloatMatrix, eta: FloatVector, y: FloatVector
) -> FloatMatrix:
    """The displacement D~ of the optimum by every row of x, each a candidate, in float64.

    Damped Newton, its systems solved by conjugate gradients for all rows at once; the objective is convex, so it converges
    from anywhere. members : (k, d + 1) and x : (rows, d + 1) are whitened, eta : (rows,) the candidates' logits at the base
    model. Returns (rows, d + 1). Raises ArgumentError where a row does not converge.
    """
    moves = np.zeros_like(x)
    active = np.arange(y.size)
    nothing = _ROUNDING * (1 + C * float(np.linalg.norm(members)))
    for _ in range(_MAX_NEWTON):
        problem = _AddOne(members, eta_members, C, x[active], eta[active], y[active])
        at = moves[active]
        step = problem.newton_step(at)
        size = problem.damping(at, step)
        moves[active] = at + size[:, None] * step
        active = active[_norms(step) > np.maximum(_LAST_STEP * _norms(moves[active]), nothing)]
        if active.size == 0:
            break
    require_settled(active.size == 0, C)
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

    def objective(self, moves: FloatMatrix) -> tuple[FloatVector, FloatVector]:
        """Change of the objective from D~ = 0, and the size of what cancels in it, whose rounding it bears; (rows,) both."""
        u, t = moves @ self.members.T, _dots(moves, self.x)
        p, q = expit(self.eta_members), expit(-self.eta_members)
        after, quadratic = np.logaddexp(0, self.eta_members + u), p * q * u * u / 2
        beyond = after - np.logaddexp(0, self.eta_members) - p * u - quadratic
        own_after, half = np.logaddexp(0, self.eta + t), _dots(moves, moves) / 2
        own = own_after - np.logaddexp(0, self.eta) - self.y * t
        total: FloatVector = half + self.C * (beyond.sum(axis=1) + own)
        size: FloatVector = half + self.C * ((after + np.abs(p * u) + quadratic).sum(axis=1) + own_after + np.abs(t))
        return total, size

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
        (value, _), size = self.objective(moves), np.ones(self.y.size)
        for _ in range(_MAX_HALVINGS):
            trial, of = self.objective(moves + size[:, None] * step)
            rising = trial > value + _RISE * of
            if not rising.any():
                break
            size[rising] /= 2
        return size


def _conjugate_gradients(apply: Callable[[FloatMatrix], FloatMatrix], b: FloatMatrix) -> FloatMatrix:
    """Solve apply(v) = b, each row a system of its own, to a relative residual of `_SOLVED`."""
    v, r = np.zeros_like(b), b.copy()
    direction, norm = r.copy(), _dots(r, r)
    target = _SOLVED**2 * norm
    for _ in range(_MAX_GRADIENTS):
        image = apply(direction)
        length = np.where(norm > target, norm / np.maximum(_dots(direction, image), _TINY), 0.0)
        v += length[:, None] * direction
        r -= length[:, None] * image
        fresh = _dots(r, r)
        if (fresh <= target).all():
            break
        direction = r + (fresh / np.maximum(norm, _TINY))[:, None] * direction
        norm = fresh
    return v


def _dots(a: FloatMatrix, b: FloatMatrix) -> FloatVector:
    out: FloatVector = np.einsum("ij,ij->i", a, b)
    return out


def _norms(a: FloatMatrix) -> FloatVector:
    return np.sqrt(_dots(a, a))

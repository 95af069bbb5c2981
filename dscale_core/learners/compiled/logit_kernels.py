"""Compiled loops of the logistic engine: the few places where NumPy would be bound by memory.

All are elementwise in the logit step e (or u): p is the probability at the base model, so that with a = |e| and
p' = p for e < 0, 1 - p for e > 0,

    sigma(eta + e) - sigma(eta) = -sign(e) w expm1(-a) / (1 + p' expm1(-a)),    w = p (1 - p)

and a point's loss changes, with m its chance of being missed and x = e or -e the step towards that, by

    log(1 - m + m exp(x)) = log1p(m expm1(x)),    expm1(x) = -expm1(-x) / exp(-x) for x > 0.

No form cancels, neither for small steps nor for points that are all but certain, whose changes of 1e-12 may be all there is;
``expm1`` and ``log1p`` are those of `vector_math`. Steps are limited to what e^|step| can say (`two_classes`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from dscale_core.learners.compiled.jit_flags import ELEMENTWISE, SUMS, allow
from dscale_core.learners.compiled.vector_math import expm1_and_exp, log1p_of

__all__ = ["UTILITY_CODES", "loss_change", "own_residual", "second_order_change", "sigmoid_remainder"]

# e^700 is still a number, and sigma(700) is 1 to rounding: test_kernels.py::test_own_residual_far_from_the_boundary. Fifteen
# would cut real logits: test_kernels.py::test_own_residual_is_the_root
_FARTHEST = 700.0
# Bisections alone need 50 for the sixteen digits of s between -1 and 1, and each step of Newton that is taken saves many;
# eight fail test_kernels.py::test_own_residual_is_the_root.
_MOST_ROOT_STEPS = 100
# Rounding of s, which may itself be small: test_kernels.py::test_own_residual_of_a_certain_candidate_keeps_its_digits
_ROOT_PRECISION = 1e-12


@njit(**ELEMENTWISE)
def _probability_change(e: Any, p: Any, q: Any) -> Any:
    """sigma(eta + e) - p, where q = 1 - p to full relative precision."""
    shrink, power = expm1_and_exp(-abs(e))
    near = q if e > 0 else p
    far = p if e > 0 else q
    change = p * q * shrink / (far + near * power)
    return -change if e > 0 else change


@njit(cache=True, **allow(*SUMS["fastmath"], "nnan"))
def sigmoid_remainder(u: Any, p: Any, q: Any) -> Any:
    """Replace each u in (rows, k) by sigma(eta + u) - sigma(eta) - w u, the part of the gradient that H does not hold.

    Returns max |u| of each row: weights shrink by exp(-|u|) at most, which bounds how much curvature is lost.
    """
    largest = np.zeros(u.shape[0])
    for i in range(u.shape[0]):
        row = u[i]
        low, high = row[0], row[0]
        for j in range(row.size):
            low, high = min(low, row[j]), max(high, row[j])
        largest[i] = max(-low, high)
        for j in range(row.size):
            row[j] = _probability_change(row[j], p[j], q[j]) - p[j] * q[j] * row[j]
    return largest


@njit(cache=True)
def own_residual(eta: Any, y: Any, curvature: Any) -> Any:
    """Root s of s = sigma(eta - curvature s) - y for every candidate: its own residual after the step along itself.

    |s| = sigma(f - curvature |s|), where f = eta or -eta is the logit of being missed, so that nothing cancels where a
    candidate is all but certain. |s| - sigma(f - curvature |s|) rises with slope at least one and changes sign between 0 and
    sigma(f). Newton alone can cycle between the flat ends of the sigmoid: where it leaves the bracket or does not halve its
    step, bisect.
    """
    out = np.empty_like(eta)
    for i in range(eta.size):
        sign = 1.0 - 2.0 * y[i]
        missed = sign * eta[i]
        s = 1.0 / (1.0 + math.exp(-max(min(missed, _FARTHEST), -_FARTHEST)))
        low, high = 0.0, s
        step = s
        for _ in range(_MOST_ROOT_STEPS):
            p = 1.0 / (1.0 + math.exp(-max(min(missed - curvature[i] * s, _FARTHEST), -_FARTHEST)))
            value = s - p
            if value > 0:
                high = s
            else:
                low = s
            newton = value / (1.0 + curvature[i] * p * (1.0 - p))
            if s - newton < low or s - newton > high or abs(newton) > 0.5 * abs(step):
                newton = s - 0.5 * (low + high)
            step = newton
            s -= step
            if abs(step) <= _ROOT_PRECISION * s:
                break
        out[i] = sign * s
    return out


@njit(cache=True, **SUMS)
def second_order_change(x: Any, products: Any, y: Any, C: float) -> Any:
    """Minus the loss change by every candidate's own step, to second order, (rows,) float64.

    x : (rows, d); products : (rows, 2 d + 2), x times [H^-1, A, H^-1 g, theta] of `second_order`
    """
    rows, d = x.shape
    own, bent = np.empty(rows), np.empty(rows)
    for i in range(rows):
        row, by_inverse, by_bend = x[i], products[i, :d], products[i, d : 2 * d]
        length, bend = np.float32(0.0), np.float32(0.0)
        for j in range(d):
            length += row[j] * by_inverse[j]
            bend += row[j] * by_bend[j]
        own[i], bent[i] = C * length, bend
    out = C * own_residual(products[:, 2 * d + 1].astype(np.float64), y, own)
    for i in range(rows):
        out[i] = out[i] * products[i, 2 * d] - 0.5 * out[i] * out[i] * bent[i]
    return out


# Summed in the steps' own precision, then added up in float64, which keeps 1e-7 of sums of any length:
# test_kernels.py::test_long_sums_keep_their_digits
_BLOCK = 512


@njit(**ELEMENTWISE)
def _towards_a_miss(e: Any, p: Any, q: Any, y: Any) -> Any:
    """The step towards the wrong class, and the chance of that class and of the own one."""
    wrong = q if y > 0.5 else p
    own = p if y > 0.5 else q
    return (np.float32(1.0) - np.float32(2.0) * y) * e, wrong, own


@njit(**ELEMENTWISE)
def _log_loss_term(x: Any, wrong: Any, own: Any) -> Any:
    shrink, power = expm1_and_exp(-abs(x))
    gain = wrong * (-shrink / power if x > 0 else shrink)
    return log1p_of(gain, np.float32(1.0) + gain if x > 0 else own + wrong * power)


@njit(**ELEMENTWISE)
def _brier_term(x: Any, wrong: Any, own: Any) -> Any:
    change = _probability_change(x, wrong, own)
    return change * (change + np.float32(2.0) * wrong)


@njit(**ELEMENTWISE)
def _accuracy_term(e: Any, y: Any, eta: Any) -> Any:
    return abs(y - np.float32(eta + e > 0)) - abs(y - np.float32(eta > 0))


@njit(**ELEMENTWISE)
def _paper_log_loss_term(x: Any, wrong: Any, own: Any) -> Any:
    # with own probability o the doubled softmax costs log(1 + exp(1 - 2 o)): a log loss at the logit 1 - 2 o
    step = np.float32(2.0) * _probability_change(x, wrong, own)
    logit = np.float32(1.0) - np.float32(2.0) * own
    power = expm1_and_exp(-abs(logit))[1]
    larger, smaller = np.float32(1.0) / (np.float32(1.0) + power), power / (np.float32(1.0) + power)
    return _log_loss_term(step, larger if logit > 0 else smaller, smaller if logit > 0 else larger)


@njit(cache=True, **SUMS)
def loss_change(utility: int, e: Any, p: Any, q: Any, y: Any, eta: Any) -> Any:
    """Sum over the v valuation points of the loss change by logit steps e.

    utility : one of UTILITY_CODES; e : (rows, v); p, q = 1 - p, y, eta : (v,) at the base model. Returns (rows,) float64.
    """
    out = np.zeros(e.shape[0])
    for i in range(e.shape[0]):
        for start in range(0, e.shape[1], _BLOCK):
            block = slice(start, start + _BLOCK)
            row, p_, q_, y_, eta_ = e[i, block], p[block], q[block], y[block], eta[block]
            part = np.float32(0.0) * row[0]
            # the choice stands outside the inner loops: a branch inside would keep them from vectorising
            if utility == 0:
                for j in range(row.size):
                    x, wrong, own = _towards_a_miss(row[j], p_[j], q_[j], y_[j])
                    part += _log_loss_term(x, wrong, own)
            elif utility == 1:
                for j in range(row.size):
                    x, wrong, own = _towards_a_miss(row[j], p_[j], q_[j], y_[j])
                    part += _brier_term(x, wrong, own)
            elif utility == 2:
                for j in range(row.size):
                    part += _accuracy_term(row[j], y_[j], eta_[j])
            else:
                for j in range(row.size):
                    x, wrong, own = _towards_a_miss(row[j], p_[j], q_[j], y_[j])
                    part += _paper_log_loss_term(x, wrong, own)
            out[i] += part
    return out


UTILITY_CODES: dict[str, int] = {"log_loss": 0, "brier": 1, "accuracy": 2, "paper_log_loss": 3}

"""Compiled loops of the logistic engine: the few places where NumPy would be bound by memory.

All are elementwise in the logit step e (or u): p is the probability at the base model, so that with a = |e| and
p' = p for e < 0, 1 - p for e > 0,

    sigma(eta + e) - sigma(eta) = -sign(e) w expm1(-a) / (1 + p' expm1(-a)),    w = p (1 - p)
    log(1 + exp(eta + e)) - log(1 + exp(eta)) = max(e, 0) + log1p(p' expm1(-a))

Neither form cancels for small steps nor overflows for large ones. ``expm1`` and ``log1p`` are written out for float32 so
that the compiler can vectorise them (relative error below 2e-7); float64 takes the C library's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

__all__ = [
    "UTILITY_CODES",
    "anderson_step",
    "loss_change",
    "own_residual",
    "second_order_change",
    "sigmoid_remainder",
]

# a division that raises would be a branch; infinities and NaN keep their meaning
_VECTOR: dict[str, Any] = {"fastmath": {"contract", "arcp", "nsz"}, "error_model": "numpy"}
# sums vectorise only where their order is free; elsewhere free order would undo expm1's care for small steps
_SUM: dict[str, Any] = {"fastmath": {"reassoc", "contract", "arcp", "nsz"}, "error_model": "numpy"}


@intrinsic
def _bits_to_float(typing_context: Any, bits: Any) -> Any:  # noqa: ARG001
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


@intrinsic
def _float_to_bits(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), codegen


def _expm1_and_exp(x: float) -> tuple[float, float]:  # noqa: ARG001
    """(expm1(x), exp(x)) for x <= 0."""
    raise RuntimeError("compiled only")


def _expm1_and_exp_single(x: Any) -> Any:
    x = max(x, np.float32(-86.0))
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    tail = np.float32(1 / 120) + r * (np.float32(1 / 720) + r * np.float32(1 / 5040))
    head = r + r * r * (np.float32(0.5) + r * (np.float32(1 / 6) + r * (np.float32(1 / 24) + r * tail)))
    power = _bits_to_float((np.int32(n) + np.int32(127)) << np.int32(23))
    return power * head + (power - np.float32(1.0)), power * head + power


def _expm1_and_exp_double(x: Any) -> Any:
    return math.expm1(x), math.exp(x)


@overload(_expm1_and_exp, jit_options=_VECTOR)
def _overload_expm1(x: Any) -> Any:
    return _expm1_and_exp_single if x == types.float32 else _expm1_and_exp_double


def _log1p_of(t: float, one_plus_t: float) -> float:  # noqa: ARG001
    """log(1 + t) where 1 + t is also known to full relative precision (it is not recoverable from t near -1)."""
    raise RuntimeError("compiled only")


def _log1p_of_single(t: Any, one_plus_t: Any) -> Any:
    bits = _float_to_bits(one_plus_t) + np.int32(0x3F800000 - 0x3F3504F3)
    exponent = (bits >> np.int32(23)) - np.int32(127)
    mantissa = _bits_to_float((bits & np.int32(0x007FFFFF)) + np.int32(0x3F3504F3))
    f = t if exponent == 0 else mantissa - np.float32(1.0)
    s = f / (np.float32(2.0) + f)
    z = s * s
    series = z * (np.float32(0.66666662693) + z * (np.float32(0.40000972152) + z * np.float32(0.28498786688)))
    half = np.float32(0.5) * f * f
    return np.float32(exponent) * np.float32(0.69314718056) + (f - (half - s * (half + series)))


def _log1p_of_double(t: Any, one_plus_t: Any) -> Any:
    return math.log1p(t) if t > -0.5 else math.log(one_plus_t)


@overload(_log1p_of, jit_options=_VECTOR)
def _overload_log1p(t: Any, one_plus_t: Any) -> Any:  # noqa: ARG001
    return _log1p_of_single if t == types.float32 else _log1p_of_double


@njit(**_VECTOR)
def _probability_change(e: Any, p: Any, q: Any) -> Any:
    """sigma(eta + e) - p, where q = 1 - p to full relative precision."""
    shrink, power = _expm1_and_exp(-abs(e))
    near = q if e > 0 else p
    far = p if e > 0 else q
    change = p * q * shrink / (far + near * power)
    return -change if e > 0 else change


@njit(cache=True, fastmath={*_SUM["fastmath"], "nnan"}, error_model="numpy")
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

    s - sigma(eta - curvature s) + y rises with slope at least one and changes sign between 0 and the first guess. Newton
    alone can cycle between the flat ends of the sigmoid: where it leaves the bracket or does not halve its step, bisect.
    """
    out = np.empty_like(eta)
    for i in range(eta.size):
        s = 1.0 / (1.0 + math.exp(-max(min(eta[i], 700.0), -700.0))) - y[i]
        low, high = min(s, 0.0), max(s, 0.0)
        step = high - low
        for _ in range(100):
            p = 1.0 / (1.0 + math.exp(-max(min(eta[i] - curvature[i] * s, 700.0), -700.0)))
            value = s - p + y[i]
            if value > 0:
                high = s
            else:
                low = s
            newton = value / (1.0 + curvature[i] * p * (1.0 - p))
            if s - newton < low or s - newton > high or abs(newton) > 0.5 * abs(step):
                newton = s - 0.5 * (low + high)
            step = newton
            s -= step
            if abs(step) <= 1e-15 + 1e-12 * abs(s):
                break
        out[i] = s
    return out


@njit(cache=True, **_SUM)
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


@njit(cache=True, **_SUM)
def anderson_step(
    states: Any, residuals: Any, used: int, newest: int, tolerance: float, slack: Any, out: Any, done: Any
) -> None:
    """One accelerated step of every row's fixed-point iteration x <- x + F(x) (Anderson 1965; Walker and Ni 2011).

    states, residuals : (m, rows, d) rings of past x and F(x), of which ``used`` are filled and ``newest`` is the latest
    out : (rows, d) the next x; done : (rows,) set where the error of x + F(x) is within ``tolerance`` of its size. The
        error is |F(x)| times the largest ratio of a past change of x to the change of F it made: where D loses curvature
        the iteration is slow, and a small residual alone would say nothing
    slack : (rows,) a bound of that ratio; an error of a hundredth by this bound is never accepted
    """
    rows, d = out.shape
    depth = states.shape[0]
    past = used - 1
    gram = np.empty((depth, depth + 1))
    for i in range(rows):
        f, x = residuals[newest, i], states[newest, i]
        size, residual = 0.0, 0.0
        for j in range(d):
            out[i, j] = x[j] + f[j]
            size += out[i, j] * out[i, j]
            residual += f[j] * f[j]
        slowest = 1.0 if past else 100.0
        for a in range(past):
            xa, fa = states[(newest - 1 - a) % depth, i], residuals[(newest - 1 - a) % depth, i]
            moved, pull = 0.0, 0.0
            for j in range(d):
                moved += (x[j] - xa[j]) * (x[j] - xa[j])
                pull += (f[j] - fa[j]) * f[j]
            gram[a, past] = pull
            for b in range(a + 1):
                fb = residuals[(newest - 1 - b) % depth, i]
                total = 0.0
                for j in range(d):
                    total += (f[j] - fa[j]) * (f[j] - fb[j])
                gram[a, b] = total
                gram[b, a] = total
            slowest = max(slowest, moved / (gram[a, a] + 1e-300))
        bound = 1e-4 / (slack[i] * slack[i])
        done[i] = residual <= size * min(tolerance * tolerance / slowest, bound)
        if done[i] or past == 0:
            continue
        _solve_in_place(gram, past)
        for a in range(past):
            xa, fa = states[(newest - 1 - a) % depth, i], residuals[(newest - 1 - a) % depth, i]
            weight = gram[a, past]
            for j in range(d):
                out[i, j] -= weight * (x[j] + f[j] - xa[j] - fa[j])


@njit(cache=True)
def _solve_in_place(system: Any, n: int) -> None:
    """Solve the leading n x n system of ``system`` with column n as right side, by elimination; the solution replaces it."""
    ridge = 0.0
    for a in range(n):
        ridge = max(ridge, system[a, a])
    for a in range(n):
        system[a, a] += 1e-10 * ridge + 1e-300
    for a in range(n):
        for b in range(a + 1, n):
            factor = system[b, a] / system[a, a]
            for c in range(a, n + 1):
                system[b, c] -= factor * system[a, c]
    for a in range(n - 1, -1, -1):
        for c in range(a + 1, n):
            system[a, n] -= system[a, c] * system[c, n]
        system[a, n] /= system[a, a]


_BLOCK = 512  # summed in the steps' own precision, then added up in float64


@njit(**_VECTOR)
def _log_loss_term(e: Any, p: Any, q: Any, y: Any) -> Any:
    shrink, power = _expm1_and_exp(-abs(e))
    near = q if e > 0 else p
    far = p if e > 0 else q
    return _log1p_of(near * shrink, far + near * power) + (max(e, np.float32(0.0)) - y * e)


@njit(**_VECTOR)
def _brier_term(e: Any, p: Any, q: Any, y: Any) -> Any:
    change = _probability_change(e, p, q)
    return change * (change + np.float32(2.0) * (p - y))


@njit(**_VECTOR)
def _accuracy_term(e: Any, y: Any, eta: Any) -> Any:
    return abs(y - np.float32(eta + e > 0)) - abs(y - np.float32(eta > 0))


@njit(**_VECTOR)
def _paper_log_loss_term(e: Any, p: Any, q: Any, y: Any) -> Any:
    # with own probability o the doubled softmax costs log(1 + exp(1 - 2 o)): a log loss at the logit 1 - 2 o
    sign = np.float32(1.0) - np.float32(2.0) * y
    step = np.float32(2.0) * sign * _probability_change(e, p, q)
    logit = np.float32(1.0) - np.float32(2.0) * (q if y < 0.5 else p)
    power = _expm1_and_exp(-abs(logit))[1]
    larger, smaller = np.float32(1.0) / (np.float32(1.0) + power), power / (np.float32(1.0) + power)
    outer = larger if logit > 0 else smaller
    rest = smaller if logit > 0 else larger
    return _log_loss_term(step, outer, rest, np.float32(0.0))


@njit(cache=True, **_SUM)
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
                    part += _log_loss_term(row[j], p_[j], q_[j], y_[j])
            elif utility == 1:
                for j in range(row.size):
                    part += _brier_term(row[j], p_[j], q_[j], y_[j])
            elif utility == 2:
                for j in range(row.size):
                    part += _accuracy_term(row[j], y_[j], eta_[j])
            else:
                for j in range(row.size):
                    part += _paper_log_loss_term(row[j], p_[j], q_[j], y_[j])
            out[i] += part
    return out


UTILITY_CODES: dict[str, int] = {"log_loss": 0, "brier": 1, "accuracy": 2, "paper_log_loss": 3}

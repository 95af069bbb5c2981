"""Compiled loops of the softmax engine.

Logit steps u come class by class, (rows, classes - 1, points): the weights of all classes sum to zero at every optimum (the
gradient does, and the penalty pulls the rest to zero), so the last class's step is minus the sum of the others and is never
stored. With M = max_a u_a, which keeps every exponent at or below zero, and p the probabilities at the base model,

    p_a(u) - p_a = p_a (e_a - m) / (1 + m),    e_a = expm1(u_a - M),    m = sum_a p_a e_a
    log p_y(u) - log p_y = u_y - M - log1p(m)

and neither cancels for small steps nor overflows for large ones. Points lie along the last axis and are worked in blocks
that stay in the first-level cache; classes are the outer loops, so that every inner loop vectorises.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from dscale_core.learners.compiled.jit_flags import ELEMENTWISE, SUMS, allow
from dscale_core.learners.compiled.vector_math import expm1_and_exp, log1p_of

__all__ = ["loss_change", "softmax_remainder"]

_BLOCK = 128  # points whose planes of up to ten classes stay in the first-level cache; speed alone
# That of `utility.loss`, or a change would not be a difference of losses.
# test_softmax.py::test_loss_changes_equal_their_definition
_LOG_FLOOR = math.log(np.finfo(np.float64).eps)


@njit(**ELEMENTWISE)
def _planes(work: Any, classes: int, n: int) -> Any:
    """Two (classes, n) planes and five (n,) lines of work space, each contiguous."""
    planes = work[: (2 * classes + 5) * n].reshape(2 * classes + 5, n)
    first = 2 * classes
    lines = planes[first], planes[first + 1], planes[first + 2], planes[first + 3], planes[first + 4]
    return planes[:classes], planes[classes:first], lines


@njit(**ELEMENTWISE)
def _close(u: Any, i: int, part: Any, full: Any, high: Any, low: Any) -> None:
    """Copy row i of a block of steps and append the last class's; also the largest and smallest step of each point."""
    classes = full.shape[0]
    last = full[classes - 1]
    last[:] = 0.0
    high[:] = u[i, 0, part]
    low[:] = high
    for a in range(classes - 1):
        # rows taken one by one are contiguous to the compiler, which a plane's slice is not
        steps, copy = u[i, a, part], full[a]
        for j in range(steps.size):
            copy[j] = steps[j]
            last[j] -= steps[j]
            high[j] = max(high[j], steps[j])
            low[j] = min(low[j], steps[j])
    for j in range(last.size):
        high[j] = max(high[j], last[j])
        low[j] = min(low[j], last[j])


@njit(**ELEMENTWISE)
def _powers(full: Any, p: Any, part: Any, high: Any, e: Any, m: Any, total: Any) -> None:
    """e_a, m and 1 + m (to full relative precision of its own) for a block of points."""
    m[:] = 0.0
    total[:] = 0.0
    for a in range(full.shape[0]):
        steps, chance, shrunk = full[a], p[a, part], e[a]
        for j in range(steps.size):
            shrink, power = expm1_and_exp(steps[j] - high[j])
            shrunk[j] = shrink
            m[j] += chance[j] * shrink
            total[j] += chance[j] * power


@njit(**ELEMENTWISE)
def _mean(full: Any, p: Any, part: Any, mean: Any) -> None:
    """sum_a p_a full_a of every point."""
    mean[:] = 0.0
    for a in range(full.shape[0]):
        steps, chance = full[a], p[a, part]
        for j in range(steps.size):
            mean[j] += chance[j] * steps[j]


@njit(cache=True, **allow(*ELEMENTWISE["fastmath"], "nnan"))
def softmax_remainder(u: Any, p: Any) -> Any:
    """Replace u (rows, classes - 1, k) by rho_a - rho_last, where rho = p(u) - p - (diag p - p p') u; p : (classes, k).

    Returns the largest range max_a u_a - min_a u_a of each row: curvature shrinks by exp(-range) at most.
    """
    classes, k = p.shape
    largest = np.zeros(u.shape[0])
    work = np.empty((2 * classes + 5) * _BLOCK, dtype=u.dtype)
    for i in range(u.shape[0]):
        widest = np.float32(0.0) * u[i, 0, 0]
        for start in range(0, k, _BLOCK):
            n = min(_BLOCK, k - start)
            part = slice(start, start + n)
            full, e, (high, low, m, total, mean) = _planes(work, classes, n)
            _close(u, i, part, full, high, low)
            for j in range(n):
                widest = max(widest, high[j] - low[j])
            _powers(full, p, part, high, e, m, total)
            _mean(full, p, part, mean)
            steps, shrunk, chance, last = full[classes - 1], e[classes - 1], p[classes - 1, part], high
            for j in range(n):
                total[j] = np.float32(1.0) / total[j]
                last[j] = chance[j] * ((shrunk[j] - m[j]) * total[j] - (steps[j] - mean[j]))
            for a in range(classes - 1):
                steps, shrunk, chance, rho = full[a], e[a], p[a, part], u[i, a, part]
                for j in range(n):
                    rho[j] = chance[j] * ((shrunk[j] - m[j]) * total[j] - (steps[j] - mean[j])) - last[j]
        largest[i] = widest
    return largest


@njit(cache=True, **SUMS)
def loss_change(utility: int, u: Any, p: Any, hot: Any, eta: Any, own_log: Any, outer: Any) -> Any:
    """Sum over the valuation points of the loss change by logit steps u (rows, classes - 1, v); returns (rows,) float64.

    utility : one of `logit_kernels.UTILITY_CODES`; p, eta : (classes, v) probabilities and logits at the base model; hot :
    (classes, v) ones at the true class; own_log : (v,) log-probability of the true class; outer : (classes, v) softmax of p
    """
    classes, points = p.shape
    out = np.zeros(u.shape[0])
    work = np.empty((2 * classes + 5) * _BLOCK, dtype=u.dtype)
    for i in range(u.shape[0]):
        for start in range(0, points, _BLOCK):
            n = min(_BLOCK, points - start)
            part = slice(start, start + n)
            full, e, (high, low, m, total, own) = _planes(work, classes, n)
            _close(u, i, part, full, high, low)
            if utility == 2:
                out[i] += _accuracy(full, eta, hot, part)
                continue
            _powers(full, p, part, high, e, m, total)
            if utility == 0:
                _mean(full, hot, part, own)
                out[i] += _log_loss(own, own_log[part], high, m, total)
                continue
            _change(p, part, e, m, total, full)
            if utility == 1:
                out[i] += _brier(full, p, hot, part)
                continue
            # the probabilities serve as logits once more
            _mean(full, hot, part, own)
            _largest(full, high)
            _powers(full, outer, part, high, e, m, total)
            out[i] += _outer_loss(own, high, m, total)
    return out


@njit(**ELEMENTWISE)
def _change(p: Any, part: Any, e: Any, m: Any, total: Any, out: Any) -> None:
    """p_a(u) - p_a of every class and point."""
    for a in range(out.shape[0]):
        change, shrunk, chance = out[a], e[a], p[a, part]
        for j in range(change.size):
            change[j] = chance[j] * (shrunk[j] - m[j]) / total[j]


@njit(**ELEMENTWISE)
def _largest(values: Any, high: Any) -> None:
    """The largest class's entry of every point."""
    high[:] = values[0]
    for a in range(1, values.shape[0]):
        row = values[a]
        for j in range(row.size):
            high[j] = max(high[j], row[j])


@njit(**SUMS)
def _log_loss(own: Any, own_log: Any, high: Any, m: Any, total: Any) -> Any:
    floor = own_log.dtype.type(_LOG_FLOOR)
    change = np.float32(0.0) * own[0]
    for j in range(own.size):
        gain = own[j] - high[j] - log1p_of(m[j], total[j])
        after = own_log[j] + gain
        # a probability under the floor of `utility.loss` costs no more than the floor
        floored = max(after, floor) - max(own_log[j], floor)
        change -= gain if min(after, own_log[j]) >= floor else floored
    return change


@njit(**SUMS)
def _brier(changes: Any, p: Any, hot: Any, part: Any) -> Any:
    total = np.float32(0.0) * changes[0, 0]
    for a in range(changes.shape[0]):
        change, chance, label = changes[a], p[a, part], hot[a, part]
        for j in range(change.size):
            total += change[j] * (change[j] + np.float32(2.0) * (chance[j] - label[j]))
    return total / 2


@njit(**SUMS)
def _outer_loss(own: Any, high: Any, m: Any, total: Any) -> Any:
    change = np.float32(0.0) * own[0]
    for j in range(own.size):
        change += log1p_of(m[j], total[j]) + high[j] - own[j]
    return change


@njit(**SUMS)
def _accuracy(full: Any, eta: Any, hot: Any, part: Any) -> Any:
    wrong = 0.0
    for j in range(full.shape[1]):
        at = part.start + j
        before, after = 0, 0
        for a in range(1, full.shape[0]):
            before = a if eta[a, at] > eta[before, at] else before
            after = a if eta[a, at] + full[a, j] > eta[after, at] + full[after, j] else after
        wrong += hot[before, at] - hot[after, at]
    return wrong

"""Compiled loops of the support vector machine's engine: kernel, working-set solver, optimality check, sigmoid.

With beta = alpha y the dual is: minimise beta'K beta / 2 - y'beta with sum beta = 0 and beta_i between 0 and C y_i. Its
negative gradient is the *error* e = y - K beta, and beta is optimal when no e of a point that may still rise exceeds an e of
a point that may still fall; the difference of the two is the *gap*. A step takes the largest e that may rise and, as its
partner, the point that gains most (Fan, Chen and Lin 2005), and moves both by the same amount until the errors meet or a
bound is reached. The diagonal of the kernel is one. A point that may not rise or fall is kept out by moving its error by
``_NEVER``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from dscale_core.learners.compiled.jit_flags import FUSED, SUMS, allow
from dscale_core.learners.compiled.vector_math import exp_of_nonpositive

__all__ = ["calibrate", "gaps", "rbf_in_place", "solve", "solve_candidates"]

# Beyond every error. test_svm.py::test_the_gap_of_a_solution_is_within_tolerance_for_every_point
_NEVER = 1e200
_CHUNK = 32  # compared together, so that the search vectorises; speed alone
# Least curvature of a step between two points: a point has none with itself, and duplicates have none; a step between these
# ends at a bound anyway. None at all fails test_svm.py::test_engine_equals_tight_refits.
_FLAT = 1e-12
# A sigmoid settles when half its Newton decrement, what the cross-entropy could still fall, is rounding to a point's share.
# test_svm.py::test_a_sigmoid_far_from_its_start_is_found_by_the_safe_way
_DECREMENT = 1e-18
# From near the answer Newton takes few steps, and its decrement falls to a fraction each time. Where it does not fall to a
# quarter, or twelve steps are not enough, the way that never lets the cross-entropy rise finds the same from afar.
# test_svm.py::test_a_sigmoid_far_from_its_start_is_found_by_the_safe_way
_QUICK_STEPS, _PACE = 12, 4
# Three steps of the safe way fail test_svm.py::test_engine_equals_tight_refits, and with no halving, or with a cross-entropy
# that may rise by more than rounding, test_svm.py::test_a_class_with_one_member fails.
_SAFE_STEPS, _SHORTEST, _ROUNDING = 200, 1e-10, 1e-14
# Scores that are all alike leave one direction free: test_svm.py::test_the_width_is_that_of_the_pool_and_can_be_given
_RIDGE, _TINY = 1e-13, 1e-300
# extremes vectorise only where NaN is ruled out
_EXTREMES = allow(*FUSED["fastmath"], "nnan")
_SUMS = allow(*SUMS["fastmath"], "nnan")


@njit(cache=True, **_EXTREMES)
def rbf_in_place(products: Any, squares: Any, other_squares: Any, gamma: Any) -> None:
    """Replace inner products x'z (rows, columns) by exp(-gamma |x - z|^2)."""
    for i in range(products.shape[0]):
        row, square = products[i], squares[i]
        for j in range(row.size):
            distance = max(square + other_squares[j] - (row[j] + row[j]), square - square)
            row[j] = exp_of_nonpositive(-gamma * distance)


@njit(**_EXTREMES)
def _find(values: Any, wanted: float) -> Any:
    """First index of a value that is there."""
    for start in range(0, values.size, _CHUNK):
        part = values[start : start + _CHUNK]
        hits = 0
        for t in range(part.size):
            hits += part[t] == wanted
        if hits:
            for t in range(part.size):
                if part[t] == wanted:
                    return start + t
    return -1


@njit(**_EXTREMES)
def _move_errors(error: Any, step: float, up: Any, down: Any, barred: Any, fallen: Any, scores: Any) -> tuple[float, float]:
    """Errors after a step of ``up`` and ``down``, rows of K; the largest that may rise, the smallest that may fall."""
    largest, smallest = -_NEVER, _NEVER
    for t in range(error.size):
        error[t] -= step * (up[t] - down[t])
        scores[t] = error[t] - barred[t]
        largest = max(largest, scores[t])
        smallest = min(smallest, error[t] + fallen[t])
    return largest, smallest


@njit(**_EXTREMES)
def _partner(error: Any, largest: float, row: Any, fallen: Any, scores: Any) -> Any:
    """The point whose fall gains most against the rise of the one whose row this is."""
    best = 0.0
    for t in range(error.size):
        gap = max(largest - error[t] - fallen[t], 0.0)
        scores[t] = gap * gap / max(2.0 - 2.0 * row[t], _FLAT)
        best = max(best, scores[t])
    return _find(scores, best)


@njit(cache=True, **_EXTREMES)
def solve(K: Any, error: Any, beta: Any, low: Any, high: Any, tolerance: float, most: int) -> Any:
    """Take steps, ``most`` at most, until the gap is within tolerance; changes ``error`` and ``beta``, returns the gap."""
    barred, fallen, scores = np.empty_like(error), np.empty_like(error), np.empty_like(error)
    for t in range(error.size):
        barred[t] = 0.0 if beta[t] < high[t] else _NEVER
        fallen[t] = 0.0 if beta[t] > low[t] else _NEVER
    largest, smallest = _move_errors(error, 0.0, K[0], K[0], barred, fallen, scores)
    for _ in range(most):
        if largest - smallest <= tolerance:
            break
        i = _find(scores, largest)
        j = _partner(error, largest, K[i], fallen, scores)
        step = (largest - error[j]) / max(2.0 - 2.0 * K[i, j], _FLAT)
        room, fall = high[i] - beta[i], beta[j] - low[j]
        if step >= min(room, fall):
            step = min(room, fall)
        beta[i] = high[i] if step == room else beta[i] + step
        beta[j] = low[j] if step == fall else beta[j] - step
        barred[i] = 0.0 if beta[i] < high[i] else _NEVER
        fallen[i], barred[j] = 0.0, 0.0
        fallen[j] = 0.0 if beta[j] > low[j] else _NEVER
        largest, smallest = _move_errors(error, step, K[i], K[j], barred, fallen, scores)
    return largest - smallest


@njit(cache=True, **_EXTREMES)
def solve_candidates(
    K: Any, rows: Any, error: Any, beta: Any, low: Any, high: Any, own: Any, y: Any, C: float, tolerance: Any, most: int
) -> Any:
    """`solve` with one candidate more, for each candidate, from the same start.

    K : (m + 1, m + 1) the members' kernel, its last row and column free for the candidate's; rows : (p, m) those rows
    error, beta, low, high : (m,) at the start; own : (p,) the candidates' errors; y : (p,) their labels, +-1
    tolerance : (p,) of each one's gap
    Returns the changes of beta, (p, m + 1) with the candidate last.
    """
    p, m = rows.shape
    moves = np.zeros((p, m + 1))
    error_, beta_ = np.empty(m + 1), np.empty(m + 1)
    low_, high_ = np.append(low, 0.0), np.append(high, 0.0)
    K[m, m] = 1.0
    for i in range(p):
        error_[:m], beta_[:m] = error, beta
        error_[m], beta_[m] = own[i], 0.0
        low_[m], high_[m] = min(C * y[i], 0.0), max(C * y[i], 0.0)
        K[m, :m] = rows[i]
        K[:m, m] = rows[i]
        solve(K, error_, beta_, low_, high_, tolerance[i], most)
        moves[i, :m] = beta_[:m] - beta
        moves[i, m] = beta_[m]
    return moves


@njit(cache=True, **_EXTREMES)
def gaps(errors: Any, beta: Any, low: Any, high: Any, own: Any, own_beta: Any, y: Any, C: float) -> Any:
    """The gap over all members and the candidate, (p,); errors, beta : (p, k), own, own_beta, y : (p,)."""
    out = np.empty(own.size)
    for i in range(own.size):
        e, b = errors[i], beta[i]
        largest = own[i] if own_beta[i] < max(C * y[i], 0.0) else -_NEVER
        smallest = own[i] if own_beta[i] > min(C * y[i], 0.0) else _NEVER
        for t in range(e.size):
            largest = max(largest, e[t] if b[t] < high[t] else -_NEVER)
            smallest = min(smallest, e[t] if b[t] > low[t] else _NEVER)
        out[i] = largest - smallest
    return out


@njit(**_SUMS)
def _sigmoid_sums(scores: Any, targets: Any, a: float, b: float) -> tuple[float, float, float, float, float]:
    """Gradient and Hessian in (a, b) of the cross-entropy of sigma(a score + b)."""
    ga, gb, haa, hab, hbb = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(scores.size):
        x = a * scores[t] + b
        power = exp_of_nonpositive(-abs(x))
        inverse = 1.0 / (1.0 + power)
        residual = (inverse if x > 0 else power * inverse) - targets[t]
        weight = power * inverse * inverse
        ga += residual * scores[t]
        gb += residual
        haa += weight * scores[t] * scores[t]
        hab += weight * scores[t]
        hbb += weight
    return ga, gb, haa, hab, hbb


@njit
def _cross_entropy(scores: Any, targets: Any, a: float, b: float) -> float:
    value = 0.0
    for t in range(scores.size):
        x = a * scores[t] + b
        value += max(x, 0.0) + math.log1p(math.exp(-abs(x))) - targets[t] * x
    return value


@njit(error_model="numpy")
def _sigmoid(scores: Any, targets: Any, a: float, b: float, safe: bool) -> tuple[float, float, bool]:
    """Newton's method from (a, b); ``safe`` never lets the cross-entropy rise. The last tells whether it has settled."""
    before = np.inf
    for _ in range(_SAFE_STEPS if safe else _QUICK_STEPS):
        ga, gb, haa, hab, hbb = _sigmoid_sums(scores, targets, a, b)
        ridge = _RIDGE * (haa + hbb) + _TINY
        haa, hbb = haa + ridge, hbb + ridge
        determinant = haa * hbb - hab * hab
        da, db = -(hbb * ga - hab * gb) / determinant, -(haa * gb - hab * ga) / determinant
        decrement = -(ga * da + gb * db)
        if decrement <= _DECREMENT * scores.size:
            return a + da, b + db, True
        if safe:
            highest, size = _cross_entropy(scores, targets, a, b) * (1 + _ROUNDING), 1.0
            while size > _SHORTEST and _cross_entropy(scores, targets, a + size * da, b + size * db) > highest:
                size /= 2
            da, db = size * da, size * db
        elif not decrement < before / _PACE:
            return a, b, False  # also where the weights have underflowed and the step is no number
        before = decrement
        a, b = a + da, b + db
    return a, b, safe


@njit(cache=True)
def calibrate(errors: Any, labels: Any, own: Any, y: Any, a: float, b: float) -> Any:
    """(a, b) of the sigmoid of every candidate's in-sample scores, (p, 2), from a start near the answer.

    errors : (p, k) of the members, whose labels +-1 are ``labels``; own, y : (p,) the candidates' errors and labels.
    A score is label minus error; a label's target is (N + 1) / (N + 2) or 1 / (N + 2) with N its class's count (Platt 2000).
    """
    p, k = errors.shape
    out, scores, targets = np.empty((p, 2)), np.empty(k + 1), np.empty(k + 1)
    positives = np.sum(labels > 0)
    for i in range(p):
        ones = positives + (y[i] > 0)
        above, below = (ones + 1.0) / (ones + 2.0), 1.0 / (k + 1 - ones + 2.0)
        for t in range(k):
            scores[t] = labels[t] - errors[i, t]
            targets[t] = above if labels[t] > 0 else below
        scores[k], targets[k] = y[i] - own[i], above if y[i] > 0 else below
        out[i, 0], out[i, 1], settled = _sigmoid(scores, targets, a, b, False)
        if not settled:
            start = math.log((ones + 1.0) / (k + 1 - ones + 1.0))
            out[i, 0], out[i, 1], _ = _sigmoid(scores, targets, 0.0, start, True)
    return out

"""The compiled step of Anderson's method; the method and its safeguard stand in `fixed_point`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from dscale_core.learners.compiled.elimination import eliminate
from dscale_core.learners.compiled.jit_flags import SUMS

__all__ = ["anderson_step"]

# The safeguard's constants are squares, as the sums they are held against.
# Before a second step nothing is known of the ratio of error to residual; ten is what a slow row shows later.
# test_fixed_point.py::test_the_first_step_must_be_ten_times_better_than_the_tolerance
_UNSEEN = 10.0**2
# test_fixed_point.py::test_an_error_of_a_hundredth_by_the_rows_own_bound_is_never_accepted
_BOUND = 0.01**2
# Relative to the Gram matrix, whose rounding is 1e-16 of it: past steps that depend on each other leave it singular,
# test_fixed_point.py::test_past_steps_that_repeat_each_other_count_as_one; 1e-3 would blunt the mixing,
# test_fixed_point.py::test_a_linear_problem_takes_few_steps
_RIDGE = 1e-10
# Keeps 0 / 0 a number where a step changed nothing, and is nothing itself.
# test_fixed_point.py::test_a_row_without_a_fixed_point_takes_plain_steps
_TINY = 1e-300
# Of one number; a sum of many has more.
# test_fixed_point.py::test_a_step_that_rounding_swallows_settles_nothing
_SINGLE_ROUNDING, _DOUBLE_ROUNDING = float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)


@njit(cache=True, **SUMS)
def anderson_step(
    states: Any, residuals: Any, used: int, newest: int, tolerance: float, slack: Any, out: Any, done: Any
) -> None:
    """One accelerated step of every row's fixed-point iteration x <- x + F(x) (Anderson 1965; Walker and Ni 2011).

    states, residuals : (m, rows, d) rings of past x and F(x), of which ``used`` are filled and ``newest`` is the latest
    out : (rows, d) the next x; done : (rows,) set where the error of x + F(x) is within ``tolerance`` of its size. The
        error is |F(x)| times the largest ratio of a past change of x to the change of F it made: where D loses curvature
        the iteration is slow, and a small residual alone would say nothing
    slack : (rows,) a bound of that ratio; an error of a hundredth by this bound is never accepted. Its logarithm is how far
        logits move: probabilities follow their exponential, so that a relative error of what moves by several units counts
        several times, and the tolerance is divided by it

    What runs away must not pass for settled: where a step is lost to the state's rounding F is zero, so that F is taken to
    be known to that rounding only; and where squares overflow (from 2e19 on in float32) nothing can be compared.
    """
    rows, d = out.shape
    depth = states.shape[0]
    past = used - 1
    rounding = (_SINGLE_ROUNDING if states.itemsize == 4 else _DOUBLE_ROUNDING) ** 2
    gram = np.empty((depth, depth + 1))
    for i in range(rows):
        f, x = residuals[newest, i], states[newest, i]
        size, residual = 0.0, 0.0
        for j in range(d):
            out[i, j] = x[j] + f[j]
            size += out[i, j] * out[i, j]
            residual += f[j] * f[j]
        slowest = 1.0 if past else _UNSEEN
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
            slowest = max(slowest, moved / (gram[a, a] + _TINY))
        bound = _BOUND / (slack[i] * slack[i])
        within = tolerance / max(math.log(slack[i]), 1.0)
        done[i] = size < np.inf and residual + rounding * size <= size * min(within * within / slowest, bound)
        if done[i] or past == 0:
            continue
        _mix(gram, past)
        for a in range(past):
            xa, fa = states[(newest - 1 - a) % depth, i], residuals[(newest - 1 - a) % depth, i]
            weight = gram[a, past]
            for j in range(d):
                out[i, j] -= weight * (x[j] + f[j] - xa[j] - fa[j])


@njit(cache=True)
def _mix(gram: Any, n: int) -> None:
    """Replace column n of the Gram matrix by the weights of the past steps."""
    ridge = 0.0
    for a in range(n):
        ridge = max(ridge, gram[a, a])
    for a in range(n):
        gram[a, a] += _RIDGE * ridge + _TINY
    eliminate(gram, n, False)

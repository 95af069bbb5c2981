"""Many fixed points x = x + F(x) at once, one a row: Anderson's acceleration with a safeguard of its own.

The exact engines of the logistic family solve one such problem a candidate: how far does the optimum move when the point
joins the coalition? F is cheap for all rows together, and a contraction wherever the point changes the coalition's curvature
little.

**Acceleration.** From the newest state x and the m - 1 before it, with dx_a and df_a their differences to it,

    x' = x + F(x) - sum_a g_a (dx_a + df_a),    g = argmin |F(x) - sum_a g_a df_a|,

each row with its own m - 1 weights g: Anderson's mixing (1965), for linear F the same as GMRES (Walker and Ni 2011).

**Safeguard.** Where the iteration is slow, |F(x)| is far smaller than the distance to the fixed point, and to stop at a
small residual would return a wrong answer. The ratio of the two is estimated from what the row has seen, the largest
|dx_a| / |df_a| (ten before anything has been seen), and the error that follows must be within the tolerance; by the rows'
own bound of that ratio, `slack`, it must be within a hundredth. A settled row ends with the plain step x + F(x), never with
a mixed one. A row that does not settle in the steps allowed is reported as such: whoever called solves it by a method that
always converges, and no row is returned unconverged. Rows are mixed and judged one by one: a bad row disturbs no other.

**Taking out.** Settled rows are taken out so that the rest costs less; but that copies the rest, so it waits until a quarter
has settled. A row that waits goes on improving.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dscale_core.learners.compiled import anderson
from dscale_core.types import FloatVector, IntVector

__all__ = ["TOLERANCE", "Rows", "settle", "slack"]

# Relative error of a displacement. A thousandth of the spread of contributions is promised, the benchmarks measure 3e-5; at
# 2e-2 test_logistic.py::test_a_duplicate_of_a_member_is_a_candidate_like_any_other fails.
TOLERANCE = 2e-4
# States that are combined. Of the candidates of a hardly regularised problem (C = 100) 3 % are left unsettled; with three
# states 4 %, and with eight no fewer that can be timed. Two fail
# test_fixed_point.py::test_slow_rows_are_accelerated_beyond_the_ring_of_past_states.
_DEPTH = 5
# Share of settled rows from which taking them out is worth the copy of the rest; results do not depend on it.
# test_fixed_point.py::test_settled_rows_wait_until_they_are_a_quarter
_WORTH_TAKING = 0.25
# e^300 is beyond any use, and its square is still a number: test_fixed_point.py::test_the_slack_of_a_logistic_problem
_LARGEST = 300.0


class Rows(Protocol):
    """The rows that are still iterated, in the order of their states."""

    def residual(self, state: NDArray[Any], out: NDArray[Any]) -> FloatVector:
        """Write F of every state (rows, n) to ``out``; returns a bound of |error of x + F(x)| / |F(x)|, (rows,)."""

    def collect(self, places: IntVector, settled: NDArray[np.bool_], state: NDArray[Any]) -> None:
        """Take over rows that have settled: their places at the start, which of the rows they are now, and their states."""

    def keep(self, left: NDArray[np.bool_]) -> None:
        """Drop all other rows."""


def settle(rows: Rows, start: NDArray[Any], most_steps: int, tolerance: float = TOLERANCE) -> NDArray[np.bool_]:
    """Iterate from ``start`` (rows, n), ``most_steps`` times at most; returns which rows have settled and been collected."""
    settled = np.zeros(start.shape[0], dtype=bool)
    places, state = np.arange(start.shape[0]), start
    states = np.empty((_DEPTH, *start.shape), dtype=start.dtype)
    residuals = np.empty_like(states)
    for step in range(most_steps):
        newest, used = step % _DEPTH, min(step + 1, _DEPTH)
        states[newest] = state
        bound = rows.residual(state, residuals[newest])
        done, state = np.empty(places.size, dtype=bool), np.empty_like(state)
        anderson.anderson_step(states, residuals, used, newest, tolerance, bound, state, done)
        if done.sum() >= _WORTH_TAKING * done.size or step == most_steps - 1:
            rows.collect(places[done], done, state[done])
            settled[places[done]] = True
            if done.all():
                break
            left = ~done
            rows.keep(left)
            places, state, states, residuals = places[left], state[left], states[:, left], residuals[:, left]
    return settled


def slack(largest: FloatVector, pull: FloatVector) -> FloatVector:
    """The slack of a logistic problem, (rows,).

    largest : (rows,) the largest change of a member's logit: the Hessian at the new state is at least exp(-largest) of that
        at the old one, but for the candidate's own weight
    pull : (rows,) the most that the own weight can add to the Hessian, in its metric
    """
    bound: FloatVector = np.exp(np.minimum(largest, _LARGEST)) * (1 + pull)
    return bound

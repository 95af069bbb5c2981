"""The support vector machine's dual solved to rounding by an active set, from an approximate solution: the reference.

libsvm keeps its kernels in float32, so that at a large C its scores are known to 6e-8 C at most, whatever tolerance it is
given. Here the coefficients that lie between their bounds solve a linear system in float64, and members are let go from
their bound, the worst first, until none wants to leave it (Nocedal and Wright 2006, section 16.5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.learners.base import require_settled
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["refined"]

# Of the errors, whose size is one: far below what a contribution can show, and above the rounding of K beta.
# test_svm.py::test_the_reference_is_solved_beyond_libsvms_precision
_GAP = 1e-9
_MOST_CHANGES = 10  # of the active set, for each member; a bound of the work
# Singular values below it, relative to the largest, are rounding: duplicates share their coefficient.
_SINGULAR = 1e-13


def refined(K: FloatMatrix, sign: FloatVector, C: float, beta: FloatVector) -> FloatVector:
    """The minimum of beta'K beta / 2 - sign'beta with sum beta = 0 and beta between 0 and C sign, (k,).

    beta : (k,) an approximate solution. Raises ArgumentError where the active set does not settle.
    """
    low, high = np.minimum(C * sign, 0.0), np.maximum(C * sign, 0.0)
    beta = np.clip(beta, low, high)
    free = (beta > low) & (beta < high)
    for _ in range(_MOST_CHANGES * sign.size):
        step = _step(K, sign, beta, free)
        room = np.where(step > 0, high - beta, np.where(step < 0, beta - low, np.inf))
        reach = np.divide(room, np.abs(step), out=np.full(step.size, np.inf), where=step != 0)
        nearest = int(np.argmin(reach))
        if reach[nearest] < 1:
            beta = np.clip(beta + reach[nearest] * step, low, high)
            beta[nearest] = high[nearest] if step[nearest] > 0 else low[nearest]
            free[nearest] = False
            continue
        beta = beta + step
        error = sign - K @ beta
        rising, falling = np.where(beta < high, error, -np.inf), np.where(beta > low, error, np.inf)
        if rising.max() - falling.min() <= _GAP:
            return beta
        free[[int(rising.argmax()), int(falling.argmin())]] = True
    require_settled(False, C)
    return beta


def _step(K: FloatMatrix, sign: FloatVector, beta: FloatVector, free: NDArray[np.bool_]) -> FloatVector:
    """The step to the minimum over the free coefficients, the others held, (k,)."""
    some = np.flatnonzero(free)
    system = np.ones((some.size + 1, some.size + 1))
    system[:-1, :-1], system[-1, -1] = K[np.ix_(some, some)], 0.0
    right = np.append((sign - K @ beta)[some], -beta.sum())
    step = np.zeros(sign.size)
    if some.size:
        step[some] = np.linalg.lstsq(system, right, rcond=_SINGULAR)[0][:-1]
    return step

"""Safeguarded Newton for many two-parameter problems in a box: accepted steps only descend, finished points drop out.

A Levenberg damping per point scales the expected information; a point whose exact Hessian is not positive definite on its
free coordinates uses the expected information instead (Fisher scoring). Coordinates that lean on a bound are held there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.law import MAX_EXPONENT, MIN_EXPONENT
from dscale_core.laws.likelihood.profile import Profile, evaluate
from dscale_core.laws.problem import Block
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["minimise"]

# Half of the starts are done after 3 or 4 steps, and all but a few rows of five draws after 40. All three end the search
# where nothing is left to gain, as test_descent.py::test_from_anywhere_it_descends_and_stays_in_the_box holds.
_STEPS = 80
_TOLERANCE = 1e-9  # predicted gain, in nats, of the last step taken: 0.00005 standard errors
_STUCK = 1e10  # damping at which no step descends beyond rounding


def minimise(block: Block, start: FloatMatrix, hold_beta: bool = False) -> tuple[FloatMatrix, FloatVector]:
    """Minimise φ from ``start`` (b, 2), columns α and β; ``hold_beta`` moves α alone.

    Returns the places (b, 2) and values φ (b,) reached.
    """
    theta = np.clip(start, MIN_EXPONENT, MAX_EXPONENT)
    best, value = np.empty_like(theta), np.empty(theta.shape[0])
    row = np.arange(theta.shape[0])
    now = evaluate(block, theta[:, 0], theta[:, 1])
    # Nearly Newton's step at first, and nearer with each that descends; after an overshoot, a shorter one. How fast the
    # damping moves decides the number of steps, not where they end.
    damping = np.full(row.size, 1e-3)
    for _ in range(_STEPS):
        step, gain = _step(now, theta, damping, hold_beta)
        tried = np.clip(theta + step, MIN_EXPONENT, MAX_EXPONENT)
        new = evaluate(block, tried[:, 0], tried[:, 1])
        better = new.value <= now.value
        theta = np.where(better[:, None], tried, theta)
        now = _choose(better, new, now)
        best[row], value[row] = theta, now.value
        done = np.where(better, gain < _TOLERANCE, damping > _STUCK)
        damping = np.where(better, np.maximum(damping * 0.1, 1e-12), damping * 8)
        if done.any():
            keep = ~done
            if not keep.any():
                break
            row, theta, damping, block = row[keep], theta[keep], damping[keep], block.take(keep)
            now = _choose_rows(keep, now)
    return best, value


def _step(now: Profile, theta: FloatMatrix, damping: FloatVector, hold_beta: bool) -> tuple[FloatMatrix, FloatVector]:
    """Damped step on the free coordinates and the gain in nats that its quadratic model predicts."""
    g = now.gradient
    held = ((theta <= MIN_EXPONENT) & (g > 0)) | ((theta >= MAX_EXPONENT) & (g < 0))
    held[:, 1] |= hold_beta
    # Without an amplitude nothing is expected to be known of α: a thousandth of what is known of β, and a trifle, keep steps
    # finite. test_descent.py::test_another_hessian_gives_way_to_the_expected_information
    scale = now.fisher + 1e-3 * now.fisher[:, 1:] + 1e-12
    h11, h22, h12 = now.hessian[:, 0, 0], now.hessian[:, 1, 1], now.hessian[:, 0, 1]
    h12 = np.where(held.any(axis=1), 0.0, h12)
    definite = (h11 > 0) | held[:, 0]
    definite &= (h22 > 0) | held[:, 1]
    # a determinant below 1e-8 of its parts may be rounding
    definite &= held.any(axis=1) | (h11 * h22 - h12 * h12 > 1e-8 * np.abs(h11 * h22))
    h11 = np.where(definite, h11, scale[:, 0]) + damping * scale[:, 0]
    h22 = np.where(definite, h22, scale[:, 1]) + damping * scale[:, 1]
    h12 = np.where(definite, h12, 0.0)
    h11, h22 = np.where(held[:, 0], 1.0, h11), np.where(held[:, 1], 1.0, h22)
    g = np.where(held, 0.0, g)
    determinant = h11 * h22 - h12 * h12
    step = np.stack([h12 * g[:, 1] - h22 * g[:, 0], h12 * g[:, 0] - h11 * g[:, 1]], axis=1) / determinant[:, None]
    return step, -0.5 * (step * g).sum(axis=1)


def _choose(first: NDArray[np.bool_], one: Profile, other: Profile) -> Profile:
    return Profile(**{name: _where(first, v, getattr(other, name)) for name, v in vars(one).items()})


def _where(first: NDArray[np.bool_], one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(first.reshape(-1, *[1] * (one.ndim - 1)), one, other)


def _choose_rows(keep: NDArray[np.bool_], profile: Profile) -> Profile:
    return Profile(**{name: v[keep] for name, v in vars(profile).items()})

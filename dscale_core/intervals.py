"""Normal quantiles, and half-widths of intervals about a value that is known to be off."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = ["Z90", "Z90_ROUNDED", "half_width", "two_sided"]

_STEPS = 6  # of Newton, from a start that is off by a third at most
_FAR = 20.0  # beyond, the second tail is nothing
Floats = NDArray[np.float64]


def two_sided(level: float) -> float:
    """z such that a standard normal lies within ±z with probability ``level``."""
    return NormalDist().inv_cdf(0.5 + level / 2)


Z90 = two_sided(0.9)  # 1.645, the level of every interval that is kept
# The same number, three units in the last place away: the exponents' ends of laws around a guide have been made with it from
# the start, and a fit of old draws is to give the digits that it gave.
Z90_ROUNDED = 1.6448536269514722


def half_width(spread: Floats, offset: Floats, level: float) -> Floats:
    """h such that a normal of standard deviation ``spread`` and mean ``offset`` is within ±h with probability ``level``.

    Solves Φ((h − o)/s) − Φ((−h − o)/s) = level, a concave increasing function of h beyond o, by Newton from the left, where
    it cannot overshoot; h = z s without an offset, and |o| + z₁ s, the one-sided quantile, where the offset is large. Never
    below |o|, so that levels under one half may hold more than they say. Arrays broadcast; NaN stays NaN.
    """
    from scipy.special import ndtr

    spread, offset = np.broadcast_arrays(np.asarray(spread, dtype=np.float64), np.abs(offset))
    ratio = np.divide(offset, spread, out=np.zeros(spread.shape), where=spread > 0)
    if not ratio.any():
        return np.asarray(np.maximum(two_sided(level) * spread, offset))
    near = np.minimum(ratio, _FAR)
    h = near + max(NormalDist().inv_cdf(level), 0.0)
    for _ in range(_STEPS):
        density = np.exp(-0.5 * (h - near) ** 2) + np.exp(-0.5 * (h + near) ** 2)
        h = np.maximum(h + (level - ndtr(h - near) + ndtr(-h - near)) * np.sqrt(2 * np.pi) / density, near)
    return np.asarray(offset + (h - near) * spread)

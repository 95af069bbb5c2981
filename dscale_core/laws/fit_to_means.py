"""How far a point's law is from the means of its draws, in units of what noise makes of them.

R² of one point compares a law with means that are noisy themselves: where a point's signal is weak, the true law has an R²
below zero. Here the distance is measured in standard errors instead. With e_j = k_j (δ_j − ψ_{k_j}), whose noise is about
the same at all sizes, and G groups g of sizes with n_g draws and means ē_g,

    lack of fit = sqrt( Σ n_g ē_g² / G ) / s,    s² = Σ_g Σ_{j in g} (e_j − ē_g)² / Σ (n_g − 1):

about 1 where the law is right, whether the signal is strong or weak, and the larger the more clearly the draws leave it. A
law that is far too steep would make a noise of its own within the groups: s is never more than the same of k_j δ_j alone. It
says nothing of how well the law is known: intervals do. (The classical test of lack of fit by repeated draws, as a ratio of
standard deviations; Draper and Smith, *Applied Regression Analysis*, section 2.1.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.laws.grouping import GroupMeans, SizeGroups, group_means, size_groups
from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["lack_of_fit"]

_GROUPS, _GROUP_DRAWS = (2, 10), 4  # groups at least and at most, and draws for each more
_LEAST_DEGREES = 3  # of freedom of s: with fewer, chance alone makes it any size
# Of a point's largest draw: draws are kept in single precision, so that no noise is smaller
_ROUNDING = float(np.finfo(np.float32).eps)
_FARTHEST = 1e100  # in largest draws: a law that overflows is far off, and its square still a number
_BLOCK = 2_000_000  # draws looked at together; speed and memory alone: test_lack_of_fit.py::test_blocks_change_nothing


def lack_of_fit(laws: Laws, delta: NDArray[Any], sizes: ArrayLike) -> FloatVector:
    """Distance of each law from the means of draws (m, p) at sizes (m,) or (m, p), in their standard errors, (p,).

    NaN without a law, and where fewer than three draws are left for the noise. Raises ArgumentError where the draws are of
    another number of points.
    """
    delta, k = np.asarray(delta), np.asarray(sizes, dtype=np.float64)
    if delta.ndim != 2 or delta.shape[1] != laws.c.size:
        required = f"have one column for each of the {laws.c.size} laws"
        raise ArgumentError("delta", required, delta.shape, "Take the draws of the points that were fitted.")
    m, p = delta.shape
    groups = size_groups(k, int(np.clip(m // _GROUP_DRAWS, *_GROUPS)))
    width = max(1, _BLOCK // m)
    parts = [np.arange(start, min(start + width, p)) for start in range(0, p, width)]
    shared = k.ndim == 1
    found = [
        _of_block(
            laws.take(columns),
            delta[:, columns].astype(np.float64),
            k[:, None] if shared else k[:, columns],
            groups if shared else SizeGroups(groups.size, groups.index[:, columns]),
        )
        for columns in parts
    ]
    return np.concatenate([np.empty(0), *found])


def _of_block(laws: Laws, delta: FloatMatrix, k: FloatMatrix, groups: SizeGroups) -> FloatVector:
    largest = np.abs(np.where(np.isfinite(delta), delta, 0.0)).max(axis=0, initial=0.0)
    scale = np.where(largest > 0, largest, 1.0)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        psi = np.clip(laws.psi(k) / scale, -_FARTHEST, _FARTHEST)
        plain, means = (group_means(k / k.max() * (delta / scale - less), groups) for less in (0.0, psi))
    degrees = np.maximum(means.count - 1, 0)
    within = np.minimum(_within(plain), _within(means))
    seen = means.count > 0
    between = np.where(seen, means.count * np.where(seen, means.mean, 0.0) ** 2, 0.0).sum(axis=0)
    n, freedom = seen.sum(axis=0), degrees.sum(axis=0)
    known = freedom >= _LEAST_DEGREES
    noise = np.divide(within, freedom, out=np.ones(n.shape), where=known) + _ROUNDING**2
    return np.where(known, np.sqrt(between / np.maximum(n, 1) / noise), np.nan)


def _within(means: GroupMeans) -> FloatVector:
    """Squared deviations from the means of the groups, summed over draws, (p,)."""
    squares = means.standard_error**2 * means.count * (means.count - 1)
    return np.asarray(np.where(means.count > 1, squares, 0.0).sum(axis=0))

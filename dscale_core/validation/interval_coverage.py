"""Do intervals hold what they claim, on draws that the fit never saw?

Means of validation draws are noisy too: coverage allows for their standard error. They are measured on the same valuation
rows as the fit's draws (one set, or drawn from the same few thousand), so intervals are held against them without the part
that is for other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.intervals import two_sided
from dscale_core.laws import group_means, size_groups
from dscale_core.types import Draws, FloatVector, IntVector, Laws

__all__ = ["Coverage", "measure_coverage"]


@dataclass(frozen=True, eq=False)
class Coverage:
    """Share of points whose validation mean lies within the interval of ψ_k, by size; each (g,).

    The mean's own standard error is added to the interval in quadrature. half_width: median of the intervals' half widths,
    in the unit of the loss.
    """

    level: float
    size: FloatVector
    coverage: FloatVector
    half_width: FloatVector
    n_points: IntVector


def measure_coverage(laws: Laws, validation: Draws, level: float = 0.9) -> Coverage:
    """Hold the laws' intervals against the means of draws that the fit did not see; columns are the points of the laws."""
    groups = size_groups(validation.sizes)
    means = group_means(validation.delta, groups)
    if validation.delta.shape[1] != laws.c.size:
        required = f"have one column for each of the {laws.c.size} laws"
        raise ArgumentError("validation", required, validation.delta.shape, "Draw the points that were fitted.")
    rows = [_covered(laws, k, means.mean[i], means.standard_error[i], level) for i, k in enumerate(groups.size)]
    share, half, n = (np.array(column) for column in zip(*rows, strict=True))
    return Coverage(level, groups.size, share, half, n.astype(np.int64))


def _covered(laws: Laws, k: float, mean: FloatVector, error: FloatVector, level: float) -> tuple[float, float, int]:
    z = two_sided(level)
    low, high = laws.psi_interval(k, level, other_rows=False)
    half = 0.5 * (high - low)
    known = np.isfinite(half) & np.isfinite(mean) & np.isfinite(error)
    if not known.any():
        return float("nan"), float("nan"), 0
    wide = np.hypot(half[known], z * error[known])
    inside = np.abs(laws.psi(k)[known] - mean[known]) <= wide
    return float(inside.mean()), float(np.median(half[known])), int(known.sum())

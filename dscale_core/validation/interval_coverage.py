"""Do intervals hold what they claim, on draws that the fit never saw?

Means of validation draws are noisy too. With a normal error of their own they lie within the interval and z times that
error, added in quadrature, as often as the interval says; what an interval knows to be off (at most about its own spread)
changes that by less than .01. The error is measured on n draws, so Student's t stands for z. Means are measured on the
same valuation rows as the fit's draws (one set, or drawn from the same few thousand), so intervals are held against them
without the part that is for other rows.

A share of points is no share of independent trials: points share coalitions, in the fit and here, and their errors go
together as far as their draws do. Whether two normal errors of correlation r lie within ±z has the covariance
2 (z φ(z))² r² (the first term of Mehler's expansion), so that the variance of a share of p points at level L is

    2 (z φ(z))² r² + (L (1 − L) − 2 (z φ(z))² r²) / p,

r² the mean over pairs, from sums over whole passes. Unlike the spread over passes of validation draws, it holds the luck of
the fit as well: with ample validation draws that is all there is.

Where the means know less than the intervals claim to, coverage cannot fail: intervals of any width hold as many of them.
So beside it stands what it would be if intervals were half as wide as they should be.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.intervals import two_sided
from dscale_core.laws import GroupMeans, SizeGroups, group_means, size_groups
from dscale_core.types import Draws, FloatMatrix, FloatVector, IntVector, Laws

__all__ = ["TOLERANCE", "Coverage", "measure_coverage"]

TOLERANCE = 0.05  # of a coverage: less is no matter in practice
# false alarms and intervals that are told right where they are half as wide as they should be:
# test_interval_coverage.py::test_right_intervals_are_seldom_blamed_and_halved_ones_found_out
_CLEAR, _OFTEN = 2.0, 1.28  # standard errors that tell apart; those that nine of ten fall short of
_FEWEST_PASSES = 8  # below, draws are the units
_STEP, _MOST = 1.1, 1e6  # of the times the draws that a verdict may need


@dataclass(frozen=True, eq=False)
class Coverage:
    """Share of points whose validation mean lies within the interval of ψ_k, by size; each (g,).

    The mean's own standard error is added to the interval in quadrature. half_width: median of the intervals' half widths,
    in the unit of the loss; error: standard error of the share, from one fit and its validation draws to the next.

    mean, mean_error : the share over all sizes and its error; margin: what it may be off without telling anything
    mean_if_half : what it would be if intervals were half as wide as they should be
    n_draws, needed : draws there are, and those with which such intervals would be found out nine times in ten; infinite
        where no number would do, because the points' errors go together too much
    """

    level: float
    size: FloatVector
    coverage: FloatVector
    error: FloatVector
    half_width: FloatVector
    n_points: IntVector
    mean: float
    mean_error: float
    margin: float
    mean_if_half: float
    n_draws: int
    needed: float


def measure_coverage(laws: Laws, validation: Draws, level: float = 0.9) -> Coverage:
    """Hold the laws' intervals against the means of draws that the fit did not see; columns are the points of the laws."""
    groups = size_groups(validation.sizes)
    means = group_means(validation.delta, groups)
    if validation.delta.shape[1] != laws.c.size:
        required = f"have one column for each of the {laws.c.size} laws"
        raise ArgumentError("validation", required, validation.delta.shape, "Draw the points that were fitted.")
    low, high = (
        np.stack(ends) for ends in zip(*(laws.psi_interval(k, level, other_rows=False) for k in groups.size), strict=True)
    )
    half, psi = 0.5 * (high - low), np.stack([laws.psi(k) for k in groups.size])
    known = np.isfinite(half) & np.isfinite(means.mean) & np.isfinite(means.standard_error)
    inside = np.abs(psi - means.mean) <= np.hypot(half, _student(level, means.count) * means.standard_error)
    luck = _luck(level, half, means, known, _together(validation, means, groups, known))
    return Coverage(
        level=level,
        size=groups.size,
        coverage=_shares(inside, known),
        error=np.sqrt(luck.of_each),
        half_width=np.array([np.median(row[one]) if one.any() else np.nan for row, one in zip(half, known, strict=True)]),
        n_points=known.sum(axis=1),
        mean=_mean(_shares(inside, known)),
        mean_error=luck.error(1.0),
        margin=luck.margin(1.0),
        mean_if_half=luck.if_half(1.0),
        n_draws=int(validation.sizes.size),
        needed=validation.sizes.size * luck.times_needed(),
    )


@dataclass(frozen=True, eq=False)
class _Luck:
    """What the shares of right intervals vary by, and those of halved ones; with ``times`` the draws errors fall.

    own, measured : (g, p) standard deviations of the law and of the mean, NaN where either is unknown; of_each : (g,)
        variance of each size's share
    """

    level: float
    own: FloatMatrix
    measured: FloatMatrix
    of_each: FloatVector

    def error(self, times: float) -> float:
        """Standard error of the mean share: sizes share the law's errors, and not those of the means."""
        total = self.own**2 + self.measured**2 / times
        of_law = np.divide(self.own**2, total, out=np.ones(total.shape), where=total > 0)
        of_law[~np.isfinite(total)] = np.nan
        known = np.isfinite(self.of_each)
        if not known.any():
            return float("nan")
        one = np.sqrt(self.of_each[known]) * np.nanmean(of_law[known], axis=1)
        variance = one.sum() ** 2 + (self.of_each[known] - one**2).sum()
        return float(np.sqrt(variance) / known.sum())

    def margin(self, times: float) -> float:
        return max(TOLERANCE, _CLEAR * self.error(times))

    def if_half(self, times: float) -> float:
        """The mean share where laws are twice as far off as their intervals say."""
        from scipy.special import ndtr

        said, true = (np.hypot(scale * self.own, self.measured / np.sqrt(times)) for scale in (1.0, 2.0))
        ratio = np.divide(said, true, out=np.where(np.isfinite(said), 1.0, np.nan), where=true > 0)
        held = 2 * ndtr(two_sided(self.level) * ratio) - 1
        return _mean(_shares(held, np.isfinite(ratio)))

    def times_needed(self) -> float:
        """How many times the draws would tell halved intervals from right ones nine times in ten."""
        if not np.isfinite(self.of_each).any():
            return float("nan")
        times = 1.0 / _MOST
        while self.if_half(times) + _OFTEN * self.error(times) > self.level - self.margin(times):
            times *= _STEP
            if times > _MOST:
                return float("inf")
        return times


def _luck(level: float, half: FloatMatrix, means: GroupMeans, known: np.ndarray, together: FloatVector) -> _Luck:
    own, measured = (np.where(known, values, np.nan) for values in (half / two_sided(level), means.standard_error))
    p = np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    z = two_sided(level)
    shared = 2 * (z * NormalDist().pdf(z)) ** 2 * together
    return _Luck(level, own, measured, shared + (level * (1 - level) - shared) / p)


def _together(validation: Draws, means: GroupMeans, groups: SizeGroups, known: np.ndarray) -> FloatVector:
    """Mean squared correlation of two points' draws at each size, (g,), over whole passes where there are eight."""
    found = np.zeros(groups.size.size)
    for i, points in enumerate(known):
        rows = groups.index == i
        residual = np.asarray(validation.delta[rows][:, points], dtype=np.float64) - means.mean[i, points]
        residual = np.where(np.isfinite(residual), residual, 0.0) / means.standard_error[i, points].clip(
            np.finfo(float).tiny
        )
        passes, unit = np.unique(validation.passes[rows], return_inverse=True)
        if passes.size >= _FEWEST_PASSES:
            residual = (unit == np.arange(passes.size)[:, None]) @ residual
        found[i] = _mean_square_correlation(residual)
    return found


def _mean_square_correlation(residual: FloatMatrix) -> float:
    """Over pairs of the columns (n, p), less what n independent rows would show; 0 where fewer than three tell nothing."""
    length = np.sqrt(np.square(residual).sum(axis=0))
    columns = residual[:, length > 0] / length[length > 0]
    n, p = columns.shape
    if n < 3 or p < 2:
        return 0.0
    gram = columns @ columns.T if n < p else columns.T @ columns
    seen = (np.square(gram).sum() - p) / (p * (p - 1))
    return float(np.clip(seen - (1 - seen) / (n - 2), 0.0, 1.0))


def _student(level: float, count: np.ndarray) -> FloatMatrix:
    """Student's two-sided quantile for a standard error of so many draws; NaN for one."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.where(count > 1, count - 1.0, np.nan), 0.5 + level / 2))


def _shares(values: np.ndarray, known: np.ndarray) -> FloatVector:
    """Mean of each row over its known entries; NaN where there are none."""
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, known.sum(axis=1), out=np.full(len(known), np.nan), where=known.any(axis=1)))


def _mean(values: FloatVector) -> float:
    return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else float("nan")

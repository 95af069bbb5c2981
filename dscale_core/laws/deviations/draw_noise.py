"""The noise of draws about given laws: Var δ = σ² k^(−β), for estimators whose own noise is that of something else.

log e² of a residual e has a slope in log k of −β and, for normal noise, a known variance (π²/2); the slopes of all points
are drawn towards their median as far as that variance explains their spread. Given β, σ² is the mean of k^β e².
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dscale_core.laws.problem import Problem
from dscale_core.types import FloatVector, Laws

__all__ = ["with_noise_of_draws"]

# Draws looked at together; speed and memory alone: test_draw_noise.py::test_missing_draws_lost_laws_and_blocks
_BLOCK = 4_000_000
_RANGE = (0.0, 6.0)  # as `shrinkage` considers: test_draw_noise.py::test_exponents_of_noise_stay_between_zero_and_six
# Both known of normals, and held by test_draw_noise.py::test_noise_and_its_exponent_are_the_literal_ones.
_VARIANCE = np.pi**2 / 2  # of the log of a squared standard normal
_TO_DEVIATION = 1.349  # quartile distance of a normal over its standard deviation


def with_noise_of_draws(laws: Laws, problem: Problem) -> Laws:
    """The laws with σ and β of the problem's draws (m, p), whose sizes all points share; NaN where a law is."""
    p = laws.c.size
    log_k = np.log(problem.sizes)
    slope, own, square = (np.full(p, np.nan) for _ in range(3))
    blocks = [np.arange(i, min(i + _width(problem), p)) for i in range(0, p, _width(problem))]
    for columns in blocks:
        log_square, weight = _log_squares(laws, problem, columns)
        x = log_k[:, None] - (weight * log_k[:, None]).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
        spread = (weight * x * x).sum(axis=0)
        known = spread > 0
        slope[columns] = np.divide((weight * x * log_square).sum(axis=0), spread, out=np.zeros(columns.size), where=known)
        own[columns] = np.divide(_VARIANCE, spread, out=np.full(columns.size, np.inf), where=known)
    beta = np.clip(_towards_the_median(-slope, own, np.isfinite(laws.c)), *_RANGE)
    for columns in blocks:
        log_square, weight = _log_squares(laws, problem, columns)
        tilted = log_square + beta[columns] * (log_k - np.log(problem.center))[:, None]
        top = tilted.max(axis=0, initial=-np.inf, where=weight > 0)
        mean = (weight * np.exp(np.minimum(tilted - top, 0.0))).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
        square[columns] = np.log(mean, out=np.full(columns.size, np.nan), where=mean > 0) + top
    with np.errstate(over="ignore", invalid="ignore"):
        sigma = np.exp(0.5 * (square + beta * np.log(problem.center)))
    fitted = np.isfinite(laws.c)
    return replace(laws, sigma=np.where(fitted, sigma, np.nan), beta=np.where(fitted, beta, np.nan))


def _width(problem: Problem) -> int:
    return max(1, int(_BLOCK // problem.delta.shape[0]))


def _log_squares(laws: Laws, problem: Problem, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log e² of each draw, 0 where it is missing or zero, and 1 where it counts: (m, columns)."""
    part = laws.take(columns)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        psi = np.stack([part.psi(k) for k in problem.sizes])
        residual = np.abs(problem.delta[:, columns] - psi)
    seen = np.isfinite(residual) & (residual > 0)
    return 2 * np.log(residual, out=np.zeros_like(residual), where=seen), seen.astype(np.float64)


def _towards_the_median(slope: FloatVector, own: FloatVector, fitted: np.ndarray) -> FloatVector:
    known = fitted & np.isfinite(own)
    if not known.any():
        # test_draw_noise.py::test_where_nothing_is_seen_the_usual_exponent_stands
        return np.full(slope.size, 2.0)
    low, middle, high = np.quantile(slope[known], [0.25, 0.5, 0.75])
    between = max(((high - low) / _TO_DEVIATION) ** 2 - float(np.median(own[known])), 0.0)
    share = between / (between + own)  # nothing of a slope that was not seen
    return np.asarray(middle + share * (np.where(known, slope, middle) - middle))

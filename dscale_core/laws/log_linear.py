"""The log estimator of the publication: a straight line through log|mean δ| against log k.

The mean of each size group (listed sizes, or ten geometric groups) gives α as the least-squares slope of log10|mean| on
−log10 k; c then follows by least squares of δ on k^(−α), and (σ, β) by the same regression on the variances of the
groups. Groups without a mean, or with a mean of exactly zero, are left out; NaN stands where fewer than two remain.

Beware: a mean close to zero has a logarithm far from its neighbours', so noise bends the line; α is not bounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.intervals import Z90
from dscale_core.laws.grouping import group_means, size_groups
from dscale_core.laws.problem import Block, Fitted, Problem, Screen, blocks, finish, screen
from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["fit"]

# Draws looked at together; speed and memory alone: test_log_linear.py::test_batches_equal_the_whole
_BLOCK_ELEMENTS = 2_000_000


def fit(problem: Problem) -> Laws:
    """Fit every usable point; intervals take the scatter about each regression as it stands."""
    screened = screen(problem)
    fitted = Fitted.empty(problem.n_points)
    for block in blocks(problem, screened, max(1, _BLOCK_ELEMENTS // problem.delta.shape[0])):
        _fit_block(problem, screened, block, fitted)
    return finish("log_linear", problem, screened, fitted)


def _fit_block(problem: Problem, screened: Screen, block: Block, fitted: Fitted) -> None:
    columns = block.columns
    groups = size_groups(problem.sizes)
    if groups.index.ndim == 2:
        groups = type(groups)(groups.size, groups.index[:, columns])
    means = group_means(problem.delta[:, columns] / screened.scale[columns].astype(np.float64), groups)
    x = np.log(groups.size / problem.center)
    slope, _, slope_variance = _line(x, _log(np.abs(means.mean)))
    alpha = -slope
    noise_slope, noise_at_center, _ = _line(x, _log(means.standard_error**2 * means.count))
    amplitude, covariance = _amplitude(block, alpha, slope_variance)
    half = Z90 * np.sqrt(slope_variance)
    fitted.amplitude[columns], fitted.alpha[columns], fitted.covariance[columns] = amplitude, alpha, covariance
    fitted.sigma[columns], fitted.beta[columns] = np.exp(0.5 * noise_at_center), -noise_slope
    fitted.alpha_low[columns], fitted.alpha_high[columns] = alpha - half, alpha + half


def _log(values: FloatMatrix) -> FloatMatrix:
    return np.log(values, out=np.full(values.shape, np.nan), where=values > 0)


def _line(x: FloatVector, y: FloatMatrix) -> tuple[FloatVector, FloatVector, FloatVector]:
    """Least-squares slope, value at x = 0 and variance of the slope, down each column of y (g, p); NaN is left out."""
    seen = np.isfinite(y)
    n = seen.sum(axis=0)
    y = np.where(seen, y, 0.0)
    undefined = np.full(n.shape, np.nan)
    mean_x = np.divide((seen * x[:, None]).sum(axis=0), n, out=undefined.copy(), where=n > 1)
    mean_y = np.divide(y.sum(axis=0), n, out=undefined.copy(), where=n > 1)
    dx = np.where(seen, x[:, None] - mean_x, 0.0)
    sxx = (dx * dx).sum(axis=0)
    slope = np.divide((dx * y).sum(axis=0), sxx, out=undefined.copy(), where=(n > 1) & (sxx > 0))
    residual = np.where(seen, y - mean_y - slope * dx, 0.0)
    variance = np.divide((residual**2).sum(axis=0), (n - 2) * sxx, out=undefined.copy(), where=(n > 2) & (sxx > 0))
    return slope, mean_y - slope * mean_x, variance


def _amplitude(block: Block, alpha: FloatVector, alpha_variance: FloatVector) -> tuple[FloatVector, NDArray[np.float64]]:
    """Amplitude at the centre by least squares of δ on e^(−αx), and covariance of (amplitude, α).

    The amplitude's variance allows each draw its own noise (sandwich) and carries α's through da/dα.
    """
    # An exponent so steep that the curve overflows is beyond any law: finish() reports the point as not finite.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        f = np.exp(-alpha[:, None] * block.x)
        if block.present is not None:
            f *= block.present
        ff = (f * f).sum(axis=1)
        a = (f * block.y).sum(axis=1) / ff
        residual = block.y - a[:, None] * f
        sandwich = (f * f * residual * residual).sum(axis=1) / ff**2
        da = ((2 * a[:, None] * f - block.y) * f * block.x).sum(axis=1) / ff
        covariance = np.stack(
            [sandwich + da**2 * alpha_variance, da * alpha_variance, da * alpha_variance, alpha_variance], axis=1
        )
    return a, covariance.reshape(-1, 2, 2)

"""The maximum-likelihood estimator of the publication, for all points at once.

The profile likelihood in (α, β) may have several peaks where a point's signal is weak. A grid over the whole box finds
them; the best few are climbed with a safeguarded Newton iteration, and the highest wins. The publication follows one Adam
path of at most 1,000 steps from (1, 2), one point at a time; its result is never higher.

Both exponents are bounded by e² above, as published, and by (practically) zero below. A point whose likelihood still
rises at a bound has the status ``at_bound``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.intervals import Z90
from dscale_core.laws.law import MAX_EXPONENT, MIN_EXPONENT
from dscale_core.laws.likelihood.descent import minimise
from dscale_core.laws.likelihood.profile import evaluate
from dscale_core.laws.problem import Block, Fitted, Grid, Problem, blocks, finish, grid_sums, screen
from dscale_core.types import FloatMatrix, IntVector, Laws

__all__ = ["fit"]

# The grid's lowest minimum leads to the highest peak but for 9 of 2,100 points tried, which lose up to 0.04 nats; of the two
# lowest one always did. test_maximum.py::test_no_peak_is_missed holds two.
_STARTS = 3
# Below this many a peak can be narrower than a cell: with 5 draws by 7 nats, with 6 by 0.02; with 8 and more none was seen.
# test_maximum.py::test_no_peak_is_missed holds that few draws are searched so,
# test_maximum.py::test_with_forty_draws_starts_are_cells_and_with_fewer_the_ridge_adds_its_own the number.
_FEW_DRAWS = 40
_BLOCK_ELEMENTS = 400_000  # cells kept together; speed and memory alone: test_maximum.py::test_batches_equal_the_whole
# A descent that leans on a bound ends on it exactly, and no peak within is so close to it:
# test_maximum.py::test_points_at_a_bound_of_the_exponents_are_marked
_BOUND_MARGIN = 1e-6


def fit(problem: Problem) -> Laws:
    """Fit every usable point; covariance from the observed information, times n / (n − 2) for the mean's parameters."""
    screened = screen(problem)
    fitted = Fitted.empty(problem.n_points)
    grid = _grid(problem)
    width = max(1, _BLOCK_ELEMENTS // max(problem.delta.shape[0], grid.size))
    for block in blocks(problem, screened, width):
        _fit_block(block, grid, fitted)
    return finish("likelihood", problem, screened, fitted)


def _grid(problem: Problem) -> Grid:
    """Cells of about 0.3 of the reciprocal half range of log k, 25 to 61 a side.

    Such a step changes a curve by a third at the ends of the sizes, and peaks of many draws are not narrower; over wide
    ranges 61 a side are what memory allows. test_maximum.py::test_the_grid_follows_the_range_of_the_sizes
    """
    half_range = 0.5 * float(np.ptp(problem.x))
    n = int(np.clip(np.ceil(MAX_EXPONENT * half_range / 0.3), 24, 60)) + 1
    return Grid(n, n, MAX_EXPONENT / (n - 1))


def _fit_block(block: Block, grid: Grid, fitted: Fitted) -> None:
    row, start = _starts(block, _likelihood_on_grid(block, grid), grid)
    theta, value = minimise(block.take(row), start)
    order = np.lexsort((value, row))
    first = order[np.searchsorted(row[order], np.arange(block.n.size))]
    alpha, beta = theta[first].T
    at = evaluate(block, alpha, beta)
    columns = block.columns
    covariance = _covariance(at.joint, at.fisher, block.n)
    half = Z90 * np.sqrt(covariance[:, 1, 1])
    fitted.amplitude[columns], fitted.alpha[columns], fitted.beta[columns] = at.amplitude, alpha, beta
    fitted.sigma[columns] = np.sqrt(at.variance)
    fitted.alpha_low[columns] = np.maximum(alpha - half, 0.0)
    fitted.alpha_high[columns] = np.minimum(alpha + half, MAX_EXPONENT)
    fitted.covariance[columns] = covariance
    low, high = MIN_EXPONENT + _BOUND_MARGIN, MAX_EXPONENT - _BOUND_MARGIN
    fitted.at_bound[columns] = (np.minimum(alpha, beta) <= low) | (np.maximum(alpha, beta) >= high)


def _likelihood_on_grid(block: Block, grid: Grid) -> NDArray[np.float64]:
    """φ in every cell: (b, n_alpha, n_beta)."""
    sums = grid_sums(block, grid)
    F = sums.C[:, None, :] - sums.B**2 / sums.A
    # what rounding leaves where a law is exact:
    # test_maximum.py::test_a_row_that_is_an_exact_law_has_a_finite_likelihood_on_the_grid
    np.maximum(F, 1e-15 * sums.C[:, None, :] + np.finfo(np.float64).tiny, out=F)
    phi = np.log(F, out=F)
    phi *= 0.5 * block.n[:, None, None]
    phi -= 0.5 * block.sum_x[:, None, None] * grid.beta
    return phi


def _starts(block: Block, phi: NDArray[np.float64], grid: Grid) -> tuple[IntVector, FloatMatrix]:
    """The lowest few local minima of φ: rows of the block, and (α, β) of each start."""
    row, i, j = _best_minima(phi)
    start = np.stack([grid.alpha[i], grid.beta[j]], axis=1)
    few = np.flatnonzero(block.n < _FEW_DRAWS)
    if few.size == 0:
        return row, start
    # With few draws a curve through nearly all of them is a peak that cells miss: follow φ along β, minimised over α.
    ridge_row = np.repeat(few, grid.n_beta)
    ridge = np.stack([grid.alpha[phi[few].argmin(axis=1)].ravel(), np.tile(grid.beta, few.size)], axis=1)
    ridge, value = minimise(block.take(ridge_row), ridge, hold_beta=True)
    at, _, j = _best_minima(value.reshape(few.size, 1, grid.n_beta))
    return np.concatenate([row, few[at]]), np.concatenate([start, ridge[at * grid.n_beta + j]])


def _best_minima(phi: NDArray[np.float64]) -> tuple[IntVector, IntVector, IntVector]:
    """Cells lower than their four neighbours, the lowest few of each row: (row, i, j)."""
    lowest = np.ones(phi.shape, dtype=bool)
    for axis in (1, 2):
        rises = np.diff(phi, axis=axis) >= 0
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        lowest[tuple(behind)] &= rises
        lowest[tuple(ahead)] &= ~rises
    flat = phi.reshape(phi.shape[0], -1)
    lowest.reshape(flat.shape)[np.arange(flat.shape[0]), flat.argmin(axis=1)] = True
    row, i, j = np.nonzero(lowest)
    order = np.lexsort((phi[row, i, j], row))
    row, i, j = row[order], i[order], j[order]
    kept = np.arange(row.size) - np.searchsorted(row, row) < _STARTS
    return row[kept], i[kept], j[kept]


def _covariance(joint: NDArray[np.float64], fisher: FloatMatrix, n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse information of (amplitude, α), β and σ profiled out; the expected one where the observed is not definite."""
    curved = joint[:, 2, 2] > 0
    through_beta = joint[:, :2, 2] / np.sqrt(np.where(curved, joint[:, 2, 2], 1.0))[:, None] * curved[:, None]
    observed = joint[:, :2, :2] - through_beta[:, :, None] * through_beta[:, None, :]
    definite = (observed[:, 0, 0] > 0) & (observed[:, 1, 1] > 0)
    definite &= observed[:, 0, 0] * observed[:, 1, 1] - observed[:, 0, 1] ** 2 > 0
    a = np.where(definite, observed[:, 0, 0], joint[:, 0, 0])
    b = np.where(definite, observed[:, 1, 1], fisher[:, 0])
    ab = np.where(definite, observed[:, 0, 1], 0.0)
    b = np.maximum(b, ab * ab / a + MAX_EXPONENT**-2)  # an exponent is never less certain than its box is wide
    determinant = a * b - ab * ab
    inverse = np.stack([b, -ab, -ab, a], axis=1).reshape(-1, 2, 2) / determinant[:, None, None]
    return np.asarray(inverse * (n / (n - 2))[:, None, None])

"""Empirical Bayes, the default estimator: every point's law is judged in the light of all points' laws.

Each point has a posterior over a grid of exponents and signal-to-noise ratios (`posterior`), under priors learned from all
points or from its group (`prior`). The law reported has the posterior mean of α and the amplitude that brings it closest
to the posterior mean of ψ_k over the sampled sizes; α has its posterior's 90 % interval. Passes (with fewer than eight of
them, draws) are resampled, and the wider of posterior and resampling counts; the law's own error, measured on held-out
passes, is added on top (`misfit`).

Where the learner has a surrogate or a formula for ψ_k, the draws' deviations from it are what is fitted (`guided`).

With few draws this is far closer to the truth than maximum likelihood, whose exponents chase the noise. The interval is
that of one point: the laws of different points share coalitions, so averages over points must not add these up.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.laws.deviations import around, with_coefficients, with_helpful_guide, with_misfit
from dscale_core.laws.misfit import measure_misfit
from dscale_core.laws.problem import Block, Fitted, Problem, blocks, finish, grid_sums, make_problem, screen
from dscale_core.laws.shrinkage.posterior import GRID, nodes
from dscale_core.laws.shrinkage.prior import Prior, learn_prior
from dscale_core.laws.shrinkage.resampling import resampled_covariance, resampling_units
from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["fit", "fit_draws", "fit_quickly"]

# Points whose nodes are kept together, 2 MB a quantity; speed and memory alone:
# test_empirical_bayes.py::test_blocks_do_not_matter
_BLOCK_POINTS = 64
# Sizes at which the law is to be close to the mean of ψ_k, which bends too little to need more of them.
# test_empirical_bayes.py::test_the_law_is_the_posteriors
_CURVE_POINTS = 7
# Of the posterior of α in an outermost cell: beyond half of it the exponent is more likely there or beyond than not.
# test_empirical_bayes.py::test_the_edge_needs_more_than_half_of_the_posterior
_EDGE_SHARE = 0.5


def fit(problem: Problem) -> Laws:
    """Fit every usable point, around the problem's guide where that helps; deterministic."""
    problem = with_helpful_guide(problem, fit_draws)
    guide = problem.guide
    if guide is not None and guide.control is not None:
        problem = replace(problem, guide=with_coefficients(guide, problem.delta, problem.sizes))
    chosen = fit_draws if guide is None else partial(around, fit=fit_draws)
    report = problem.on_progress or (lambda _share: None)
    report(0.1)
    laws = chosen(problem)
    # all draws, and then as many halves as misfit is measured on, which are quicker:
    # test_empirical_bayes.py::test_progress_rises_to_one_and_is_told_at_every_half
    halves = iter(np.linspace(0.6, 1.0, 9))

    def refit(half: Problem) -> Laws:
        report(float(next(halves, 1.0)))
        return chosen(half)

    misfit = measure_misfit(problem, screen(problem), laws, refit)
    report(1.0)
    return with_misfit(laws, misfit, problem.guide)


def fit_quickly(
    delta: ArrayLike, sizes: ArrayLike, passes: ArrayLike | None = None, groups: ArrayLike | None = None
) -> Laws:
    """Laws of draws alone, arguments as in `fit_laws`, without the misfit in their intervals: a fifth of the time.

    For a first picture of exponents; whoever shows intervals calls `fit_laws`.
    """
    return fit_draws(make_problem(delta, sizes, passes, groups=groups))


def fit_draws(problem: Problem) -> Laws:
    """The same from the draws alone, without the measured misfit."""
    screened = screen(problem)
    fitted = Fitted.empty(problem.n_points)
    prior = learn_prior(problem, screened)
    curve_x = np.linspace(problem.x.min(), problem.x.max(), _CURVE_POINTS)
    for block in blocks(problem, screened, _BLOCK_POINTS):
        _fit_block(problem, block, prior, screened.scale[block.columns], curve_x, fitted)
    return finish("shrinkage", problem, screened, fitted)


def _fit_block(
    problem: Problem, block: Block, prior: Prior, scale: FloatVector, curve_x: FloatVector, fitted: Fitted
) -> None:
    columns = block.columns
    group = np.zeros(columns.size, dtype=np.int64) if problem.groups is None else problem.groups[columns]
    node = nodes(block, grid_sums(block, GRID), prior.noise, scale)
    share = node.log_likelihood
    share += prior.log_weights[group]
    share -= share.max(axis=(1, 2, 3), keepdims=True)
    np.exp(share, out=share)
    share /= share.sum(axis=(1, 2, 3), keepdims=True)
    weight = share.sum(axis=(1, 3))  # (b, n_alpha)
    first = np.einsum("bvij,bvij->bi", share, node.mean)
    second = np.einsum("bvij,bvij->bi", share, node.mean**2 + node.variance)
    amplitude, alpha = _law_of_mean_curve(weight, first, second, curve_x)
    covariance = _covariance(weight, first, second)
    units = resampling_units(problem.passes, problem.delta.shape[0])
    if units is not None:
        at = share.reshape(columns.size, -1).argmax(axis=1)
        covariance = _wider(covariance, resampled_covariance(units, block, prior, group, scale, at))
    of_beta = share.sum(axis=(1, 2))
    low, high = _interval(weight)
    fitted.amplitude[columns], fitted.alpha[columns], fitted.covariance[columns] = amplitude, alpha, covariance
    fitted.sigma[columns] = np.sqrt(np.einsum("bvij,bvij->b", share, node.noise))
    fitted.beta[columns] = of_beta @ GRID.beta
    fitted.alpha_low[columns], fitted.alpha_high[columns] = np.minimum(low, alpha), np.maximum(high, alpha)
    fitted.at_bound[columns] = (weight[:, 0] > _EDGE_SHARE) | (weight[:, -1] > _EDGE_SHARE)


def _law_of_mean_curve(
    weight: FloatMatrix, first: FloatMatrix, second: FloatMatrix, curve_x: FloatVector
) -> tuple[FloatVector, FloatVector]:
    """Posterior mean of α, and the amplitude that brings the law closest to the posterior mean of ψ_k (see module)."""
    curve = np.exp(-GRID.alpha[:, None] * curve_x)  # (n_alpha, curve points)
    psi = first @ curve
    # tiny, should rounding leave no variance: test_empirical_bayes.py::test_the_law_of_a_certain_curve_is_that_curve
    precision = 1.0 / np.maximum(second @ curve**2 - psi**2, np.finfo(np.float64).tiny)
    alpha = weight @ GRID.alpha
    f = np.exp(-alpha[:, None] * curve_x)
    return (precision * psi * f).sum(axis=1) / (precision * f * f).sum(axis=1), alpha


def _covariance(weight: FloatMatrix, first: FloatMatrix, second: FloatMatrix) -> NDArray[np.float64]:
    """Posterior covariance of (amplitude, α); a cell of α adds the variance of its width."""
    a, alpha = first.sum(axis=1), weight @ GRID.alpha
    deviation = GRID.alpha - alpha[:, None]
    cross = (first * deviation).sum(axis=1)
    of_a = np.maximum(second.sum(axis=1) - a * a, 0.0)
    of_alpha = (weight * deviation**2).sum(axis=1) + GRID.step**2 / 12
    return np.stack([of_a, cross, cross, of_alpha], axis=1).reshape(-1, 2, 2)


def _wider(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """``one`` with each standard deviation raised to the larger of the two, its correlation kept."""
    ratio = [
        np.sqrt(np.maximum(np.divide(other[:, i, i], one[:, i, i], out=np.ones(len(one)), where=one[:, i, i] > 0), 1.0))
        for i in (0, 1)
    ]
    stretch = np.stack(ratio, axis=1)
    return np.asarray(one * stretch[:, :, None] * stretch[:, None, :])


def _interval(weight: FloatMatrix) -> tuple[FloatVector, FloatVector]:
    """5 % and 95 % points of the posterior of α, linear within cells."""
    edges = GRID.alpha - 0.5 * GRID.step  # lower ones, of the cells
    below = np.concatenate([np.zeros((len(weight), 1)), np.cumsum(weight, axis=1)], axis=1)
    ends = []
    for level in (0.05, 0.95):
        cell = np.clip((below < level).sum(axis=1) - 1, 0, GRID.n_alpha - 1)
        rows = np.arange(len(weight))
        inside = (level - below[rows, cell]) / np.maximum(weight[rows, cell], np.finfo(np.float64).tiny)
        ends.append(np.maximum(edges[cell] + np.clip(inside, 0.0, 1.0) * GRID.step, 0.0))
    return ends[0], ends[1]

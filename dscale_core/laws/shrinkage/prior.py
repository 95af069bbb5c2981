"""Priors that the points teach each other: weights of α, β and of the signal-to-noise ratio, and the noise's spread.

Weights are learned by a few rounds of expectation and maximisation on a sample of points. Each round smooths the weights
along their axis and adds pseudo-points of a broad default, so that few points change little and one point cannot make a
prior of itself. Groups start from what all points taught. The noise prior matches the centre and spread of the points'
log variances (Smyth 2004, the moderated variance of limma), with median and quartiles instead of mean and variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.problem import Problem, Screen, blocks, evenly_spaced, grid_sums
from dscale_core.laws.shrinkage.posterior import GRID, RATIOS, NoisePrior, nodes
from dscale_core.types import FloatVector, IntVector

__all__ = ["Prior", "learn_prior"]

# Points that teach: they know a prior's mean to a fiftieth of its width, and their likelihoods fill 47 MB.
# test_prior.py::test_a_sample_of_points_teaches_all
_SAMPLE = 3_000
# After so many no law moves by more than a hundredth of its error; held, as is the next, by
# test_prior.py::test_learning_is_expectation_and_maximisation
_ROUNDS = 20
# What the default counts for: one wild point among a few dozen makes no prior of itself. A group is to differ from all
# points only as far as more than a few dozen of its own say so: test_prior.py::test_groups_start_from_what_all_points_taught
_PSEUDO_POINTS = 20.0
_GROUP_PSEUDO_POINTS = 60.0
# Points whose nodes are kept together; speed and memory alone:
# test_prior.py::test_the_table_holds_likelihoods_relative_to_each_points_best
_BLOCK_POINTS = 64
Table = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Weights:
    """Prior weights along each axis: ratio (v,), alpha (n_alpha,), beta (n_beta,); each sums to one."""

    ratio: FloatVector
    alpha: FloatVector
    beta: FloatVector

    def log(self) -> NDArray[np.float64]:
        """Log weight of every node, (v, n_alpha, n_beta)."""
        return np.log(self.ratio)[:, None, None] + np.log(self.alpha)[:, None] + np.log(self.beta)


@dataclass(frozen=True, eq=False)
class Prior:
    """noise: prior of a draw's variance; log_weights (groups, v, n_alpha, n_beta); weights, one per group."""

    noise: NoisePrior
    log_weights: NDArray[np.float64]
    weights: tuple[Weights, ...]


def learn_prior(problem: Problem, screened: Screen) -> Prior:
    """Learn from up to 3,000 evenly spaced usable points; without any, the broad default stands."""
    usable = screened.usable
    n_groups = 1 if problem.groups is None else int(problem.groups.max()) + 1
    if usable.size == 0:
        weights = (_default(),) * n_groups
        return Prior(NoisePrior(1.0, 0.0), np.stack([w.log() for w in weights]), weights)
    sample = usable[evenly_spaced(usable.size, _SAMPLE)]
    chosen = _only(screened, sample)
    noise = _noise_prior(problem, chosen)
    table = _table(problem, chosen, noise)
    pooled = _learn(table, _default(), _PSEUDO_POINTS)
    if problem.groups is None:
        weights = (pooled,)
    else:
        member = problem.groups[sample]
        weights = tuple(_learn(table[member == g], pooled, _GROUP_PSEUDO_POINTS) for g in range(n_groups))
    return Prior(noise, np.stack([w.log() for w in weights]), weights)


def _only(screened: Screen, sample: IntVector) -> Screen:
    status = np.full_like(screened.status, "")
    status[sample] = screened.status[sample]
    return Screen(status, screened.n_draws, screened.scale)


def _default() -> Weights:
    """Broad weights about α = 1 and β = 2, where the publication starts, a tenth of them everywhere alike; ratios alike.

    test_prior.py::test_the_default_is_broad_about_the_usual_exponents
    """
    alpha = 0.9 * _normal(GRID.alpha, 1.0, 0.5) + 0.1 / GRID.n_alpha
    beta = 0.9 * _normal(GRID.beta, 2.0, 1.0) + 0.1 / GRID.n_beta
    return Weights(np.full(RATIOS.size, 1 / RATIOS.size), alpha, beta)


def _normal(at: FloatVector, mean: float, deviation: float) -> FloatVector:
    density = np.exp(-0.5 * ((at - mean) / deviation) ** 2)
    return np.asarray(density / density.sum())


def _noise_prior(problem: Problem, chosen: Screen) -> NoisePrior:
    """Centre and spread of log variances, less the spread that so many draws give by themselves."""
    from scipy.special import digamma, polygamma

    logs, own_spread = [], []
    for block in blocks(problem, chosen, _BLOCK_POINTS):
        sums = grid_sums(block, GRID)
        F = np.maximum(sums.C[:, None, :] - sums.B**2 / sums.A, 1e-15 * sums.C[:, None, :])
        phi = block.n[:, None, None] * np.log(F) - block.sum_x[:, None, None] * GRID.beta
        best = phi.reshape(block.n.size, -1).argmin(axis=1)
        half_degrees = 0.5 * (block.n - 3.0)  # amplitude, α and β took three, of four or more
        least = F.reshape(block.n.size, -1)[np.arange(block.n.size), best]
        logs.append(np.log(0.5 * least) - digamma(half_degrees) + 2 * np.log(chosen.scale[block.columns]))
        own_spread.append(polygamma(1, half_degrees))
    low, middle, high = np.quantile(np.concatenate(logs), [0.25, 0.5, 0.75])
    # 1.349: quartile distance of a normal over its deviation. Half a degree stands for noise that differs among points by
    # factors of ten, sixty for noise that is nearly the same:
    # test_prior.py::test_the_spread_of_noise_among_points_is_recovered
    spread = ((high - low) / 1.349) ** 2 - float(np.mean(np.concatenate(own_spread)))
    degrees = np.geomspace(0.5, 60, 200)
    trigamma = polygamma(1, 0.5 * degrees)
    nu = float(np.interp(-spread, -trigamma, degrees))
    return NoisePrior(nu, float(middle + digamma(0.5 * nu) - np.log(0.5 * nu)))


def _table(problem: Problem, chosen: Screen, noise: NoisePrior) -> Table:
    """Likelihood of every node relative to the point's best: (points, v, n_alpha, n_beta)."""
    parts = []
    for block in blocks(problem, chosen, _BLOCK_POINTS):
        value = nodes(block, grid_sums(block, GRID), noise, chosen.scale[block.columns]).log_likelihood
        value -= value.max(axis=(1, 2, 3), keepdims=True)
        parts.append(np.exp(value).astype(np.float32))
    return np.concatenate(parts)


def _learn(table: Table, base: Weights, pseudo_points: float) -> Weights:
    """Rounds of expectation and maximisation from ``base``, which also counts as that many points."""
    if len(table) == 0:  # a group of which no point can be fitted or none is in the sample
        return base
    weights = base
    flat = table.reshape(table.shape[0], -1)
    for _ in range(_ROUNDS):
        node = np.exp(weights.log())
        evidence = flat @ node.ravel().astype(np.float32)
        share = ((1.0 / evidence) @ flat).reshape(node.shape) * node  # posterior weight of each node, summed over points
        axes = (share.sum(axis=(1, 2)), _smooth(share.sum(axis=(0, 2))), _smooth(share.sum(axis=(0, 1))))
        bases = (base.ratio, base.alpha, base.beta)
        weights = Weights(*((s + pseudo_points * b) / (s.sum() + pseudo_points) for s, b in zip(axes, bases, strict=True)))
    return weights


def _smooth(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Three-point binomial smoothing; what would leave at the ends stays."""
    padded = np.concatenate([weights[:1], weights, weights[-1:]])
    return np.asarray(0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:])

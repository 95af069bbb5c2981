"""Resampling whole passes: how far amplitude and α move when other passes are drawn.

β and the signal-to-noise ratio stay at each point's posterior mode, so that a replicate needs only the sums of each pass at
every α; the passes of all points are drawn alike, with fixed seeds, so that results are reproducible.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.problem import Block
from dscale_core.laws.shrinkage.posterior import GRID, RATIOS
from dscale_core.laws.shrinkage.prior import Prior
from dscale_core.types import FloatMatrix, FloatVector, IntVector

__all__ = ["resampled_covariance", "resampling_units"]

# With fewer units replicates are too alike; buckets of draws are as many as keep a point's sums small. Both:
# test_resampling.py::test_passes_are_the_units_where_there_are_eight_and_draws_stand_in_for_few
_MIN_PASSES = 8
_BUCKETS = 24
_REPLICATES = 60  # know a standard deviation to a tenth of itself, and the wider of two need not know it better
_SEED = 20_405_456  # any; intervals are to be the same each time


def resampling_units(passes: IntVector | None, n_draws: int) -> IntVector | None:
    """What is resampled whole, (m,): the passes, or where they are few, every 24th draw together; None below 8 draws.

    Draws of one pass are disjoint, so that taking them as independent errs on the wide side.
    """
    if passes is not None and passes.max() + 1 >= _MIN_PASSES:
        return passes
    return None if n_draws < _MIN_PASSES else np.arange(n_draws, dtype=np.int64) % _BUCKETS


def resampled_covariance(
    passes: IntVector, block: Block, prior: Prior, group: IntVector, scale: FloatVector, mode: IntVector
) -> NDArray[np.float64]:
    """Covariance (b, 2, 2) of (amplitude, α) over resampled passes; ``mode`` (b,): flat index of each point's best node."""
    v_index, _, beta_index = np.unravel_index(mode, (RATIOS.size, GRID.n_alpha, GRID.n_beta))
    v = RATIOS[v_index][:, None]
    n, A, B, C = _sums_by_pass(passes, block, GRID.beta[beta_index])
    n_passes = n.shape[1]
    rng = np.random.default_rng(_SEED)
    log_alpha = np.log(np.stack([w.alpha for w in prior.weights]))[group]
    own = prior.noise.sum_of_squares(scale)[:, None]
    power = 0.5 * (n.sum(axis=1) + prior.noise.degrees)[:, None]
    amplitude, alpha = np.empty((2, _REPLICATES, n.shape[0]))
    for r in range(_REPLICATES):
        times = rng.multinomial(n_passes, np.full(n_passes, 1 / n_passes)).astype(np.float64)
        a, b, c = np.einsum("p,bpi->bi", times, A), np.einsum("p,bpi->bi", times, B), (C @ times)[:, None]
        mean = v * b / (1 + v * a)
        # floors as in `posterior`: test_resampling.py::test_an_exact_law_without_noise_hardly_moves
        S = np.maximum(c - mean * b, 1e-15 * c) + own + np.finfo(np.float64).tiny
        share = log_alpha - 0.5 * np.log1p(v * a) - power * np.log(S)
        share = np.exp(share - share.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        amplitude[r], alpha[r] = (share * mean).sum(axis=1), share @ GRID.alpha
    da, dalpha = amplitude - amplitude.mean(axis=0), alpha - alpha.mean(axis=0)
    entries = [(d * e).sum(axis=0) / (_REPLICATES - 1) for d in (da, dalpha) for e in (da, dalpha)]
    return np.stack(entries, axis=1).reshape(-1, 2, 2)


def _sums_by_pass(
    passes: IntVector, block: Block, beta: FloatVector
) -> tuple[FloatMatrix, NDArray[np.float64], NDArray[np.float64], FloatMatrix]:
    """Draws (b, passes), A and B (b, passes, n_alpha) and C (b, passes) of each pass at one β a point."""
    count = np.ones_like(block.y) if block.present is None else block.present
    w = count * np.exp(beta[:, None] * block.x)
    n_passes = int(passes.max()) + 1
    member = (passes[:, None] == np.arange(n_passes)).astype(np.float64)  # (m, passes)
    shape = (block.y.shape[0], n_passes, GRID.n_alpha)
    A, B = np.empty(shape), np.empty(shape)
    signal, mean = w.copy(), w * block.y
    decay = np.exp(-GRID.step * block.x)
    for i in range(GRID.n_alpha):
        A[:, :, i], B[:, :, i] = signal @ member, mean @ member
        signal *= decay * decay
        mean *= decay
    return count @ member, A, B, (w * block.y**2) @ member

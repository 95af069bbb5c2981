"""The value ``mean_contribution``: Monte Carlo data Shapley over the sampled sizes, from the draws as they are.

The Shapley value of a point is its mean contribution to a coalition whose size is uniform and which does not hold it. The
draws know other sizes: a plan may favour small ones, and a point is outside a small coalition more often than outside a
large one. So a draw at size k counts for the integers that lie nearer to k than to any other size drawn, w(k), shared
among the draws of that size, and for 1 / (1 − k/n), the inverse of its chance to be outside a coalition from a pool of n.
Where v valuation rows are drawn anew from the n + u − k that a coalition leaves (u of them held out), a point outside is not
among these with chance 1 − v / (n + u − k), whose inverse counts too:

    value = Σ w δ / Σ w, over the draws of the point

Passes are independent of each other. With s_b and w_b the sums of w δ and of w in pass b, the variance of this ratio is
B / (B − 1) · Σ_b (s_b − value · w_b)² / (Σ_b w_b)².
Source: Ghorbani and Zou, *Data Shapley*, ICML 2019; Särndal et al., *Model Assisted Survey Sampling*, 1992, for the ratio.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, Draws, FloatVector, IntVector, Values
from dscale_core.values.valuing import ValueInputs

__all__ = ["value"]

_BLOCK_ELEMENTS = 2_000_000


def value(given: ValueInputs) -> Values:
    """Weighted mean of the draws of every point; NaN where it has none or an infinite one; an error from two passes on.

    Raises ArgumentError where no draw lies within the sizes.
    """
    assert given.draws is not None  # `compute_value` has seen to it
    draws = given.draws
    inside = np.flatnonzero((draws.sizes >= given.min_size) & (draws.sizes <= given.max_size))
    if inside.size == 0:
        got = f"{given.min_size} to {given.max_size}, where {draws.sizes.min()} to {draws.sizes.max()} were drawn"
        raise ArgumentError("min_size, max_size", "hold sizes that were drawn", got, "Leave them out for all sizes drawn.")
    draws = draws.rows(inside)
    weights = _weights(draws, given.min_size, given.max_size, given.dataset)
    mean, error = np.full(draws.points.size, np.nan), np.full(draws.points.size, np.nan)
    step = max(1, _BLOCK_ELEMENTS // draws.sizes.size)
    for start in range(0, draws.points.size, step):
        part = slice(start, start + step)
        mean[part], error[part] = _ratio(draws, weights, part)
    return Values("mean_contribution", draws.points, mean, error, given.unit)


def _weights(draws: Draws, low: int, high: int, dataset: Dataset) -> FloatVector:
    """w(k) over the chance to be valued at size k, of every draw, (m,)."""
    distinct, where, count = np.unique(draws.sizes, return_inverse=True, return_counts=True)
    edges = np.concatenate([[low - 0.5], (distinct[1:] + distinct[:-1]) / 2, [high + 0.5]])
    outside = 1 - distinct / dataset.n_points
    if draws.plan is not None and draws.valuation == "fresh":
        outside = outside * (1 - draws.plan.valuation_rows / (dataset.n_points + dataset.y_valuation.size - distinct))
    # a size of the whole pool leaves no point outside: its draws say nothing
    share = np.divide(np.diff(edges), count * outside, out=np.zeros(distinct.size), where=outside > 0)
    return np.asarray(share[where])


def _ratio(draws: Draws, weights: FloatVector, part: slice) -> tuple[FloatVector, FloatVector]:
    delta = draws.delta[:, part].astype(np.float64)
    known = np.isfinite(delta)
    weight = weights[:, None] * known
    passes, of_pass = np.unique(draws.passes, return_inverse=True)
    sums = _by_pass(weight * np.where(known, delta, 0.0), of_pass, passes.size)
    shares = _by_pass(weight, of_pass, passes.size)
    total = shares.sum(axis=0)
    nothing = np.full(total.shape, np.nan)
    usable = (total > 0) & ~np.isinf(delta).any(axis=0)
    mean = np.divide(sums.sum(axis=0), total, out=nothing.copy(), where=usable)
    count = (shares > 0).sum(axis=0)
    residual = ((sums - np.where(usable, mean, 0.0) * shares) ** 2).sum(axis=0)
    apart = usable & (count > 1)
    corrected = np.divide(residual * count, count - 1, out=nothing.copy(), where=apart)
    return mean, np.divide(np.sqrt(corrected), total, out=nothing, where=apart)


def _by_pass(values: NDArray[np.float64], of_pass: IntVector, n_passes: int) -> NDArray[np.float64]:
    """Sums (B, p) of rows (m, p) over the passes, numbered from 0 without a gap."""
    order = np.argsort(of_pass, kind="stable")
    first = np.searchsorted(of_pass[order], np.arange(n_passes))
    return np.asarray(np.add.reduceat(values[order], first, axis=0))

"""Mean contributions on blocks of the valuation set, at a few sizes: what other valuation rows would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dscale_core.sampling.coalitions import Coalitions
from dscale_core.types import BlockEngine, Dataset, IntVector, Learner, SamplingPlan, ValuationRows

__all__ = ["measure_blocks", "valuation_blocks"]

_SEED_DISTANCE = 2**41  # from the plan's own seed: other coalitions than its draws and than the guide's
_BY_SURROGATE, _BY_ENGINE = 100, 24  # coalitions a size


def measure_blocks(
    dataset: Dataset,
    learner: Learner,
    plan: SamplingPlan,
    sizes: IntVector,
    points: IntVector,
    utility: str,
    n_blocks: int = 4,
    on_progress: Callable[[float], object] | None = None,
) -> NDArray[np.float64] | None:
    """Means (g, 2, n_blocks, p) over either half of the coalitions of each size, on blocks of the valuation set by lot.

    By the learner's surrogate, or, where it has none, by an exact engine that solves for all blocks at once; None where the
    learner has neither, or refits every contribution.
    """
    surrogate = learner.block_surrogate(dataset, utility)
    if surrogate is None and not (learner.exact and isinstance(learner.bind(dataset, utility), BlockEngine)):
        return None
    rows, n = valuation_blocks(dataset, n_blocks, plan.seed), _BY_SURROGATE if surrogate is not None else _BY_ENGINE
    further = replace(plan, sizes=tuple(int(k) for k in sizes), draws=n, seed=plan.seed + _SEED_DISTANCE)
    coalitions = Coalitions(dataset, further)
    delta = np.empty((len(coalitions), points.size, n_blocks), dtype=np.float32)
    with threadpool_limits(limits=1):
        for j in range(len(coalitions)):
            members = coalitions.members(j)
            if surrogate is not None:
                delta[j] = surrogate.by_block(members, points, rows).delta
            else:
                delta[j] = learner.block_contributions(dataset, members, points, rows, utility).delta
            if on_progress:
                on_progress((j + 1) / len(coalitions))
    return np.stack([_halved(delta[coalitions.sizes == k]) for k in sizes])


def valuation_blocks(dataset: Dataset, n_blocks: int, seed: int) -> ValuationRows:
    """The valuation set in so many blocks by lot, as large as each other but for one row."""
    order = np.random.default_rng([seed, n_blocks]).permutation(dataset.y_valuation.size)
    starts = np.linspace(0, order.size, n_blocks, endpoint=False).astype(np.int64)
    return ValuationRows(dataset.X_valuation[order], dataset.y_valuation[order], starts)


def _halved(delta: NDArray[np.float32]) -> NDArray[np.float64]:
    """Means of the even and of the odd coalitions, (2, b, p); NaN where a point was in all of them."""
    means = []
    for half in (delta[::2], delta[1::2]):
        known = np.isfinite(half)
        n, total = known.sum(axis=0), np.where(known, half, 0.0).sum(axis=0, dtype=np.float64)
        means.append(np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0).T)
    return np.stack(means)

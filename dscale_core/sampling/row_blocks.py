"""What other valuation rows would change, for any learner that can value a coalition on blocks of rows at little cost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from dscale_core.sampling.bound_plan import BoundPlan
from dscale_core.sampling.row_scatter import RowScatter
from dscale_core.types import BlockEngine, Dataset, IntVector, Learner, RowDeviation, SamplingPlan

__all__ = ["row_deviation"]

# Coalitions, and points at most. Eight coalitions a third of the sizes do as well as thirty: what is sought is one share for
# all points, and blocks are the same for all coalitions. `python -m benchmarks.fresh_rows` shows what comes of it.
_BY_SURROGATE, _BY_ENGINE, _BY_REFITS = (72, None), (36, 200), (36, 30)


def row_deviation(
    dataset: Dataset,
    learner: Learner,
    plan: SamplingPlan,
    utility: str,
    coalitions: IntVector,
    points: IntVector,
    on_progress: Callable[[float], object] | None = None,
) -> tuple[IntVector, RowDeviation] | None:
    """Positions among ``points`` (p,), and by how much their ψ_k would differ on other rows of the plan's kind.

    Told from some of the plan's ``coalitions`` (m,), by their numbers, on blocks of all rows there are: the valuation set,
    and where rows are fresh what each coalition leaves of the pool as well. By the learner's surrogate for all points, by
    exact engines for 200 at most, and where each contribution is a refit for 30. None where there are fewer than four
    rows or two coalitions, and for refitting learners that would start anew for each block.
    ``on_progress`` receives the share done, in [0, 1].
    """
    if learner.block_surrogate(dataset, utility) is not None:
        n, most = _BY_SURROGATE
    elif learner.exact:
        n, most = _BY_ENGINE
    elif isinstance(learner.bind(dataset, utility), BlockEngine):
        n, most = _BY_REFITS
    else:
        return None
    bound = BoundPlan(dataset, learner, plan, utility)
    if bound.n_blocks < 2:
        return None
    sizes = bound.coalitions.sizes[coalitions]
    some = np.argsort(sizes, kind="stable")[_evenly(sizes.size, n)]
    columns = _evenly(points.size, points.size if most is None else most)
    seen = RowScatter(sizes[some], columns.size, bound.n_blocks)
    with threadpool_limits(limits=1):
        for i, j in enumerate(coalitions[some].tolist()):
            bound.tell_blocks(j, points[columns], seen)
            if on_progress:
                on_progress((i + 1) / some.size)
    found = seen.deviation()
    return None if found is None else (columns, found)


def _evenly(n: int, most: int) -> IntVector:
    """So many of n positions, from the first to the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))

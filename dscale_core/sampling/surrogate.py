"""Draws of a learner's surrogate: of the coalitions that were drawn exactly, and of many more that only it sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dscale_core.sampling.coalitions import Coalitions
from dscale_core.types import Dataset, Draws, Engine, IntVector, Learner, SamplingPlan, SurrogateDraws

__all__ = ["surrogate_draws"]

_SEED_DISTANCE = 2**40  # from the plan's own seed: no other sample set is that far away
_MOST_CELLS = 3_000_000  # of the coalitions that only the surrogate sees, times points
_FEWEST, _MOST = 200, 500


def surrogate_draws(
    dataset: Dataset,
    learner: Learner,
    plan: SamplingPlan,
    utility: str,
    coalitions: IntVector,
    points: IntVector,
    on_progress: Callable[[float], object] | None = None,
) -> SurrogateDraws | None:
    """The surrogate's draws of ``points`` (p,): of the plan's ``coalitions`` (m,), by their numbers, and of further ones.

    None where the learner has no surrogate.
    Between 200 and 500 further coalitions are taken, fewer the more points there are; how many depends on the number of
    points alone, so that results are reproducible; all are to be asked for together.
    ``on_progress`` receives the share done, in [0, 1].
    """
    engine = learner.surrogate(dataset, utility)
    if engine is None:
        return None
    n_many = int(np.clip(_MOST_CELLS // points.size, _FEWEST, _MOST))
    if not isinstance(plan.sizes, str):
        n_many = -(-n_many // len(plan.sizes))  # draws count per size
    further = replace(plan, draws=n_many, seed=plan.seed + _SEED_DISTANCE)
    ours, others = Coalitions(dataset, plan), Coalitions(dataset, further)
    total = coalitions.size + len(others)

    def report(done: int) -> None:
        if on_progress:
            on_progress(done / total)

    with threadpool_limits(limits=1):
        own = _drawn(engine, ours, coalitions, points, report)
        delta = _drawn(engine, others, np.arange(len(others)), points, lambda done: report(done + coalitions.size))
    # the surrogate's loss is that of its base fit, which nobody asks for
    many = Draws(delta, others.sizes, others.passes, points, np.full(len(others), np.nan))
    return SurrogateDraws(own, many)


def _drawn(
    engine: Engine, coalitions: Coalitions, numbers: IntVector, points: IntVector, report: Callable[[int], None]
) -> NDArray[np.float32]:
    delta = np.empty((numbers.size, points.size), dtype=np.float32)
    for row, j in enumerate(numbers):
        delta[row] = engine.contributions(coalitions.members(int(j)), points).delta
        report(row + 1)
    return delta

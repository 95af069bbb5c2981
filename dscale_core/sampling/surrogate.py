"""Draws of a learner's surrogate: of the coalitions that were drawn exactly, and of many more that only it sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dscale_core.sampling.bound_plan import BoundPlan
from dscale_core.sampling.coalitions import Coalitions
from dscale_core.sampling.plan import resolve_plan
from dscale_core.sampling.row_scatter import RowScatter
from dscale_core.sampling.unused_rows import UnusedRows
from dscale_core.types import Dataset, Draws, Engine, FloatMatrix, IntVector, Learner, SamplingPlan, SurrogateDraws

__all__ = ["expected_under", "surrogate_draws"]

_SEED_DISTANCE = 2**40  # from the plan's own seed: no other sample set is that far away
_MOST_CELLS = 3_000_000  # of the coalitions that only the surrogate sees, times points
_FEWEST, _MOST = 200, 1000


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

    None where the learner has no surrogate. Under a plan of fresh valuation rows the plan's coalitions are valued on the
    rows of the exact draws, which have their noise in common, the further ones on all rows that they leave (up to 4,000).
    Between 200 and 1,000 further coalitions are taken, fewer the more points there are; how many depends on the number of
    points alone, so that results are reproducible; all are to be asked for together.
    ``on_progress`` receives the share done, in [0, 1].
    """
    ours = BoundPlan(dataset, learner, plan, utility)
    if ours.surrogate_of(0) is None:
        return None
    n_many = int(np.clip(_MOST_CELLS // points.size, _FEWEST, _MOST))
    if not isinstance(plan.sizes, str):
        n_many = -(-n_many // len(plan.sizes))  # draws count per size
    further = replace(ours.plan, draws=n_many, seed=plan.seed + _SEED_DISTANCE)
    others = BoundPlan(dataset, learner, further, utility)
    sizes, passes = others.coalitions.sizes, others.coalitions.passes
    total = coalitions.size + sizes.size

    def report(done: int) -> None:
        if on_progress:
            on_progress(done / total)

    with threadpool_limits(limits=1):
        own = _drawn(ours.surrogate_of, ours.coalitions, coalitions, points, report)
        numbers = np.arange(sizes.size)
        fresh = others.plan.valuation == "fresh"
        seen = RowScatter(sizes, points.size, others.n_blocks) if fresh else None
        delta = _drawn(
            lambda j: others.spread_surrogate_of(j, seen),
            others.coalitions,
            numbers,
            points,
            lambda done: report(done + coalitions.size),
        )
    # the surrogate's loss is that of its base fit, which nobody asks for
    many = Draws(delta, sizes, passes, points, np.full(sizes.size, np.nan))
    return SurrogateDraws(own, many, None if seen is None else seen.deviation())


def expected_under(
    dataset: Dataset, learner: Learner, plan: SamplingPlan, sizes: IntVector, points: IntVector, utility: str
) -> FloatMatrix | None:
    """What the learner's formula expects of ``points`` at each size, (g, p), on the valuation rows of the plan's kind.

    Where these are drawn anew, that is on all rows but the coalition's, the point and its equals.
    None where the learner has no formula.
    """
    if resolve_plan(dataset, learner, plan, utility).valuation == "fixed":
        return learner.expected_contributions(dataset, sizes, points, utility)
    rows = UnusedRows(dataset, plan)
    every = rows.all()
    measured = replace(dataset, X_valuation=every.X, y_valuation=every.y)
    return learner.expected_contributions(measured, sizes, points, utility, rows.equals(points))


def _drawn(
    engine_of: Callable[[int], Engine | None],
    coalitions: Coalitions,
    numbers: IntVector,
    points: IntVector,
    report: Callable[[int], None],
) -> NDArray[np.float32]:
    delta = np.empty((numbers.size, points.size), dtype=np.float32)
    for row, j in enumerate(numbers.tolist()):
        engine = engine_of(j)
        assert engine is not None  # the caller has seen to it
        delta[row] = engine.contributions(coalitions.members(j), points).delta
        report(row + 1)
    return delta

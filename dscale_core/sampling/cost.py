"""What a plan will cost on this machine, measured on a few of its own coalitions before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from dscale_core.sampling.coalitions import Coalitions
from dscale_core.sampling.plan import check_plan, valued_points
from dscale_core.types import Dataset, IntVector, Learner, SamplingPlan

__all__ = ["CostEstimate", "estimate_cost"]

_PARALLEL_EFFICIENCY = 0.9  # of each worker beyond the first, measured on two cores


@dataclass(frozen=True)
class CostEstimate:
    """Cost of a plan.

    contributions_per_second : over all workers; seconds : of the whole plan; disk_bytes : of its draws;
    memory_bytes : of the draws in memory, data and working space not counted; n_contributions : pairs (z, D) to solve
    """

    contributions_per_second: float
    seconds: float
    disk_bytes: int
    memory_bytes: int
    n_contributions: int


def estimate_cost(dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str, n_jobs: int = 1) -> CostEstimate:
    """Time the smallest, the largest and a middle coalition on some points and extrapolate.

    The base fit and the cost of a point are told apart, so that few points stand for many. Raises what `check_plan` raises.
    """
    check_plan(dataset, learner, plan, utility)
    coalitions, points = Coalitions(dataset, plan), valued_points(dataset, plan)
    engine = learner.bind(dataset, utility)
    order = np.argsort(coalitions.sizes, kind="stable")
    seconds = []
    with threadpool_limits(limits=1):
        for j in (order[0], order[order.size // 2], order[-1]):
            members = coalitions.members(int(j))
            outside = points[~np.isin(points, members)]
            probe = outside[: 512 if learner.exact else 4]
            engine.contributions(members, probe[:2])  # compiled and warm
            base = _timed(engine.contributions, members, probe[:0])
            whole = _timed(engine.contributions, members, probe)
            seconds.append(base + max(whole - base, 0.0) * outside.size / max(probe.size, 1))
    each = float(np.mean([seconds[0], seconds[1], seconds[1], seconds[2]]))
    workers = 1 + _PARALLEL_EFFICIENCY * (n_jobs - 1)
    total = each * len(coalitions) / workers
    n = int(np.sum(points.size * (1 - coalitions.sizes / dataset.n_points)))
    cells = 4 * points.size * len(coalitions)
    return CostEstimate(n / total, total, cells + 24 * len(coalitions), cells, n)


def _timed(solve: object, members: IntVector, points: IntVector) -> float:
    began = time.perf_counter()
    solve(members, points)  # type: ignore[operator]
    return time.perf_counter() - began

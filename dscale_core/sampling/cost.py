"""What a plan will cost on this machine, measured on a few of its own coalitions before it starts."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from dscale_core.sampling.bound_plan import BoundPlan
from dscale_core.sampling.coalitions import size_sequence
from dscale_core.sampling.plan import check_plan
from dscale_core.types import Dataset, Engine, FloatVector, IntVector, Learner, SamplingPlan

__all__ = ["CostEstimate", "Saving", "estimate_cost"]

_PARALLEL_EFFICIENCY = 0.9  # of each worker beyond the first, measured on two cores
_PROCESS_BYTES = 200_000_000  # an interpreter with the libraries that sampling loads
_PROBES = (4, 32, 256, 512)  # points that a timing takes, more while they are cheap
_PROBE_SECONDS = 0.02  # from which on a timing is long enough to be trusted


@dataclass(frozen=True)
class Saving:
    """A smaller plan: what is changed in it, and how long all of it would take then."""

    label: str
    seconds: float


@dataclass(frozen=True)
class CostEstimate:
    """Cost of a plan.

    contributions_per_second : over all workers; seconds : of the whole plan; disk_bytes : of its draws;
    memory_bytes : of the draws in memory; n_contributions : pairs (z, D) to solve; working_bytes : processes, data and
    working space of all workers, as far as NumPy allocates it; savings : smaller plans, by the same timings
    """

    contributions_per_second: float
    seconds: float
    disk_bytes: int
    memory_bytes: int
    n_contributions: int
    working_bytes: int = 0
    savings: tuple[Saving, ...] = ()


def estimate_cost(dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str, n_jobs: int = 1) -> CostEstimate:
    """Time the smallest, the largest and a middle coalition on some points and extrapolate.

    The base fit and the cost of a point are told apart, so that few points stand for many. Raises what `check_plan` raises.
    """
    check_plan(dataset, learner, plan, utility)
    bound = BoundPlan(dataset, learner, plan, utility)
    coalitions, points = bound.coalitions, bound.points
    order = np.argsort(coalitions.sizes, kind="stable")
    chosen = np.unique(order[[0, order.size // 2, -1]])
    with threadpool_limits(limits=1):
        timings = [_timing(bound.engine_of(int(j)), learner.exact, coalitions.members(int(j)), points) for j in chosen]
        largest = int(order[-1])
        space = _working_space(bound.engine_of(largest), learner.exact, coalitions.members(largest), points)
    clock = _Clock(timings, dataset.n_points, 1 + _PARALLEL_EFFICIENCY * (n_jobs - 1))
    total = clock.seconds(coalitions.sizes, points.size)
    left = dataset.n_points + dataset.y_valuation.size - coalitions.sizes
    valued = 1 - (bound.plan.valuation_rows / left if bound.plan.valuation == "fresh" else 0.0)
    n = int(np.sum(points.size * (1 - coalitions.sizes / dataset.n_points) * valued))
    cells = 4 * points.size * len(coalitions)
    working = n_jobs * (_PROCESS_BYTES + _held(dataset) + _held(bound.engine) + space)
    savings = _savings(clock, plan, points.size)
    return CostEstimate(n / total, total, cells + 24 * len(coalitions), cells, n, working, savings)


@dataclass(frozen=True)
class _Timing:
    size: int
    base: float  # seconds of the coalition itself
    each: float  # seconds of one point more


class _Clock:
    """Seconds of any plan on this data, between the sizes that were timed."""

    def __init__(self, timings: list[_Timing], n_points: int, workers: float) -> None:
        self._timings = sorted(timings, key=lambda timing: timing.size)
        self._n, self._workers = n_points, workers

    def seconds(self, sizes: IntVector, points: int) -> float:
        outside = points * (1 - sizes / self._n)
        return float(np.sum(self._at(sizes, "base") + self._at(sizes, "each") * outside)) / self._workers

    def _at(self, sizes: IntVector, what: str) -> FloatVector:
        known = [timing.size for timing in self._timings]
        values: FloatVector = np.interp(sizes, known, [getattr(timing, what) for timing in self._timings])
        return values


def _timing(engine: Engine, exact: bool, members: IntVector, points: IntVector) -> _Timing:
    outside = points[~np.isin(points, members)]
    engine.contributions(members, outside[:2])  # libraries loaded
    # the first call of a size may compile: an engine is timed twice, refits hold nothing to compile
    times = 2 if exact else 1
    base = whole = _timed(engine, members, outside[:0], times)
    probe = outside
    for n in _PROBES if exact else _PROBES[:1]:
        probe = outside[:n]
        whole = _timed(engine, members, probe, times)
        if whole - base > _PROBE_SECONDS or n >= outside.size:
            break
    return _Timing(members.size, base, max(whole - base, 0.0) / max(probe.size, 1))


def _timed(engine: Engine, members: IntVector, points: IntVector, times: int) -> float:
    """The quickest of some calls, in seconds."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        engine.contributions(members, points)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _working_space(engine: Engine, exact: bool, members: IntVector, points: IntVector) -> int:
    """Peak of NumPy's memory during one coalition with all points, from a call with few."""
    outside = points[~np.isin(points, members)]
    probe = outside[: _PROBES[1] if exact else 1]
    base = _peak(engine, members, outside[:0])
    more = max(_peak(engine, members, probe) - base, 0)
    # a refit learner frees each model before the next
    return base + (int(more * outside.size / max(probe.size, 1)) if exact else more)


def _peak(engine: Engine, members: IntVector, points: IntVector) -> int:
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start()
    try:
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        engine.contributions(members, points)
        return max(tracemalloc.get_traced_memory()[1] - held, 0)
    finally:
        if not traced:
            tracemalloc.stop()


def _held(owner: object) -> int:
    """Bytes of the arrays that an object holds itself."""
    return sum(value.nbytes for value in getattr(owner, "__dict__", {}).values() if isinstance(value, np.ndarray))


def _savings(clock: _Clock, plan: SamplingPlan, points: int) -> tuple[Saving, ...]:
    sizes, found = size_sequence(plan), []
    if points >= 2:
        found.append(Saving(f"{points // 2:,} points instead of {points:,}", clock.seconds(sizes, points // 2)))
    if plan.draws >= 2:
        fewer = replace(plan, draws=plan.draws // 2)
        label = f"{fewer.n_coalitions:,} coalitions instead of {plan.n_coalitions:,}"
        found.append(Saving(label, clock.seconds(size_sequence(fewer), points)))
    half = plan.max_size // 2
    if half > plan.min_size:
        found.append(
            Saving(f"largest size {half:,} instead of {plan.max_size:,}", clock.seconds(_lowered(plan, half), points))
        )
    return tuple(found)


def _lowered(plan: SamplingPlan, largest: int) -> IntVector:
    if isinstance(plan.sizes, str):
        return size_sequence(replace(plan, max_size=largest))
    return np.minimum(size_sequence(plan), largest)

"""A first picture before any exact sampling: the learner's surrogate on the plan's first coalitions, checked, corrected.

A surrogate is biased. So some of its coalitions are drawn exactly too, on some points: there the exact contributions are
regressed on the surrogate's, and the slope at each size (interpolated in log k) corrects all its draws. What a slope cannot
explain is the *bias share*: variance of the remaining error over the variance between points. Where the learner has a
formula that needs no draws, it is held against the corrected means at several sizes, and kept only where it agrees. On a
large pool the formula takes longer than the draws: `make_preview` may leave it out and `with_formula` add it later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dscale_core.errors import ArgumentError
from dscale_core.sampling.bound_plan import BoundPlan
from dscale_core.sampling.plan import check_plan, valued_points
from dscale_core.sampling.surrogate import expected_under
from dscale_core.types import (
    Contributions,
    Dataset,
    Draws,
    Engine,
    FloatMatrix,
    FloatVector,
    IntVector,
    Learner,
    SamplingPlan,
)

__all__ = ["Preview", "make_preview", "with_formula"]

_MAX_POINTS = 1000
_MAX_COALITIONS = 60
_CHECKED_COALITIONS = 4
_CHECKED_POINTS = 300
_AGREEMENT = 0.8  # R^2 over points from which the zero-draw formula is shown
_ZERO_DRAW_SIZES = 5
_DRAWS_PER_SIZE = 8  # fewer say nothing about the agreement


@dataclass(frozen=True, eq=False)
class Preview:
    """Approximate draws of some of a plan's coalitions and points, with what is known of their error.

    draws : corrected surrogate draws
    checked_sizes, slope, bias_share : (g,) at the sizes drawn exactly too: regression of exact on surrogate contributions
        and the variance it leaves, over the variance between points
    zero_draw_sizes, zero_draw : (h,) and (h, p) expected contributions by the formula without draws, in the unit of the
        utility; empty where the learner has none or it was withheld at every size
    zero_draw_tried, zero_draw_agreement : (t,) the sizes at which it was held against the draws, and its R^2 over points
        there; NaN where the draws are too noisy to tell
    """

    draws: Draws
    checked_sizes: IntVector
    slope: FloatVector
    bias_share: FloatVector
    zero_draw_sizes: IntVector
    zero_draw: FloatMatrix
    zero_draw_tried: IntVector
    zero_draw_agreement: FloatVector


def make_preview(
    dataset: Dataset,
    learner: Learner,
    plan: SamplingPlan,
    utility: str,
    seconds: float = 1.0,
    seed: int = 0,
    formula: bool = True,
) -> Preview | None:
    """A preview of ``plan`` in about ``seconds``, on 1,000 points at most; None where the learner has no surrogate.

    The number of coalitions follows the clock, the draws of each do not. Checking it and the ``formula`` come on top.
    Raises what `check_plan` raises.
    """
    check_plan(dataset, learner, plan, utility)
    some_of_it = replace(plan, draws=max(1, min(plan.draws, _MAX_COALITIONS)))
    bound = BoundPlan(dataset, learner, some_of_it, utility)
    if bound.surrogate_of(0) is None:
        return None
    if seconds <= 0:
        raise ArgumentError("seconds", "be positive", seconds, "Allow a second.")
    generator = np.random.default_rng(seed)
    points = valued_points(dataset, plan)
    points = np.sort(generator.permutation(points)[:_MAX_POINTS])
    with threadpool_limits(limits=1):
        draws = _surrogate_draws(bound, points, seconds)
        checked = _spread_over_sizes(draws.sizes)
        some = np.sort(generator.permutation(points.size)[:_CHECKED_POINTS])
        truth = np.stack([_contributions(bound.engine_of(j), bound, j, points[some]).delta for j in checked.tolist()])
        slope, share = _compare(draws.delta[np.ix_(checked, some)].astype(np.float64), truth)
    corrected = _corrected(draws, draws.sizes[checked], slope)
    none, nothing = np.empty(0, dtype=np.int64), np.empty((0, points.size))
    found = Preview(corrected, draws.sizes[checked], slope, share, none, nothing, none, np.empty(0))
    return with_formula(found, dataset, learner, utility) if formula else found


def with_formula(found: Preview, dataset: Dataset, learner: Learner, utility: str) -> Preview:
    """``found`` with the learner's formula where it agrees with the draws (R^2 of 0.8 or more)."""
    order = np.argsort(found.draws.sizes, kind="stable")
    groups = np.array_split(order, int(np.clip(order.size // _DRAWS_PER_SIZE, 1, _ZERO_DRAW_SIZES)))
    tried = np.array([round(float(np.exp(np.mean(np.log(found.draws.sizes[g]))))) for g in groups], dtype=np.int64)
    with threadpool_limits(limits=1):
        psi = _expected(found.draws, dataset, learner, tried, utility)
    if psi is None:
        return found
    agreement = np.array([_agreement(psi[g], found.draws.delta[rows]) for g, rows in enumerate(groups)])
    good = agreement >= _AGREEMENT
    return replace(
        found, zero_draw_sizes=tried[good], zero_draw=psi[good], zero_draw_tried=tried, zero_draw_agreement=agreement
    )


def _expected(draws: Draws, dataset: Dataset, learner: Learner, sizes: IntVector, utility: str) -> FloatMatrix | None:
    if draws.plan is None:
        return learner.expected_contributions(dataset, sizes, draws.points, utility)
    return expected_under(dataset, learner, draws.plan, sizes, draws.points, utility)


def _contributions(engine: Engine | None, bound: BoundPlan, j: int, points: IntVector) -> Contributions:
    assert engine is not None  # the caller has seen to it
    return engine.contributions(bound.coalitions.members(j), points)


def _surrogate_draws(bound: BoundPlan, points: IntVector, seconds: float) -> Draws:
    rows, losses, coalitions = [], [], bound.coalitions
    _contributions(bound.surrogate_of(0), bound, 0, points[:2])  # compiled and warm
    began = time.perf_counter()
    for j in range(len(coalitions)):
        found = _contributions(bound.surrogate_of(j), bound, j, points)
        rows.append(found.delta.astype(np.float32))
        losses.append(found.base_loss)
        # the first eight always: fewer say nothing about an exponent
        if j >= 7 and time.perf_counter() - began > seconds:
            break
    m = len(rows)
    return Draws(np.stack(rows), coalitions.sizes[:m], coalitions.passes[:m], points, np.array(losses), plan=bound.plan)


def _spread_over_sizes(sizes: IntVector) -> IntVector:
    """Indices of a few coalitions from the smallest to the largest, no size twice."""
    _, first = np.unique(sizes, return_index=True)
    chosen = np.linspace(0, first.size - 1, min(_CHECKED_COALITIONS, first.size)).round().astype(np.int64)
    return np.asarray(first[np.unique(chosen)], dtype=np.int64)


def _compare(surrogate: FloatMatrix, exact: FloatMatrix) -> tuple[FloatVector, FloatVector]:
    """Slope of exact on surrogate and the variance it leaves over the variance of exact, coalition by coalition."""
    slope, share = np.ones(len(exact)), np.zeros(len(exact))
    for g, (s, e) in enumerate(zip(surrogate, exact, strict=True)):
        both = np.isfinite(s) & np.isfinite(e)
        if both.sum() >= 2 and np.any(s[both] != 0) and np.ptp(e[both]) > 0:
            slope[g] = float(s[both] @ e[both]) / float(s[both] @ s[both])
            share[g] = float(np.mean((e[both] - slope[g] * s[both]) ** 2) / np.var(e[both]))
    return slope, share


def _corrected(draws: Draws, sizes: IntVector, slope: FloatVector) -> Draws:
    order = np.argsort(sizes)
    factor = np.interp(np.log(draws.sizes), np.log(sizes[order]), slope[order])
    return replace(draws, delta=(draws.delta * factor[:, None]).astype(np.float32))


def _agreement(formula: FloatVector, delta: NDArray[Any]) -> float:
    """R^2 over points of the formula against the mean of some draws, their noise taken off; NaN where it drowns them."""
    count = np.isfinite(delta).sum(axis=0)
    use = count >= 3
    if use.sum() < 3:
        return float("nan")
    columns = delta[:, use].astype(np.float64)
    mean = np.nanmean(columns, axis=0)
    noise = float(np.mean(np.nanvar(columns, axis=0, ddof=1) / count[use]))
    signal = float(np.var(mean)) - noise
    if signal <= noise:
        return float("nan")
    return min(1.0, 1 - (float(np.mean((mean - formula[use]) ** 2)) - noise) / signal)

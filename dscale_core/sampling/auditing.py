"""The audit: an engine's contributions held against independent refits of both models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from dscale_core.correlation import spearman
from dscale_core.sampling.bound_plan import BoundPlan
from dscale_core.sampling.plan import check_plan
from dscale_core.types import Dataset, FloatVector, Learner, SamplingPlan

__all__ = ["AuditReport", "audit"]

_LIMIT = 1e-3  # of the spread over points: the contract of every exact engine
_COALITIONS = 6


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    pairs : number of pairs (z, D) refitted; max_error : largest |engine - refit|, unit of the utility; spread : median
    over coalitions of the standard deviation of delta over points; relative_error : largest error over its own coalition's
    spread; rank_correlation : Spearman's, over all pairs, NaN where fewer than three differ
    """

    pairs: int
    max_error: float
    spread: float
    relative_error: float
    rank_correlation: float
    passed: bool
    verdict: str


def audit(
    dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str, pairs: int = 24, seed: int = 0
) -> AuditReport:
    """Draw random pairs (z, D) of the plan, fit both models of each independently and tightly, and compare.

    Fresh valuation rows are those of the plan, so the very draws are audited. Raises what `check_plan` raises.
    """
    check_plan(dataset, learner, plan, utility)
    with threadpool_limits(limits=1):
        return _audit(dataset, learner, plan, utility, pairs, seed)


def _audit(dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str, pairs: int, seed: int) -> AuditReport:
    bound = BoundPlan(dataset, learner, plan, utility)
    coalitions, points = bound.coalitions, bound.points
    generator = np.random.default_rng(seed)
    chosen = generator.choice(len(coalitions), size=min(_COALITIONS, pairs, len(coalitions)), replace=False)
    found, refitted, spreads, relative = [], [], [], []
    for number, j in enumerate(chosen):
        members = coalitions.members(int(j))
        outside = points[~np.isin(points, members)]
        some = outside if learner.exact else generator.permutation(outside)[:8]
        delta = bound.engine_of(int(j)).contributions(members, some).delta
        some, delta = some[~np.isnan(delta)], delta[~np.isnan(delta)]  # the others are among the valuation rows
        measured = bound.dataset_of(int(j))
        picked = generator.permutation(some.size)[: len(range(number, pairs, chosen.size))]
        base = learner.reference_loss(measured, members, utility)
        refits = [base - learner.reference_loss(measured, np.append(members, some[i]), utility) for i in picked]
        spread = float(np.std(delta))
        spreads.append(spread)
        found.extend(delta[picked].tolist())
        refitted.extend(refits)
        relative.append(_relative(delta[picked], np.array(refits), spread))
    ours, theirs = np.array(found), np.array(refitted)
    errors = np.abs(ours - theirs)
    worst = max(relative)
    enough = min(np.unique(ours).size, np.unique(theirs).size) > 2
    return AuditReport(
        pairs=errors.size,
        max_error=float(errors.max()),
        spread=float(np.median(spreads)),
        relative_error=worst,
        rank_correlation=spearman(ours, theirs) if enough else float("nan"),
        passed=worst <= _LIMIT,
        verdict=_verdict(worst, errors.size, learner.exact),
    )


def _relative(delta: FloatVector, refits: FloatVector, spread: float) -> float:
    error = float(np.abs(delta - refits).max(initial=0.0))
    return error / spread if spread > 0 else (0.0 if error == 0 else float("inf"))


def _verdict(worst: float, pairs: int, exact: bool) -> str:
    if not exact:
        return f"This learner refits every contribution, and {pairs} repeated refits differ by {worst:.1e} of the spread."
    if worst <= _LIMIT:
        return f"Exact: over {pairs} refitted pairs the largest error is {worst:.1e} of the spread between points."
    return f"Not exact: an error of {worst:.1e} of the spread between points, above the limit of {_LIMIT:.0e}. Do not use."

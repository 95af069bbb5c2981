"""Checks of a plan against its data, before anything runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dscale_core.errors import ArgumentError, DataError
from dscale_core.sampling.coalitions import quotas
from dscale_core.sampling.unused_rows import shares_taken
from dscale_core.types import BlockEngine, Dataset, IntVector, Learner, SamplingPlan

__all__ = ["check_plan", "resolve_plan", "validation_plan", "valued_points"]

_VALIDATION_SIZES = 4
# "auto" gives up at most a third of the draws to fresh rows, and of no point more than three quarters: a hundred draws
# leave it 25
_MOST_TAKEN, _MOST_TAKEN_OF_ONE = 1 / 3, 3 / 4
_LEAST_UNUSED = 2  # times the fresh rows asked for by name: half of the draws are then lost


def valued_points(dataset: Dataset, plan: SamplingPlan) -> IntVector:
    """Pool indices of the points that the plan values, (p,)."""
    if isinstance(plan.points, str):
        return np.arange(dataset.n_points, dtype=np.int64)
    return np.asarray(plan.points, dtype=np.int64)


def check_plan(dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str) -> None:
    """Raise one clear error where the plan cannot be carried out as it stands.

    ArgumentError for sizes, points, strata, learner or utility that do not fit the dataset; DataError for features that
    are not finite.
    """
    n = dataset.n_points
    if plan.max_size >= n:
        remedy = f"Choose sizes up to {n - 1}, better up to {n // 2}."
        raise ArgumentError("max_size", f"be below the pool's {n} points", plan.max_size, remedy)
    points = valued_points(dataset, plan)
    if points.size == 0 or points.min() < 0 or points.max() >= n or np.unique(points).size != points.size:
        got = f"{points.size} indices" + (f" from {points.min()} to {points.max()}" if points.size else "")
        raise ArgumentError("points", f"be distinct pool indices below {n}", got, 'Use "all", or count from 0.')
    for part in ("pool", "valuation"):
        bad = ~np.isfinite(getattr(dataset, f"X_{part}"))
        if bad.any():
            name = dataset.feature_names[int(np.flatnonzero(bad.any(axis=0))[0])]
            raise DataError(f"Feature {name!r} has values that are not finite in the {part} set; fill or drop them first.")
    if plan.stratify and dataset.task == "classification":
        _check_strata(dataset, plan)
    if plan.valuation == "fresh":
        _check_rows(dataset, plan)
    learner.bind(dataset, utility)


def resolve_plan(dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str) -> SamplingPlan:
    """The plan with a valuation of "auto" made definite; any other as it is.

    Fresh rows are taken where the learner's engine solves a coalition once for whatever rows (another would be built anew
    for each), and where the largest coalition leaves so many rows that at most a third of all draws is lost to points that
    are among their own valuation rows, and of no point more than three quarters. Else the valuation set is fixed.
    Raises what `Learner.bind` raises.
    """
    if plan.valuation != "auto":
        return plan
    fresh = isinstance(learner.bind(dataset, utility), BlockEngine) and _leaves_enough(dataset, plan)
    return replace(plan, valuation="fresh" if fresh else "fixed")


def validation_plan(plan: SamplingPlan, sizes: tuple[int, ...] | None = None, draws: int = 60) -> SamplingPlan:
    """Fresh coalitions for the points of ``plan``: so many draws at each of a few sizes, under the next seed.

    sizes : None takes four from the smallest to the largest of the plan, evenly spaced in log k; larger ones than the plan
        has show how far its laws reach beyond
    """
    if sizes is None:
        spaced = np.rint(np.geomspace(plan.min_size, plan.max_size, _VALIDATION_SIZES)).astype(np.int64)
        sizes = tuple(int(k) for k in np.unique(spaced))
    return replace(plan, sizes=tuple(sorted(set(sizes))), draws=draws, seed=plan.seed + 1)


def _leaves_enough(dataset: Dataset, plan: SamplingPlan) -> bool:
    left = dataset.n_points + dataset.y_valuation.size - plan.max_size
    if plan.valuation_rows > _MOST_TAKEN * left:  # equal rows, which take longer to find, only make it worse
        return False
    taken = shares_taken(dataset, plan, valued_points(dataset, plan))
    return bool(taken.mean() <= _MOST_TAKEN and taken.max() <= _MOST_TAKEN_OF_ONE)


def _check_rows(dataset: Dataset, plan: SamplingPlan) -> None:
    left = dataset.n_points + dataset.y_valuation.size - plan.max_size
    if left < _LEAST_UNUSED * plan.valuation_rows:
        required = f"be at most {left // _LEAST_UNUSED}, half of the {left} rows that a coalition of {plan.max_size} leaves"
        remedy = 'Ask for fewer rows or smaller sizes, or set valuation="fixed".'
        raise ArgumentError("valuation_rows", required, plan.valuation_rows, remedy)


def _check_strata(dataset: Dataset, plan: SamplingPlan) -> None:
    counts = np.bincount(dataset.y_pool, minlength=len(dataset.class_names))
    if plan.min_size < counts.size:
        remedy = "Raise the smallest size, or turn stratification off."
        raise ArgumentError("min_size", f"give each of {counts.size} classes a member", plan.min_size, remedy)
    full = np.flatnonzero(quotas(plan.max_size, counts) >= counts)
    if full.size:
        name, have = dataset.class_names[full[0]], int(counts[full[0]])
        got = f"{plan.max_size}, which takes all {have} points of class {name!r}"
        remedy = "Lower max_size, drop or merge the class, or turn stratification off."
        raise ArgumentError("max_size", "leave a point of every class outside the coalition", got, remedy)

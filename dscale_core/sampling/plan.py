"""Checks of a plan against its data, before anything runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dscale_core.errors import ArgumentError, DataError
from dscale_core.sampling.coalitions import quotas
from dscale_core.types import Dataset, IntVector, Learner, SamplingPlan

__all__ = ["check_plan", "validation_plan", "valued_points"]

_VALIDATION_SIZES = 4


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
    learner.bind(dataset, utility)


def validation_plan(plan: SamplingPlan, sizes: tuple[int, ...] | None = None, draws: int = 60) -> SamplingPlan:
    """Fresh coalitions for the points of ``plan``: so many draws at each of a few sizes, under the next seed.

    sizes : None takes four from the smallest to the largest of the plan, evenly spaced in log k; larger ones than the plan
        has show how far its laws reach beyond
    """
    if sizes is None:
        spaced = np.rint(np.geomspace(plan.min_size, plan.max_size, _VALIDATION_SIZES)).astype(np.int64)
        sizes = tuple(int(k) for k in np.unique(spaced))
    return replace(plan, sizes=tuple(sorted(set(sizes))), draws=draws, seed=plan.seed + 1)


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

"""What a study's draws say about its laws: estimators fitted again to some of them and judged on others.

Each function gathers what the estimators need beside the draws and hands over to `dscale_core.validation`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dscale_core import sampling, validation
from dscale_core.errors import ArgumentError
from dscale_core.laws import evenly_spaced
from dscale_core.study.evidence import fit_halves, inputs_of
from dscale_core.types import Dataset, Draws, IntVector, Learner, default_utility

if TYPE_CHECKING:
    from dscale_core.validation import Convergence, Extrapolation, FormChoice, Reliability

__all__ = ["choose_form", "convergence", "extrapolation", "reliability"]

_SIZES = 3  # smallest, middle, largest
_FEWEST = 4  # draws that can be halved


def choose_form(dataset: Dataset, learner: Learner, draws: Draws, n_folds: int = 2) -> FormChoice:
    """Power or two-term law, per point and for the study, by held-out likelihood over whole passes."""
    groups = inputs_of(dataset, learner, draws, ())["groups"]
    return validation.choose_form(draws.delta, draws.sizes, draws.passes, groups, draws.points, n_folds)


def convergence(
    dataset: Dataset,
    learner: Learner,
    draws: Draws,
    held: Draws,
    methods: Sequence[str],
    max_points: int | None = None,
    counts: Sequence[int] = validation.COUNTS,
    on_progress: Callable[[float], object] | None = None,
) -> Convergence:
    """Accuracy of estimators on the first ``counts`` of the draws, held against the means of others."""
    few, few_held = _thinned(draws, held, max_points)
    inputs = inputs_of(dataset, learner, few, methods)
    found = validation.convergence(few, few_held, methods, counts, few.points.size, on_progress, **inputs)
    return replace(found, n_points_in_all=draws.points.size)


def extrapolation(
    dataset: Dataset,
    learner: Learner,
    draws: Draws,
    held: Draws,
    methods: Sequence[str],
    limit: float | None = None,
    max_points: int | None = None,
) -> Extrapolation:
    """Laws fitted to draws of at most ``limit`` points (None: the geometric mean size), judged at all sizes."""
    few, few_held = _thinned(draws, held, max_points)
    bound = validation.default_limit(few.sizes) if limit is None else limit
    below = np.flatnonzero(few.sizes <= bound)
    if below.size:  # else the limit is refused by the call below
        few = few.rows(below)
    inputs: dict[str, Any] = inputs_of(dataset, learner, few, methods if below.size else ())
    found = validation.extrapolation(few, few_held, methods, bound, few.points.size, **inputs)
    return replace(found, n_points_in_all=draws.points.size)


def reliability(
    dataset: Dataset,
    learner: Learner,
    draws: Draws,
    method: str,
    max_points: int | None = None,
    on_progress: Callable[[float], object] | None = None,
) -> Reliability | None:
    """Whether another measurement would give the same ψ_k, at three sizes; None where that would cost as much as one.

    Draws valued on fresh rows: laws by ``method`` of either half of the draws. On one fixed set: means on its blocks.
    Raises ArgumentError where the draws know no plan or are fewer than four.
    """
    if draws.plan is None:
        raise ArgumentError("draws", "know their plan", "draws put together by hand", "Pass what `sample` returned.")
    if draws.sizes.size < _FEWEST:
        raise ArgumentError("draws", f"be at least {_FEWEST} coalitions", draws.sizes.size, "Draw more, then ask again.")
    few, _ = _thinned(draws, draws, max_points)
    if draws.valuation == "fresh":
        first, second = fit_halves(dataset, learner, few, method, on_progress)
        sizes = _spread(max(first.min_size, second.min_size), min(first.max_size, second.max_size))
        one, other = (np.stack([laws.psi(k) for k in sizes]) for laws in (first, second))
        return validation.reliability_of_draws(one, other, sizes, draws.sizes.size)
    sizes, utility = _spread(draws.plan.min_size, draws.plan.max_size), draws.utility or default_utility(dataset.task)
    means = sampling.measure_blocks(dataset, learner, draws.plan, sizes, few.points, utility, on_progress=on_progress)
    return None if means is None else validation.reliability_of_rows(means, sizes, dataset.y_valuation.size)


def _spread(low: float, high: float) -> IntVector:
    return np.unique(np.rint(np.geomspace(low, high, _SIZES)).astype(np.int64))


def _thinned(draws: Draws, held: Draws, max_points: int | None) -> tuple[Draws, Draws]:
    """Both at so many points: what is not used need not be guided."""
    chosen = evenly_spaced(draws.points.size, validation.MAX_POINTS if max_points is None else max_points)
    return draws.columns(chosen), held.columns(chosen)

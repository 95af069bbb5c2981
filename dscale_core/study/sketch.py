"""A first picture of the exponents: quick laws of approximate draws before sampling, and of the exact draws so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dscale_core import sampling
from dscale_core.laws import fit_quickly
from dscale_core.sampling import Preview
from dscale_core.types import Dataset, Draws, Laws, Learner, SamplingPlan

__all__ = ["PlanSketch", "sketch_draws", "sketch_plan"]

_MOST_POINTS = 1000
_MOST_CELLS = 400_000  # draws that a picture is fitted to: a second of work


@dataclass(frozen=True, eq=False)
class PlanSketch:
    """Approximate draws of a plan, what is known of their error, and their laws."""

    preview: Preview
    laws: Laws


def sketch_plan(
    dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str, seconds: float = 0.5
) -> PlanSketch | None:
    """Laws of the learner's corrected surrogate on a plan's first coalitions; None where the learner has no surrogate.

    Raises what `sampling.check_plan` raises.
    """
    found = sampling.make_preview(dataset, learner, plan, utility, seconds=seconds, formula=False)
    return None if found is None else PlanSketch(found, _quick(dataset, found.draws))


def sketch_draws(dataset: Dataset, draws: Draws) -> Laws:
    """Laws of at most 1,000 of the points drawn, chosen at random and always the same."""
    most = int(np.clip(_MOST_CELLS // draws.sizes.size, 100, _MOST_POINTS))
    some = np.sort(np.random.default_rng(0).permutation(draws.points.size)[:most])
    return _quick(dataset, draws.columns(some))


def _quick(dataset: Dataset, draws: Draws) -> Laws:
    groups = dataset.y_pool[draws.points] if dataset.task == "classification" else None
    return replace(fit_quickly(draws.delta, draws.sizes, draws.passes, groups), points=draws.points)

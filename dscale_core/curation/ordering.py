"""All candidates in the order in which they would join: what selection curves are drawn from."""

from __future__ import annotations

import numpy as np

from dscale_core.curation.greedy import Task, chosen_steps
from dscale_core.curation.scoring import BLOCKS, Scorer, discounted, labelled_rows
from dscale_core.types import Dataset, IntVector, Learner, default_utility

__all__ = ["whole_order"]


def whole_order(
    dataset: Dataset,
    learner: Learner,
    current: IntVector,
    candidates: IntVector,
    seed: int = 0,
    value_on_candidates: bool = True,
) -> IntVector:
    """The candidates, (c,): first the list that `choose` would take without a budget, then the rest by their last scores.

    value_on_candidates : whether labelled candidates are valuation rows too, as for `choose`, or the valuation set alone
    """
    task = Task(dataset, "add", candidates.size, (current,), candidates, "free", seed)
    rows = labelled_rows(dataset, candidates if value_on_candidates else candidates[:0], BLOCKS, seed)
    scorer = Scorer(dataset, learner, default_utility(dataset.task), rows)
    chosen = np.array([step.point for step in chosen_steps(task, scorer)], dtype=np.int64)
    rest = np.setdiff1d(candidates, chosen)
    if rest.size == 0:
        return chosen
    points, gains = scorer.added([np.union1d(current, chosen)], rest)
    ranked = points[np.argsort(-discounted(gains), kind="stable")]
    return np.concatenate([chosen, ranked, np.setdiff1d(rest, ranked)])

"""All candidates in the order in which they would join: what selection curves are drawn from.

First the list, greedily; what is left is ordered from its end: who harms the whole most joins last. Scores of single points
at the end of the list would not do for the rest, which changes what a point is worth as much as the list did. Where rows are
too few to tell an order from random points, it is random: a greedy one would follow these few rows alone.
"""

from __future__ import annotations

import numpy as np

from dscale_core.curation.greedy import Task, chosen_steps
from dscale_core.curation.parts import FOLDS, fold_of
from dscale_core.curation.promise import losses_by_block
from dscale_core.curation.scoring import BLOCKS, LabelledRows, Scorer, discounted, labelled_rows
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector, Learner, default_utility

__all__ = ["trusted_length", "whole_order"]

_RANDOM = 4  # orders beside each fold's own
_LOOKS = 16  # numbers of points at which orders are held against random ones
_AT_ONCE = 0.05  # of those that are left, ordered before all are looked at again


def whole_order(
    dataset: Dataset,
    learner: Learner,
    current: IntVector,
    candidates: IntVector,
    seed: int = 0,
    value_on_candidates: bool = True,
) -> IntVector:
    """The candidates, (c,): first the list that `choose` would take without a budget, then the others, harmful ones last;
    at random from where rows that did not choose do not say that this is better.

    value_on_candidates : whether labelled candidates are valuation rows too, as for `choose`, or the valuation set alone
    """
    task = Task(dataset, "add", candidates.size, (current,), np.sort(candidates), "free", seed)
    rows = labelled_rows(dataset, candidates if value_on_candidates else candidates[:0], BLOCKS, seed)
    ordering = _Ordering(learner, default_utility(dataset.task))
    sizes = np.unique(np.rint(np.geomspace(1, candidates.size, _LOOKS)).astype(np.int64))
    over = np.concatenate([ordering.over_random(task, rows, fold, sizes) for fold in range(FOLDS)], axis=1)
    order = ordering.ordered(task, rows)
    trusted = trusted_length(over, sizes)
    rest = np.random.default_rng([seed, 6]).permutation(order[trusted:])
    return np.concatenate([order[:trusted], rest])


def trusted_length(over: FloatMatrix, sizes: IntVector) -> int:
    """How many points of an order to take, from what it gained beyond random ones after ``sizes`` points, (sizes, b).

    The number up to which the mean gain, less one standard error, adds up to most.
    """
    certain = over.mean(axis=1) - over.std(axis=1, ddof=1) / np.sqrt(over.shape[1])
    total = np.cumsum(certain * np.diff(sizes, prepend=0))
    best = int(np.argmax(total))
    return int(sizes[best]) if total[best] > 0 else 0


class _Ordering:
    """Orders by one learner and utility."""

    def __init__(self, learner: Learner, utility: str) -> None:
        self._learner, self._utility = learner, utility

    def ordered(self, task: Task, rows: LabelledRows) -> IntVector:
        """All candidates: the greedy list on some rows, then the others, who harms all together most last."""
        scorer = Scorer(task.dataset, self._learner, self._utility, rows)
        chosen = np.array([step.point for step in chosen_steps(task, scorer)], dtype=np.int64)
        left, behind = np.setdiff1d(task.candidates, chosen), [np.empty(0, dtype=np.int64)]
        while left.size > 1:
            everyone = np.unique(np.concatenate([*task.sets, chosen, left]))
            points, gains = scorer.dropped_roughly([everyone], left)
            worst = points[np.lexsort((points, -discounted(gains)))[: int(np.ceil(_AT_ONCE * left.size))]]
            behind.insert(0, worst[::-1])
            left = np.setdiff1d(left, worst)
        return np.concatenate([chosen, left, *behind])

    def over_random(self, task: Task, rows: LabelledRows, number: int, sizes: IntVector) -> FloatMatrix:
        """By block of a fold that did not choose: what the first points gained beyond as many random ones, (sizes, b)."""
        fold = fold_of(task, rows, number)
        generator, free = np.random.default_rng([task.seed, 7, number]), fold.task.candidates
        orders = [self.ordered(fold.task, fold.choosing), *(generator.permutation(free) for _ in range(_RANDOM))]
        valued = fold.judges.cut()

        def losses(joining: IntVector) -> FloatVector:
            return losses_by_block(task, self._learner, self._utility, np.union1d(task.sets[0], joining), valued)

        found = np.array([[losses(order[:size]) for size in sizes] for order in orders])
        return np.asarray(found[1:].mean(axis=0) - found[0])

"""The labelled rows that a coalition leaves unused, and who is among those that it is valued on.

Rows are numbered through: the valuation set first, then the pool; the test set is no part of it. Coalition j is valued on
rows drawn from what it leaves, by a generator of (seed, j) alone, so that draws do not depend on workers, chunks or resumes.
A point that is one of these rows would be judged by how well the model learns the point itself, and so would its equals: it
is *taken*, and has no draw there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscale_core.identities import row_identities
from dscale_core.sampling.coalitions import quotas
from dscale_core.types import Dataset, FloatVector, IntVector, SamplingPlan, ValuationRows

__all__ = ["ChosenRows", "UnusedRows", "shares_taken"]

_STREAM = (0, 1)  # after (seed, j): apart from the permutations of coalitions, whose keys are (seed, pass)


@dataclass(frozen=True, eq=False)
class ChosenRows:
    """Rows that one coalition is valued on, in blocks of these numbers (b,); taken (b, n): pool points that equal one."""

    rows: ValuationRows
    taken: NDArray[np.bool_]
    numbers: IntVector


class UnusedRows:
    """What the coalitions of a plan leave of a dataset's valuation set and pool."""

    def __init__(self, dataset: Dataset, plan: SamplingPlan) -> None:
        self._dataset, self._seed, self._n_drawn = dataset, plan.seed, plan.valuation_rows
        self._held_out = int(dataset.y_valuation.size)
        stratified = plan.stratify and dataset.task == "classification"
        labels = np.concatenate([dataset.y_valuation, dataset.y_pool])
        self._strata = labels if stratified else np.zeros(labels.size, dtype=np.int64)
        self._identities = row_identities(dataset)
        self._known_parts: dict[int, IntVector] = {}

    def drawn(self, j: int, members: IntVector) -> ChosenRows:
        """The plan's number of rows for coalition j, classes in proportion where the plan is stratified; one block."""
        generator, unused = self._generator(j), self._unused(members)
        codes, of_row = np.unique(self._strata[unused], return_inverse=True)
        groups = [unused[of_row == code] for code in range(codes.size)]
        takes = quotas(self._n_drawn, np.array([group.size for group in groups]))
        chosen = [generator.choice(group, take, replace=False) for group, take in zip(groups, takes, strict=True)]
        return self._chosen([np.sort(np.concatenate(chosen))])

    def spread(self, j: int, members: IntVector, most: int, n_blocks: int) -> ChosenRows:
        """All rows that coalition j leaves, ``most`` at random where there are more, in blocks that are the plan's.

        A row is in the same block for every coalition, equals together: what blocks have of their own does not average out
        over coalitions.
        """
        shuffled = self._generator(j).permutation(self._unused(members))[:most]
        of_row = self._parts(n_blocks)[shuffled]
        return self._chosen([np.sort(shuffled[of_row == block]) for block in range(n_blocks)])

    def all(self) -> ValuationRows:
        """The valuation set and the pool, one block."""
        return self._rows([np.arange(self._strata.size)])

    def equals(self, points: IntVector) -> IntVector:
        """How many of all rows equal each point, itself among them, (p,)."""
        return np.asarray(np.bincount(self._identities)[self._identities[self._held_out + points]])

    def _parts(self, n: int) -> IntVector:
        """Which of n parts each row is in, by lot."""
        if n not in self._known_parts:
            kinds = int(self._identities.max()) + 1
            self._known_parts[n] = (self._generator(0).permutation(kinds) % n)[self._identities]
        return self._known_parts[n]

    def _generator(self, j: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, j, *_STREAM])

    def _unused(self, members: IntVector) -> IntVector:
        free = np.ones(self._strata.size, dtype=np.bool_)
        free[self._held_out + members] = False
        return np.flatnonzero(free)

    def _chosen(self, blocks: list[IntVector]) -> ChosenRows:
        numbers = np.flatnonzero([block.size for block in blocks])
        blocks = [blocks[number] for number in numbers]
        of_pool = self._identities[self._held_out :]
        taken = np.empty((len(blocks), of_pool.size), dtype=np.bool_)
        for b, block in enumerate(blocks):
            present = np.zeros(self._identities.max() + 1, dtype=np.bool_)
            present[self._identities[block]] = True
            taken[b] = present[of_pool]
        return ChosenRows(self._rows(blocks), taken, numbers)

    def _rows(self, blocks: list[IntVector]) -> ValuationRows:
        chosen = np.concatenate(blocks)
        held_out, inside = chosen < self._held_out, chosen - self._held_out
        X = np.empty((chosen.size, self._dataset.n_features))
        X[held_out], X[~held_out] = self._dataset.X_valuation[chosen[held_out]], self._dataset.X_pool[inside[~held_out]]
        y = np.empty(chosen.size, dtype=self._dataset.y_pool.dtype)
        y[held_out], y[~held_out] = self._dataset.y_valuation[chosen[held_out]], self._dataset.y_pool[inside[~held_out]]
        starts = np.cumsum([0, *(block.size for block in blocks[:-1])])
        return ValuationRows(X, y, starts)


def shares_taken(dataset: Dataset, plan: SamplingPlan, points: IntVector) -> FloatVector:
    """Of the plan's largest coalitions: the share whose fresh rows hold each point or an equal of it, (p,)."""
    left = dataset.y_valuation.size + dataset.n_points - plan.max_size
    equals = UnusedRows(dataset, plan).equals(points)
    return np.asarray(1 - np.maximum(1 - plan.valuation_rows / left, 0.0) ** equals)

"""A learner bound to a plan: every coalition with the engine that values it on the rows that are its own.

Under a plan of fresh valuation rows the engine of coalition j is the learner's on these rows, and says NaN for points that
are among them. Under one of a fixed valuation set it is the learner's engine itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np

from dscale_core.sampling.block_means import valuation_blocks
from dscale_core.sampling.coalitions import Coalitions
from dscale_core.sampling.plan import resolve_plan, valued_points
from dscale_core.sampling.row_scatter import RowScatter
from dscale_core.sampling.unused_rows import ChosenRows, UnusedRows
from dscale_core.types import (
    BlockContributions,
    BlockEngine,
    BlockSurrogate,
    Contributions,
    Dataset,
    Engine,
    IntVector,
    Learner,
    SamplingPlan,
    ValuationRows,
)

__all__ = ["BoundPlan"]

# The surrogate's price grows with its rows, while its means are over hundreds of coalitions, each with other ones: more
# add nothing that can be measured. A point loses one block of the sixteen, the same for all coalitions; of fewer blocks it
# would lose more.
_MOST_SPREAD, _BLOCKS = 4_000, 16
_LEAST_ROWS = 2  # of a block of the valuation set
ByBlock: TypeAlias = Callable[[IntVector, IntVector, ValuationRows], BlockContributions]


class BoundPlan:
    """What values the coalitions of a plan; ``plan`` is the one given, made definite, ``points`` (p,) those it values."""

    def __init__(self, dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str) -> None:
        self.plan = resolve_plan(dataset, learner, plan, utility)
        self.coalitions, self.points = Coalitions(dataset, plan), valued_points(dataset, plan)
        self.engine = learner.bind(dataset, utility)
        self._dataset, self._learner, self._utility = dataset, learner, utility
        self._unused = UnusedRows(dataset, self.plan) if self.plan.valuation == "fresh" else None

    def engine_of(self, j: int) -> Engine:
        """The exact engine of coalition j."""
        if self._unused is None:
            return self.engine
        return _OnRows(self._by_block, self._unused.drawn(j, self.coalitions.members(j)))

    def surrogate_of(self, j: int) -> Engine | None:
        """The surrogate of coalition j on the very rows of its exact engine; None where the learner has none."""
        if self._unused is None:
            return self._surrogate
        if self._block_surrogate is None:
            return None
        return _OnRows(self._block_surrogate.by_block, self._unused.drawn(j, self.coalitions.members(j)))

    def spread_surrogate_of(self, j: int, seen: RowScatter | None = None) -> Engine | None:
        """The surrogate of coalition j on all rows that it leaves, up to 4,000; None where the learner has none.

        ``seen`` is told what it says on each block of the rows, where they are in blocks.
        """
        if self._unused is None:
            return self._surrogate
        if self._block_surrogate is None:
            return None
        chosen = self._unused.spread(j, self.coalitions.members(j), _MOST_SPREAD, _BLOCKS)
        return _OnRows(self._block_surrogate.by_block, chosen, seen)

    def tell_blocks(self, j: int, points: IntVector, seen: RowScatter) -> None:
        """Tell ``seen`` what ``points`` contribute to coalition j on each of `n_blocks` blocks of all rows there are.

        By the surrogate where the learner has one, else by the exact engine.
        """
        members = self.coalitions.members(j)
        by_block = self._by_block if self._block_surrogate is None else self._block_surrogate.by_block
        if self._unused is not None:
            chosen = self._unused.spread(j, members, _MOST_SPREAD, _BLOCKS)
            _OnRows(by_block, chosen, seen).contributions(members, points)
            return
        if self._block_surrogate is not None or isinstance(self.engine, BlockEngine):
            delta = by_block(members, points, self._valuation_blocks).delta
        else:
            delta = np.stack([engine.contributions(members, points).delta for engine in self._engines], axis=1)
        seen.add(members.size, np.arange(points.size), np.arange(delta.shape[1]), delta)

    @property
    def n_blocks(self) -> int:
        """Blocks of all rows there are; fewer than sixteen where there are fewer than two rows for each."""
        if self._unused is not None:
            return _BLOCKS
        return min(_BLOCKS, self._dataset.y_valuation.size // _LEAST_ROWS)

    def dataset_of(self, j: int) -> Dataset:
        """The dataset with the rows of coalition j as its valuation set: what independent refits measure on."""
        if self._unused is None:
            return self._dataset
        rows = self._unused.drawn(j, self.coalitions.members(j)).rows
        return replace(self._dataset, X_valuation=rows.X, y_valuation=rows.y)

    @cached_property
    def _valuation_blocks(self) -> ValuationRows:
        return valuation_blocks(self._dataset, self.n_blocks, self.plan.seed)

    @cached_property
    def _engines(self) -> list[Engine]:
        """One engine for each block of the valuation set, for learners whose engines keep to the rows they were made for."""
        rows = self._valuation_blocks
        parts = [replace(self._dataset, X_valuation=rows.X[block], y_valuation=rows.y[block]) for block in rows.slices]
        return [self._learner.bind(part, self._utility) for part in parts]

    @cached_property
    def _surrogate(self) -> Engine | None:
        return self._learner.surrogate(self._dataset, self._utility)

    @cached_property
    def _block_surrogate(self) -> BlockSurrogate | None:
        return self._learner.block_surrogate(self._dataset, self._utility)

    def _by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        return self._learner.block_contributions(self._dataset, coalition, points, rows, self._utility)


@dataclass(frozen=True, eq=False)
class _OnRows:
    """An engine of one coalition: each point is valued on those blocks of rows that hold no equal of it."""

    by_block: ByBlock
    chosen: ChosenRows
    seen: RowScatter | None = None

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``; NaN also where every block holds an equal."""
        weights = np.where(self.chosen.taken[:, points].T, 0.0, self.chosen.rows.shares)
        total = weights.sum(axis=1)
        asked = np.flatnonzero(total)
        found = self.by_block(coalition, points[asked], self.chosen.rows)
        delta = np.full(points.size, np.nan)
        delta[asked] = (found.delta * weights[asked]).sum(axis=1) / total[asked]
        if self.seen is not None:
            self.seen.add(coalition.size, asked, self.chosen.numbers, np.where(weights[asked] > 0, found.delta, np.nan))
        return Contributions(delta, float(found.base_loss @ self.chosen.rows.shares))

"""What candidates would gain for a training set: block by block of valuation rows, exactly, screened where there are many.

Rows are the valuation set and, where wanted, the candidates themselves, in blocks. A candidate is never valued on its
own row: the block that holds it does not count for it. Where candidates are many, some of them are rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dscale_core.identities import row_identities
from dscale_core.types import (
    BlockContributions,
    BlockSurrogate,
    Dataset,
    FloatMatrix,
    FloatVector,
    IntVector,
    Learner,
    ValuationRows,
)

__all__ = [
    "BLOCKS",
    "FEW",
    "MANY",
    "ROUND",
    "SHORTLIST",
    "LabelledRows",
    "Memory",
    "Scorer",
    "discounted",
    "labelled_rows",
    "same_records",
]

BLOCKS = 10  # of rows, whose scatter is a gain's error
FEW = 256  # candidates that are always valued exactly, all of them
MANY = 4096  # that are always screened, all of them
SHORTLIST = 48  # who is valued exactly after a screening
ROUND = 8  # steps after which all are looked at again where they are more
_MOST_ROWS = 8000  # candidates that are rows too: more would hardly narrow a gain, and each costs
_FITS = 64  # points that are fits, between two pulses; speed alone
_Valued: TypeAlias = Callable[[IntVector, IntVector, ValuationRows], BlockContributions]


@dataclass(frozen=True, eq=False)
class Memory:
    """What a scorer remembers from step to step: each pool point's score when last looked at, (n,), and its looks.

    With it another scorer goes on where one stopped, to the bit.
    """

    known: FloatVector
    looks: int


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows to value on: X (v, d), y (v,), block (v,), point (v,) pool index, or -1 for a row of the valuation set."""

    X: FloatMatrix
    y: np.ndarray
    block: IntVector
    point: IntVector

    def of_blocks(self, chosen: IntVector) -> LabelledRows:
        """The rows of some blocks alone."""
        return self._where(np.isin(self.block, chosen))

    def without(self, points: IntVector) -> LabelledRows:
        """The rows that are none of these pool points."""
        return self._where(~np.isin(self.point, points))

    def cut(self) -> ValuationRows:
        """All rows, sorted by block."""
        order = np.argsort(self.block, kind="stable")
        starts = np.unique(self.block[order], return_index=True)[1].astype(np.int64)
        return ValuationRows(np.ascontiguousarray(self.X[order]), self.y[order], starts)

    def _where(self, kept: np.ndarray) -> LabelledRows:
        return LabelledRows(self.X[kept], self.y[kept], self.block[kept], self.point[kept])


def labelled_rows(dataset: Dataset, beside: IntVector, n_blocks: int, seed: int) -> LabelledRows:
    """The valuation set and the pool points ``beside``, 8,000 of them at most, in blocks of equal sizes, by seed."""
    generator = np.random.default_rng([seed, 1])
    if beside.size > _MOST_ROWS:
        beside = np.sort(generator.choice(beside, _MOST_ROWS, replace=False))
    v = dataset.y_valuation.size
    # a record and its copies stay together: a candidate must not be valued on itself under another number
    record = same_records(dataset, beside)
    groups = int(record.max(initial=-1)) + 1
    blocks = np.concatenate([generator.permutation(v) % n_blocks, (generator.permutation(groups) % n_blocks)[record]])
    points = np.concatenate([np.full(v, -1), beside])
    X = np.concatenate([dataset.X_valuation, dataset.X_pool[beside]])
    y = np.concatenate([dataset.y_valuation, dataset.y_pool[beside]])
    return LabelledRows(X, y, blocks.astype(np.int64), points.astype(np.int64))


def same_records(dataset: Dataset, points: IntVector) -> IntVector:
    """A number for each point, (p,), equal where features and label are; counted from 0."""
    of_pool = row_identities(dataset)[dataset.y_valuation.size :]
    return np.unique(of_pool[points], return_inverse=True)[1].astype(np.int64)


class Scorer:
    """Gains of candidates, averaged over training sets, on one choice of rows.

    memory : of an earlier scorer, to go on from; ``on_fits``, where it is set, is called between fits, also within a step
    """

    def __init__(
        self,
        dataset: Dataset,
        learner: Learner,
        utility: str,
        rows: LabelledRows,
        memory: Memory | None = None,
    ) -> None:
        self._dataset, self._learner, self._utility = dataset, learner, utility
        self._surrogate = learner.block_surrogate(dataset, utility)
        self._all = rows.cut()
        own = rows.point >= 0
        self._own_block = np.full(dataset.n_points, -1)  # of who is a row: the place of its block among those there are
        self._own_block[rows.point[own]] = np.searchsorted(np.unique(rows.block), rows.block[own])
        self._known = np.full(dataset.n_points, np.inf) if memory is None else memory.known.copy()
        self.looks = 0 if memory is None else memory.looks
        self.on_fits: Callable[[], object] | None = None

    @property
    def memory(self) -> Memory:
        """What it remembers by now."""
        return Memory(self._known.copy(), self.looks)

    def added(self, sets: Sequence[IntVector], candidates: IntVector) -> tuple[IntVector, FloatMatrix]:
        """Candidates worth a close look, and their exact gains by block, (s, b)."""
        some = candidates
        if candidates.size > FEW:
            some = self._looked_at(candidates, FEW if self._surrogate is None else MANY)
            if self._surrogate is not None:
                some = self._shortlist(some, self._apart(sets, some, self._surrogate.by_block))
        gains = self._apart(sets, some, self._exactly)
        return some, self._remembered(some, gains)

    def dropped(self, sets: Sequence[IntVector], members: IntVector) -> tuple[IntVector, FloatMatrix]:
        """Members worth a close look, and by block what leaving each out gains, (s, b), by a fit each."""
        some = members
        if members.size > SHORTLIST:
            if self._surrogate is None:
                some = self._looked_at(members, SHORTLIST)
            else:
                some = self._shortlist(members, self._about_left_out(sets, members, self._surrogate))
        gains: FloatMatrix = np.mean([self._left_out(own, some) for own in sets], axis=0)
        return some, self._remembered(some, self._unheard(some, gains))

    def dropped_roughly(self, sets: Sequence[IntVector], members: IntVector) -> tuple[IntVector, FloatMatrix]:
        """The same without a fit for each, of all members, where the learner has a surrogate."""
        if self._surrogate is None:
            return self.dropped(sets, members)
        return members, self._about_left_out(sets, members, self._surrogate)

    def _about_left_out(self, sets: Sequence[IntVector], members: IntVector, surrogate: BlockSurrogate) -> FloatMatrix:
        rough = np.mean([surrogate.left_out(own, members, self._all).delta for own in sets], axis=0)
        return self._unheard(members, rough)

    def _looked_at(self, some: IntVector, most: int) -> IntVector:
        """All of them now and then; between, those that were best when last looked at."""
        if self.looks % ROUND == 0 or some.size <= most:
            return some
        return np.sort(some[np.argsort(-self._known[some], kind="stable")[:most]])

    def _shortlist(self, some: IntVector, rough: FloatMatrix) -> IntVector:
        score = discounted(rough)
        self._known[some] = score
        return np.sort(some[np.argsort(-score, kind="stable")[:SHORTLIST]])

    def _remembered(self, some: IntVector, gains: FloatMatrix) -> FloatMatrix:
        self._known[some] = discounted(gains)
        self.looks += 1
        return gains

    def _apart(self, sets: Sequence[IntVector], candidates: IntVector, value: _Valued) -> FloatMatrix:
        """Mean gains over the sets, (s, b); NaN in a candidate's own block."""
        return self._unheard(candidates, np.mean([value(own, candidates, self._all).delta for own in sets], axis=0))

    def _unheard(self, points: IntVector, gains: FloatMatrix) -> FloatMatrix:
        """Gains (s, b) without what a point's own block says of it."""
        block = self._own_block[points]
        gains[block >= 0, block[block >= 0]] = np.nan
        return gains

    def _exactly(self, own: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        # an engine shares the base among all; where each is a fit, one base more for some of them is little
        length = points.size if self._learner.exact else _FITS
        found = [
            self._learner.block_contributions(self._dataset, own, some, rows, self._utility)
            for some in self._in_turn(points, length)
        ]
        return BlockContributions(np.concatenate([each.delta for each in found]), found[0].base_loss)

    def _left_out(self, own: IntVector, members: IntVector) -> FloatMatrix:
        found = [
            self._learner.left_out(self._dataset, own, some, self._all, self._utility)
            for some in self._in_turn(members, _FITS)
        ]
        return np.concatenate([each.delta for each in found])

    def _in_turn(self, points: IntVector, length: int) -> Iterator[IntVector]:
        """So many points at a time, at least once, with a pulse before each."""
        for start in range(0, max(points.size, 1), max(length, 1)):
            if self.on_fits:
                self.on_fits()
            yield points[start : start + length]


def discounted(gains: FloatMatrix) -> FloatVector:
    """Mean over the blocks that count (not NaN) less one standard error, (s,); the mean itself of one block alone."""
    known = np.isfinite(gains)
    n = known.sum(axis=1)
    mean = np.where(known, gains, 0.0).sum(axis=1) / n
    apart = np.where(known, gains - mean[:, None], 0.0)
    return np.asarray(mean - np.sqrt((apart**2).sum(axis=1) / np.maximum(n - 1, 1) / n))

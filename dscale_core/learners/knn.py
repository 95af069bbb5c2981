"""Nearest neighbours: exact contributions of all points from one walk down each valuation point's list.

The K nearest members of D vote with weight 1/distance (or 1). A candidate z changes the prediction at v only where it comes
before the K-th member, and there it takes that member's place:

    p'_c = (A_c + w_z [y_z = c]) / (S + w_z),    A_c, S over the K - 1 nearest.

Nothing is subtracted from a sum, so nothing cancels. The pool's points are sorted once by their distance to each valuation
point; a coalition then costs a walk down each list to the K-th member, about K n / k places, and the candidates met on the
way are just those that matter. Regression is the same with targets in place of classes.

Conventions, where scikit-learn leaves a choice:

- **Smoothing** (classification): p = (p m + e) / (m + e c) with m neighbours, c classes, and e = 0.5 as Krichevsky and
  Trofimov take it. Without it a row whose class has no vote costs log 0; different e > 0 rank contributions almost alike.
- **Zero distance**: where a neighbour coincides with v, only such neighbours vote, each alike, as in scikit-learn.
- **Ties** for the K-th place go to the lower pool index. scikit-learn takes whichever its search meets first.
- **Fewer members than K**: all vote (scikit-learn refuses), and each candidate joins them.

Distances are sums of squared differences in float64: the quicker expansion through inner products puts a duplicate at 1e-8
instead of zero. Lists take 12 bytes a pair; beyond `_LIST_BYTES` only the nearest part of each is kept, and a row whose part
is too short for a coalition is sorted anew: slower, the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase, blocks, loss
from dscale_core.learners.compiled import knn_kernels as kernels
from dscale_core.types import (
    BlockContributions,
    Contributions,
    Dataset,
    FloatMatrix,
    FloatVector,
    IntVector,
    Task,
    ValuationRows,
)

__all__ = ["KNN"]

# Kept for the sorted lists of one dataset: half a gigabyte, which is 45,000 pool points for 1,000 of valuation. What is cut
# changes nothing: test_knn.py::test_lists_cut_short_change_nothing
_LIST_BYTES = 2**29
_PAIR_BYTES = 12  # an index (int32) and a distance (float64)
_SORT_BYTES = 2**25  # distances sorted together, 32 MB; speed alone


@dataclass(frozen=True)
class KNN(LearnerBase):
    """K nearest neighbours, weighted by inverse distance or alike, with smoothed probabilities."""

    name: ClassVar[str] = "knn"
    task: ClassVar[Task | Literal["any"]] = "any"
    exact: ClassVar[bool] = True

    n_neighbors: int = 50
    weights: str = "distance"
    smoothing: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.n_neighbors, bool) or not isinstance(self.n_neighbors, int) or self.n_neighbors < 1:
            raise ArgumentError("n_neighbors", "be a whole number of at least 1", self.n_neighbors, "Use n_neighbors=50.")
        if self.weights not in ("distance", "uniform"):
            required = 'be "distance" or "uniform"'
            raise ArgumentError("weights", required, repr(self.weights), 'Use "distance".')
        if not (np.isfinite(self.smoothing) and self.smoothing >= 0):
            raise ArgumentError("smoothing", "be zero or positive", self.smoothing, "Use smoothing=0.5; 0 takes none.")

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) from all distances to the members, sorted for each valuation point."""
        return loss(utility, _reference_predictions(self, dataset, np.sort(coalition)), dataset.y_valuation)

    def _build(self, dataset: Dataset, utility: str) -> KNNEngine:
        return KNNEngine(self, dataset, utility)


class KNNEngine:
    """Exact contributions for one dataset and utility."""

    def __init__(self, learner: KNN, dataset: Dataset, utility: str) -> None:
        self._classes, self._X, self._y = len(dataset.class_names), dataset.X_pool, dataset.y_pool
        self._lists = _lists_of(dataset)
        self._on_rows: WeakKeyDictionary[ValuationRows, _Lists] = WeakKeyDictionary()
        self._pool, self._rows = _labels(dataset.y_pool, self._classes), _labels(dataset.y_valuation, self._classes)
        by_distance = learner.weights == "distance"
        code, smoothing = kernels.UTILITY_CODES[utility], float(learner.smoothing)
        self._rule = kernels.Rule(code, max(self._classes, 1), learner.n_neighbors, by_distance, smoothing)

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``; see `types.Contributions`."""
        state = _state(self._pool.code.size, coalition, points)
        change, base = self._walked(self._lists, self._pool, self._rows, state)
        delta = np.where(state[points] == kernels.MEMBER, np.nan, -change[points] / base.size)
        return Contributions(delta, float(base.mean()))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        n = self._pool.code.size
        if points.size and _Lists.depth(n, rows.y.size) == n:
            if rows not in self._on_rows:
                self._on_rows[rows] = _Lists.sorted(self._X, rows.X)
            return self._by_block(self._on_rows[rows], self._pool, coalition, points, rows)
        # a few points of a large pool, or nobody: their own lists are short. In the pool's order, which breaks ties
        some = np.union1d(coalition, points)
        at, own = np.searchsorted(some, coalition), np.searchsorted(some, points)
        lists, labels = _Lists.sorted(self._X[some], rows.X), _labels(self._y[some], self._classes)
        return self._by_block(lists, labels, at, own, rows)

    def predict(self, coalition: IntVector, X: FloatMatrix) -> NDArray[np.float64]:
        """Probabilities or values; see `types.PredictingEngine`."""
        members, most = np.sort(coalition), self._rule.n_neighbors
        answers = np.eye(max(self._classes, 1))[self._pool.code[members]] * self._pool.value[members, None]
        out = np.empty((X.shape[0], answers.shape[1]))
        for rows, order, distance in _sorted(self._X[members], X, np.arange(X.shape[0])):
            weight = self._weights(distance[:, :most])
            out[rows] = np.einsum("vk,vkc->vc", weight, answers[order[:, :most]]) / weight.sum(axis=1, keepdims=True)
        if not self._classes:
            return np.asarray(out[:, 0])
        votes, smoothing = min(most, members.size), self._rule.smoothing
        return (out * votes + smoothing) / (votes + self._classes * smoothing)

    def _weights(self, distance: FloatMatrix) -> FloatMatrix:
        """Weights of neighbours, (v, K), by the conventions of the module's docstring."""
        if not self._rule.by_distance:
            return np.ones(distance.shape)
        with np.errstate(divide="ignore", over="ignore"):
            weight = 1.0 / distance
        same = np.isinf(weight)
        return np.where(same.any(axis=1, keepdims=True), same.astype(np.float64), weight)

    def left_out(self, coalition: IntVector, members: IntVector, rows: ValuationRows) -> BlockContributions:
        """The loss saved by leaving each of ``members`` out: a walk each down the members' own lists, sorted once."""
        members_sorted = np.sort(coalition)
        lists = _Lists.sorted(self._X[members_sorted], rows.X)
        labels, nobody = _labels(self._y[members_sorted], self._classes), np.empty(0, dtype=np.int64)
        everyone = np.arange(coalition.size)

        def losses(some: IntVector) -> FloatVector:
            return self._by_block(lists, labels, some, nobody, rows).base_loss

        base = losses(everyone)
        left = [losses(np.delete(everyone, at)) for at in np.searchsorted(members_sorted, members)]
        return BlockContributions(base - np.reshape(left, (members.size, base.size)), base)

    def _by_block(
        self, lists: _Lists, labels: kernels.Labels, coalition: IntVector, points: IntVector, rows: ValuationRows
    ) -> BlockContributions:
        """Coalition and points as numbers of those whose lists these are."""
        state, valued = _state(labels.code.size, coalition, points), _labels(rows.y, self._classes)
        delta, base_loss = np.empty((points.size, rows.starts.size)), np.empty(rows.starts.size)
        for b, block in enumerate(rows.slices):
            own = kernels.Labels(valued.code[block], valued.value[block])
            change, base = self._walked(lists.of_rows(block), labels, own, state)
            delta[:, b] = np.where(state[points] == kernels.MEMBER, np.nan, -change[points] / base.size)
            base_loss[b] = base.mean()
        return BlockContributions(delta, base_loss)

    def _walked(
        self, lists: _Lists, labels: kernels.Labels, valued: kernels.Labels, state: NDArray[np.int8]
    ) -> tuple[FloatVector, FloatVector]:
        """Loss change by each point, summed over the rows, and each row's own loss."""
        change, base = np.zeros(state.size), np.empty(valued.code.size)
        kernels.add_changes(lists.order, lists.distance, state, labels, valued, self._rule, change, base)
        for rows, order, distance in lists.anew(np.flatnonzero(np.isnan(base))):
            own, part = kernels.Labels(valued.code[rows], valued.value[rows]), np.empty(rows.size)
            kernels.add_changes(order, distance, state, labels, own, self._rule, change, part)
            base[rows] = part
        return change, base


def _state(n: int, coalition: IntVector, points: IntVector) -> NDArray[np.int8]:
    state = np.zeros(n, dtype=np.int8)
    state[points] = kernels.WANTED
    state[coalition] = kernels.MEMBER
    return state


@dataclass(frozen=True, eq=False)
class _Lists:
    """Points sorted by distance, then index, for every valuation row: the nearest part, as far as memory allows."""

    pool: FloatMatrix
    valuation: FloatMatrix
    order: NDArray[np.int32]
    distance: FloatMatrix

    @staticmethod
    def depth(n: int, v: int) -> int:
        """How many of n points a list holds beside v - 1 others."""
        return max(min(n, _LIST_BYTES // (_PAIR_BYTES * v)), 1)

    @classmethod
    def sorted(cls, X_pool: FloatMatrix, X_valuation: FloatMatrix) -> _Lists:
        """The lists of all valuation rows."""
        v, n = X_valuation.shape[0], X_pool.shape[0]
        depth = cls.depth(n, v)
        lists = cls(X_pool, X_valuation, np.empty((v, depth), dtype=np.int32), np.empty((v, depth)))
        for rows, order, distance in lists.anew(np.arange(v)):
            lists.order[rows], lists.distance[rows] = order[:, :depth], distance[:, :depth]
        return lists

    def of_rows(self, part: slice) -> _Lists:
        """The lists of consecutive rows."""
        return _Lists(self.pool, self.valuation[part], self.order[part], self.distance[part])

    def anew(self, rows: IntVector) -> Iterator[tuple[IntVector, NDArray[np.int32], FloatMatrix]]:
        """Whole lists of some valuation points, a few at a time: (rows, order, distance)."""
        return _sorted(self.pool, self.valuation, rows)


def _sorted(
    pool: FloatMatrix, valuation: FloatMatrix, rows: IntVector
) -> Iterator[tuple[IntVector, NDArray[np.int32], FloatMatrix]]:
    """``pool`` by distance, then place, from the valuation points at ``rows``, a few at a time: (rows, order, distance)."""
    n = pool.shape[0]
    for some in blocks(rows, max(_SORT_BYTES // (8 * n), 1)):
        found = np.empty((some.size, n))
        kernels.distances(valuation[some], pool, found)
        order = np.argsort(found, axis=1)
        ranked = np.take_along_axis(found, order, axis=1)
        # the stable sort is several times slower: only rows with ties need it
        tied = np.flatnonzero((ranked[:, 1:] == ranked[:, :-1]).any(axis=1))
        order[tied] = np.argsort(found[tied], axis=1, kind="stable")
        yield some, order.astype(np.int32), ranked


# lists depend on the data alone: all parameters and utilities share them
_lists: WeakKeyDictionary[Dataset, _Lists] = WeakKeyDictionary()


def _lists_of(dataset: Dataset) -> _Lists:
    if dataset not in _lists:
        _lists[dataset] = _Lists.sorted(dataset.X_pool, dataset.X_valuation)
    return _lists[dataset]


def _labels(y: NDArray[Any], n_classes: int) -> kernels.Labels:
    if n_classes:
        return kernels.Labels(y.astype(np.int64), np.ones(y.size))
    return kernels.Labels(np.zeros(y.size, dtype=np.int64), y.astype(np.float64))


def _reference_predictions(learner: KNN, dataset: Dataset, members: IntVector) -> NDArray[np.float64]:
    """Probabilities (v, classes) or values (v,), one valuation point after the other; ``members`` ascend."""
    X, y, classes = dataset.X_pool[members], dataset.y_pool[members], len(dataset.class_names)
    answers = np.eye(classes)[y] if classes else y[:, None]
    out = np.empty((dataset.X_valuation.shape[0], answers.shape[1]))
    for v, x in enumerate(dataset.X_valuation):
        distance = np.sqrt(np.sum((X - x) ** 2, axis=1))
        nearest = np.argsort(distance, kind="stable")[: learner.n_neighbors]
        zero = distance[nearest] == 0
        if learner.weights == "uniform":
            weight = np.ones(nearest.size)
        else:
            weight = zero.astype(np.float64) if zero.any() else 1 / distance[nearest]
        out[v] = weight @ answers[nearest] / weight.sum()
        if classes:
            out[v] = (out[v] * nearest.size + learner.smoothing) / (nearest.size + classes * learner.smoothing)
    return out if classes else out[:, 0]

"""The arms of a verification: other ways to take as many points, each a function of the same question.

To add an arm is one function and one line in ARMS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dscale_core.curation.choice import Choice
from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, FloatVector, IntVector, Laws

__all__ = ["ARMS", "Arm", "Question"]


@dataclass(frozen=True, eq=False)
class Question:
    """What an arm is asked: as many points as the list has that join, and that leave."""

    dataset: Dataset
    choice: Choice
    laws: Laws | None

    @property
    def k(self) -> float:
        """Mean size of the sets that the list is for."""
        return float(np.mean([members.size for members in self.choice.sets]))

    def ranked(self, values: FloatVector, members: IntVector) -> tuple[IntVector, IntVector]:
        """The highest of the candidates to join and the lowest of the members to leave, by values of the laws' points."""
        assert self.laws is not None
        of_pool = np.full(self.dataset.n_points, np.nan)
        of_pool[self.laws.points] = values
        return self._first(-of_pool, self.choice.candidates, self.n_join), self._first(of_pool, members, self.n_leave)

    def _first(self, key: FloatVector, among: IntVector, n: int) -> IntVector:
        known = among[np.isfinite(key[among])]
        return np.sort(known[np.lexsort((known, key[known]))[:n]])

    @property
    def n_join(self) -> int:
        """How many points join."""
        return int((~self.choice.dropped).sum())

    @property
    def n_leave(self) -> int:
        """How many points leave."""
        return int(self.choice.dropped.sum())


Taken = tuple[IntVector, IntVector]  # who joins and who leaves


def _list(question: Question, members: IntVector, generator: np.random.Generator) -> Taken:  # noqa: ARG001
    return question.choice.added, question.choice.points[question.choice.dropped]


def _random(question: Question, members: IntVector, generator: np.random.Generator) -> Taken:
    joins = generator.choice(question.choice.candidates, question.n_join, replace=False)
    return joins, generator.choice(members, question.n_leave, replace=False)


def _top(question: Question, members: IntVector, generator: np.random.Generator) -> Taken:  # noqa: ARG001
    assert question.laws is not None
    return question.ranked(question.laws.psi(question.k), members)


def _shapley(question: Question, members: IntVector, generator: np.random.Generator) -> Taken:  # noqa: ARG001
    """By the mean of ψ over all sizes up to the set's, at some sizes spread evenly over the logarithm (trapezoidal)."""
    assert question.laws is not None
    sizes = np.geomspace(min(10.0, question.k), question.k, 24)
    psi = np.stack([question.laws.psi(float(size)) for size in sizes])
    weight = np.gradient(sizes)[:, None]
    return question.ranked((psi * weight).sum(axis=0) / weight.sum(), members)


def _diverse(question: Question, members: IntVector, generator: np.random.Generator) -> Taken:
    """The candidates nearest to the centres of as many clusters (k-means); who leaves is drawn at random."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import pairwise_distances_argmin

    joins, candidates = question.n_join, question.choice.candidates
    leaves = generator.choice(members, question.n_leave, replace=False)
    if joins == 0:
        return np.empty(0, dtype=np.int64), leaves
    X = question.dataset.X_pool[candidates]
    model = MiniBatchKMeans(joins, n_init=1, random_state=int(generator.integers(2**31)), batch_size=2048).fit(X)
    nearest = np.unique(pairwise_distances_argmin(model.cluster_centers_, X))
    rest = np.setdiff1d(np.arange(candidates.size), nearest)
    more = generator.choice(rest, joins - nearest.size, replace=False)
    return candidates[np.concatenate([nearest, more])], leaves


@dataclass(frozen=True)
class Arm:
    """A way to take points: its function, whether each repeat is another, whether it needs laws, and words for it."""

    take: Callable[[Question, IntVector, np.random.Generator], Taken]
    repeated: bool
    needs_laws: bool
    summary: str


ARMS: dict[str, Arm] = {
    "list": Arm(_list, False, False, "the chosen list"),
    "random": Arm(_random, True, False, "as many points at random"),
    "top": Arm(_top, False, True, "the top of the ranking by ψ at this size"),
    "shapley": Arm(_shapley, False, True, "the top by the laws' Shapley value"),
    "diverse": Arm(_diverse, True, False, "the centres of as many clusters (k-means)"),
}


def arms_of(names: tuple[str, ...]) -> dict[str, Arm]:
    """The arms of these names, the list and random points always among them. Raises ArgumentError for an unknown one."""
    for name in names:
        if name not in ARMS:
            raise ArgumentError("arms", f"be of {', '.join(ARMS)}", repr(name), "Leave it out for all of them.")
    return {name: arm for name, arm in ARMS.items() if name in (*names, "list", "random")}

"""What is asked of a choice, checked: from the arguments of a call to a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from dscale_core.curation.choice import Goal, Shares
from dscale_core.curation.greedy import Task
from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, IntVector

__all__ = ["GOALS_OF_CHOOSING", "SHARES", "Indices", "Sets", "asked", "require_trainable"]

GOALS_OF_CHOOSING: tuple[Goal, ...] = ("add", "drop", "swap")
SHARES: tuple[Shares, ...] = ("proportional", "free", "equal")
Indices: TypeAlias = Sequence[int] | IntVector
Sets: TypeAlias = Indices | Sequence[IntVector]


def asked(
    dataset: Dataset,
    current: Sets,
    candidates: Indices | None,
    goal: Goal,
    n: int,
    shares: Shares,
    seed: int,
    most_candidates: int | None = None,
) -> Task:
    """The task; arguments and errors as of `choose`."""
    for name, value, allowed in (("goal", goal, GOALS_OF_CHOOSING), ("shares", shares, SHARES)):
        if value not in allowed:
            raise ArgumentError(name, f"be one of {', '.join(allowed)}", repr(value), f'Use "{allowed[0]}".')
    if n != int(n) or n < 1:
        raise ArgumentError("n", "be a whole number of at least 1", n, "Ask for 100 points.")
    several = len(current) > 0 and np.ndim(current[0]) > 0
    sets = tuple(_indices("current", own, dataset) for own in (current if several else (current,)))
    for own in sets:
        require_trainable("current", own, dataset)
    inside = np.unique(np.concatenate(sets))
    if candidates is None:
        left = np.setdiff1d(np.arange(dataset.n_points), inside)
        _require_labels("candidates", left, dataset)
    else:
        left = np.setdiff1d(_indices("candidates", candidates, dataset), inside)
    if left.size == 0 and goal != "drop":
        got = "none outside the current set"
        raise ArgumentError("candidates", "hold a point that may join", got, "Name a smaller current set.")
    if most_candidates is None:
        return Task(dataset, goal, int(n), sets, left, shares, seed)
    if most_candidates != int(most_candidates) or most_candidates < 1:
        remedy = "Leave it out to look at all."
        raise ArgumentError("most_candidates", "be a whole number of at least 1", most_candidates, remedy)
    generator = np.random.default_rng([seed, 8])
    some, leavers = (_some(each, most_candidates, generator) for each in (left, inside))
    return Task(dataset, goal, int(n), sets, some, shares, seed, leavers, left)


def _some(points: IntVector, most: int, generator: np.random.Generator) -> IntVector:
    return points if points.size <= most else np.sort(generator.choice(points, int(most), replace=False))


def require_trainable(name: str, members: IntVector, dataset: Dataset) -> None:
    """Raise ArgumentError, naming the argument, unless a model can be fitted to these pool points, each named once."""
    if members.size < 2 or (dataset.task == "classification" and np.unique(dataset.y_pool[members]).size < 2):
        got = f"{members.size} points of one class or none"
        raise ArgumentError(name, "hold two points and two classes", got, "Name the rows trained on today.")


def _require_labels(name: str, points: IntVector, dataset: Dataset) -> None:
    """Raise ArgumentError where a point has no label: no code of a class, or no number."""
    y = dataset.y_pool[points]
    missing = points[y < 0 if dataset.task == "classification" else ~np.isfinite(y)]
    if missing.size:
        got = f"{missing.size} without one, the first point {missing[0]}"
        raise ArgumentError(
            name, "all have a label, by which points are valued", got, "Leave them out, or label them first."
        )


def _indices(name: str, given: Any, dataset: Dataset) -> IntVector:
    found = np.unique(np.asarray(given))
    if found.size and found.dtype.kind not in "iu":
        got = f"an array of {found.dtype}"
        raise ArgumentError(name, "be whole numbers, pool indices", got, "Give indices, not a mask.")
    if found.size and (found[0] < 0 or found[-1] >= dataset.n_points):
        got = f"{int(found[0])} to {int(found[-1])}"
        raise ArgumentError(name, f"lie between 0 and {dataset.n_points - 1}", got, "Ask for points of the pool.")
    _require_labels(name, found.astype(np.int64), dataset)
    return found.astype(np.int64)

"""The greedy list: one point after the other, each the best for the set as it then is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dscale_core.curation.choice import Goal, Shares
from dscale_core.curation.scoring import Scorer, discounted, same_records
from dscale_core.types import Dataset, FloatVector, IntVector

__all__ = ["Step", "Task", "chosen_steps", "next_steps"]


@dataclass(frozen=True)
class Step:
    """One point that joins or leaves, and what that gained on the rows that chose it."""

    point: int
    dropped: bool
    gain: float


@dataclass(frozen=True, eq=False)
class Task:
    """What is asked: goal, most steps, the sets it is for (one, or several random ones), candidates, wanted class shares.

    leavers : members that may be dropped, None: all; labelled : candidates that are rows, None: all that are looked at
    """

    dataset: Dataset
    goal: Goal
    n: int
    sets: tuple[IntVector, ...]
    candidates: IntVector
    shares: Shares
    seed: int
    leavers: IntVector | None = None
    labelled: IntVector | None = None

    @property
    def beside(self) -> IntVector:
        """Candidates that are labelled rows, whether they are looked at or not."""
        return self.candidates if self.labelled is None else self.labelled

    def wanted_shares(self) -> FloatVector | None:
        """Each class's share of the points to add; None where classes do not matter."""
        if self.dataset.task != "classification" or self.shares == "free":
            return None
        classes = len(self.dataset.class_names)
        if self.shares == "equal":
            return np.full(classes, 1 / classes)
        return np.bincount(self.dataset.y_pool, minlength=classes) / self.dataset.n_points


def chosen_steps(task: Task, scorer: Scorer, begun: Sequence[Step] = ()) -> list[Step]:
    """All steps, from those that were ``begun``; see `next_steps`."""
    return [*begun, *next_steps(task, scorer, begun)]


def next_steps(task: Task, scorer: Scorer, begun: Sequence[Step] = ()) -> Iterator[Step]:
    """Steps until none is worth its risk (mean gain over blocks less one standard error) or the budget ends.

    Ties go to the lower pool index, so the order of the candidates does not matter. After some steps that were ``begun``
    earlier, the same follow as if there had been no pause, where the scorer has the memory of the one that took them.
    """
    state = _State(task)
    for step in begun:
        state.take(step)
    while len(state.steps) < task.n:
        found = _swap_step(state, scorer) if task.goal == "swap" else _one(state, scorer, task.goal == "drop")
        if found is None:
            return
        state.take(found)
        yield found


class _State:
    """The sets as they are now, and who may still be taken."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.sets = list(task.sets)
        self.steps: list[Step] = []
        self.left = np.sort(task.candidates)
        self._record = same_records(task.dataset, self.left)
        self._wanted = task.wanted_shares()
        self._counts = np.zeros(len(task.dataset.class_names), dtype=np.int64)

    def members(self) -> IntVector:
        """Who may leave: what the sets share, but those that were chosen to join, and no class's last two."""
        common = self.sets[0]
        for other in self.sets[1:]:
            common = np.intersect1d(common, other)
        own = np.array([step.point for step in self.steps if not step.dropped], dtype=np.int64)
        common = np.setdiff1d(common, own)
        if self.task.leavers is not None:
            common = np.intersect1d(common, self.task.leavers)
        y = self.task.dataset.y_pool
        if self.task.dataset.task == "classification":
            scarce = [c for c in np.unique(y[common]) if min(int((y[s] == c).sum()) for s in self.sets) <= 2]
            common = common[~np.isin(y[common], scarce)]
        return common if min(s.size for s in self.sets) > 3 else common[:0]

    def open_candidates(self) -> IntVector:
        """Candidates whose class is not ahead of its share."""
        if self._wanted is None:
            return self.left
        ahead = self._counts >= self._wanted * (self._counts.sum() + 1) + 1
        return np.asarray(self.left[~ahead[self.task.dataset.y_pool[self.left]]], dtype=np.int64)

    def take(self, step: Step) -> None:
        """Carry a step out; whoever equals a point that was taken is no longer asked."""
        self.steps.append(step)
        if step.dropped:
            self.sets = [own[own != step.point] for own in self.sets]
            return
        self.sets = [np.union1d(own, [step.point]) for own in self.sets]
        same = self._record == self._record[np.searchsorted(self.left, step.point)]
        self.left, self._record = self.left[~same], self._record[~same]
        if self._counts.size:
            self._counts[self.task.dataset.y_pool[step.point]] += 1


def _one(state: _State, scorer: Scorer, drop: bool) -> Step | None:
    """The best point to join or to leave; None where none is worth its risk."""
    if drop:
        return _best(scorer.dropped(state.sets, state.members()), True)
    opened = state.open_candidates()
    step = _best(scorer.added(state.sets, opened), False) if opened.size else None
    if step is None and opened.size < state.left.size:
        # a class that has no more points that help leaves its share to the others
        step = _best(scorer.added(state.sets, state.left), False)
    return step


def _swap_step(state: _State, scorer: Scorer) -> Step | None:
    """Drop and add in turn; whichever has nothing left leaves its turn to the other."""
    drop_first = not (state.steps and state.steps[-1].dropped)
    return _one(state, scorer, drop_first) or _one(state, scorer, not drop_first)


def _best(found: tuple[IntVector, np.ndarray], dropped: bool) -> Step | None:
    points, gains = found
    if points.size == 0:
        return None
    score = discounted(gains)
    best = int(np.lexsort((points, -score))[0])
    return Step(int(points[best]), dropped, float(np.nanmean(gains[best]))) if score[best] > 0 else None

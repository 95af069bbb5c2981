"""The work of choosing in parts: the list itself, and a list for each fold of rows that judges what lists gain.

Parts are independent of each other. Each goes on in slices of seconds, here or in workers, and after each what there is
can be kept: the points chosen so far and what the scorer remembers, with which another process goes on to the same list, bit
for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dscale_core.curation.greedy import Step, Task, next_steps
from dscale_core.curation.promise import curve_of, gain_of_random
from dscale_core.curation.scoring import BLOCKS, LabelledRows, Memory, Scorer
from dscale_core.types import FloatMatrix, FloatVector, IntVector, Learner

__all__ = ["FOLDS", "LISTS_VERSION", "Begun", "Checkpoint", "Fold", "Parts", "Told", "fold_of"]

FOLDS = 5
LISTS_VERSION = 1  # of the rules by which lists are chosen: what was begun under others is not gone on with

Told: TypeAlias = Callable[[int], object]  # is told the number of steps that a list has


@dataclass(frozen=True, eq=False)
class Begun:
    """A list as far as it is.

    points, dropped, gain : (s,) its steps; known (n,), looks : the scorer's memory; ended : whether no step follows
    """

    points: IntVector
    dropped: NDArray[np.bool_]
    gain: FloatVector
    known: FloatVector
    looks: int
    ended: bool

    @property
    def steps(self) -> list[Step]:
        """The steps, in order."""
        rows = zip(self.points, self.dropped, self.gain, strict=True)
        return [Step(int(point), bool(dropped), float(gain)) for point, dropped, gain in rows]


class Checkpoint(Protocol):
    """Where lists that were begun are kept, by part: what is asked for again goes on from there."""

    def load(self, part: int) -> Begun | None:
        """What was kept last; None where nothing was, or it cannot be read any more."""
        ...

    def save(self, part: int, begun: Begun) -> None:
        """Keep it in the place of what was there."""
        ...


@dataclass(frozen=True, eq=False)
class Parts:
    """The list (part 0) and the folds' lists (1, ...), by one question on one choice of rows."""

    task: Task
    learner: Learner
    utility: str
    rows: LabelledRows
    _latest: list[tuple[int, int, Scorer]] = field(default_factory=list, init=False, repr=False)

    def __len__(self) -> int:
        return FOLDS + 1

    def advanced(self, part: int, begun: Begun | None, seconds: float, told: Told | None = None) -> Begun:
        """The list of a part some seconds later, one step at least, on one thread."""
        until = time.monotonic() + seconds
        task, rows = self._asked(part)
        steps = [] if begun is None else begun.steps

        def pulse() -> None:
            if told:
                told(len(steps))

        with threadpool_limits(limits=1):
            scorer = self._scorer(part, begun, rows)
            scorer.on_fits = pulse if told else None
            for step in next_steps(task, scorer, tuple(steps)):
                steps.append(step)
                pulse()
                if time.monotonic() >= until:
                    self._latest.append((part, scorer.looks, scorer))
                    return _begun(steps, scorer, ended=False)
        return _begun(steps, scorer, ended=True)

    def _scorer(self, part: int, begun: Begun | None, rows: LabelledRows) -> Scorer:
        """One that remembers what was begun: the very one that paused there, as engines keep what they made of its rows."""
        latest, self._latest[:] = self._latest[-1:], []
        if begun is not None and [each[:2] for each in latest] == [(part, begun.looks)]:
            return latest[0][2]
        memory = None if begun is None else Memory(begun.known, begun.looks)
        return Scorer(self.task.dataset, self.learner, self.utility, rows, memory)

    def curve(self, part: int, steps: Sequence[Step], told: Told | None = None) -> FloatMatrix:
        """Gains by block of a fold's list on the fold's own rows, (s, b)."""
        pulse = partial(told, len(steps)) if told else None
        judges = fold_of(self.task, self.rows, part - 1).judges
        with threadpool_limits(limits=1):
            return curve_of(self.task, self.learner, self.utility, judges, steps, pulse)

    def random_gain(self, joining: IntVector, told: Told | None = None) -> float:  # noqa: ARG002
        """What some candidates gain together, on the rows that none of them is."""
        with threadpool_limits(limits=1):
            return gain_of_random(self.task, self.learner, self.utility, self.rows, joining)

    def _asked(self, part: int) -> tuple[Task, LabelledRows]:
        """A part's own question: no row that judges it is a candidate in it."""
        if part == 0:
            return self.task, self.rows
        fold = fold_of(self.task, self.rows, part - 1)
        return fold.task, fold.choosing


@dataclass(frozen=True, eq=False)
class Fold:
    """The question as the fold asks it, none of its judges a candidate; rows to choose on, and those that judge."""

    task: Task
    choosing: LabelledRows
    judges: LabelledRows


def fold_of(task: Task, rows: LabelledRows, fold: int) -> Fold:
    """One of `FOLDS` folds, counted from 0."""
    judged = np.arange(fold, BLOCKS, FOLDS)
    judges, choosing = rows.of_blocks(judged), rows.of_blocks(np.setdiff1d(np.arange(BLOCKS), judged))
    return Fold(replace(task, candidates=np.setdiff1d(task.candidates, judges.point)), choosing, judges)


def _begun(steps: Sequence[Step], scorer: Scorer, ended: bool) -> Begun:
    memory = scorer.memory
    return Begun(
        np.array([step.point for step in steps], dtype=np.int64),
        np.array([step.dropped for step in steps], dtype=bool),
        np.array([step.gain for step in steps], dtype=np.float64),
        memory.known,
        memory.looks,
        ended,
    )

"""How long a list will take on this machine, measured on a few of its own fits before it starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from dscale_core.curation.asking import Indices, Sets, asked
from dscale_core.curation.choice import Goal
from dscale_core.curation.greedy import Task
from dscale_core.curation.parts import FOLDS
from dscale_core.curation.promise import RANDOM_REPEATS, random_sizes
from dscale_core.curation.scoring import BLOCKS, FEW, MANY, ROUND, SHORTLIST, labelled_rows
from dscale_core.types import Dataset, IntVector, Learner, ValuationRows, default_utility

__all__ = ["ChoosingEstimate", "estimate_choosing"]

_PROBE_SECONDS = 0.05  # from which on a timing is long enough to be trusted
_PROBES = (3, 24, 192, 1536)  # points that a timing takes, more while they are cheap
_START_SECONDS = 4.0  # of a worker process, with the libraries that it loads
_NOBODY = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class _Line:
    """Seconds of a call on so many points."""

    base: float
    each: float

    def at(self, points: int) -> float:
        return self.base + self.each * points


@dataclass(frozen=True)
class _Clock:
    """Seconds of what a list is made of."""

    added: _Line
    left: _Line
    screened: _Line
    all_left: _Line  # the surrogate's look at members
    has_surrogate: bool
    smallest_fit: tuple[int, float]  # members and seconds, with no candidate
    largest_fit: tuple[int, float]

    def fit(self, members: int) -> float:
        """A fit with no candidates: a power of its size through the two that were timed."""
        (k, low), (most, high) = self.smallest_fit, self.largest_fit
        if most <= k:
            return low
        return float(low * (members / k) ** max(np.log(high / low) / np.log(most / k), 0.0))


@dataclass(frozen=True, eq=False)
class ChoosingEstimate:
    """What a list of all n points takes; one that stops by itself takes less.

    seconds : on ``n_jobs`` workers; fits : of the learner, where each point that is looked at is one
    candidates, members : how many are looked at
    """

    seconds: float
    fits: int
    candidates: int
    members: int
    n_jobs: int
    _work: _Work
    _clock: _Clock

    def within(self, seconds: float) -> int | None:
        """How many candidates, or members to drop, can be looked at in so many seconds; None where even n are too many.

        Meant for ``most_candidates``: a list depends on how many are looked at, not on how quick a machine is.
        """
        high = max(self.candidates, self.members)
        low = min(self._work.n, high)
        if self._limited(low) > seconds:
            return None
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._limited(middle) <= seconds else (low, middle - 1)
        return low

    def _limited(self, most: int) -> float:
        return self._work.limited(most).seconds(self._clock, self.n_jobs)


def estimate_choosing(
    dataset: Dataset,
    learner: Learner,
    current: Sets,
    candidates: Indices | None = None,
    goal: Goal = "add",
    n: int = 100,
    n_jobs: int = 1,
    utility: str | None = None,
    most_candidates: int | None = None,
) -> ChoosingEstimate:
    """Time a few fits and candidates at the size of the set, and add up what `choose` would do with them.

    Arguments and errors as of `choose`; nothing is chosen.
    """
    utility = default_utility(dataset.task) if utility is None else utility
    task = asked(dataset, current, candidates, goal, n, "free", 0, most_candidates)
    # five of six lists are chosen on the rows of four fifths of the blocks
    rows = labelled_rows(dataset, task.beside, BLOCKS, 0).of_blocks(np.arange(BLOCKS - BLOCKS // FOLDS)).cut()
    with threadpool_limits(limits=1):
        clock = _Timer(task, learner, utility, rows).clock()
    c = task.candidates.size if goal != "drop" else 0
    m = (task.sets[0] if task.leavers is None else task.leavers).size if goal != "add" else 0
    work = _Work(task.n, goal, len(task.sets), c, m, clock.has_surrogate, random_sizes(max(c, 1)), task.sets[0].size)
    return ChoosingEstimate(work.seconds(clock, n_jobs), work.fits(), c, m, n_jobs, work, clock)


@dataclass(frozen=True, eq=False)
class _Work:
    """What is done for a list of all n points: counts of calls."""

    n: int
    goal: Goal
    sets: int
    candidates: int
    members: int
    screened: bool
    random: IntVector
    k: int

    def limited(self, most: int) -> _Work:
        """The same with no more candidates and members."""
        c, m = min(self.candidates, most), min(self.members, most)
        return replace(self, candidates=c, members=m, random=random_sizes(max(c, 1)))

    def calls(self) -> list[tuple[str, int, float]]:
        """For one list: kind of call, points in it, how often."""
        adds = {"add": self.n, "drop": 0, "swap": self.n / 2}[self.goal]
        drops = self.n - adds
        rounds = {"add": np.ceil(self.n / ROUND), "drop": np.ceil(self.n / ROUND), "swap": self.n / ROUND}[self.goal]
        return [*self._looks("added", adds, rounds if self.goal == "add" else 0.0), *self._looks("left", drops, rounds)]

    def _looks(self, kind: str, steps: float, rounds: float) -> list[tuple[str, int, float]]:
        points, few = (self.candidates, FEW) if kind == "added" else (self.members, SHORTLIST)
        if steps == 0 or points == 0:
            return []
        if points <= few:
            return [(kind, points, steps)]
        if self.screened and kind == "added":
            screens = [("screened", points, rounds), ("screened", min(points, MANY), steps - rounds)]
            return [*screens, (kind, SHORTLIST, steps)]
        if self.screened:
            return [("all_left", points, steps), (kind, SHORTLIST, steps)]
        return [(kind, points, rounds), (kind, few, steps - rounds)]

    def seconds(self, clock: _Clock, n_jobs: int) -> float:
        """On so many workers."""
        one = sum(often * getattr(clock, kind).at(points) for kind, points, often in self.calls())
        workers = min(n_jobs, FOLDS + 1)
        lists = one * np.ceil((FOLDS + 1) / workers)
        after = FOLDS * self.n * clock.fit(self.k)
        if self.goal != "drop":
            after += sum(
                (1 if size == self.random[-1] else RANDOM_REPEATS) * clock.fit(self.k + size) for size in self.random
            )
        return float(self.sets * (lists + after / workers)) + (_START_SECONDS if workers > 1 else 0.0)

    def fits(self) -> int:
        """How many models are fitted where each point is a fit."""
        looked = sum(points * often for kind, points, often in self.calls() if kind in ("added", "left"))
        random = 0 if self.goal == "drop" else RANDOM_REPEATS * (self.random.size - 1) + 1
        return round(self.sets * ((FOLDS + 1) * looked + FOLDS * self.n + random))


class _Timer:
    """Times the calls of a task on some rows."""

    def __init__(self, task: Task, learner: Learner, utility: str, rows: ValuationRows) -> None:
        self._task, self._learner, self._utility, self._rows = task, learner, utility, rows
        joined = task.candidates[: task.n // 2] if task.goal == "add" else task.candidates[:0]
        self._members = np.union1d(task.sets[0], joined)  # as large as half of the way
        self._others = np.setdiff1d(task.candidates, self._members)

    def clock(self) -> _Clock:
        """All that the goal needs."""
        task, nothing = self._task, _Line(0.0, 0.0)
        surrogate = self._learner.block_surrogate(task.dataset, self._utility)
        self._block(_NOBODY)  # libraries loaded, loops compiled
        added = self._line(self._block, self._others) if task.goal != "drop" else nothing
        left = self._line(self._left, self._members) if task.goal != "add" else nothing
        screened = all_left = None
        if surrogate is not None:
            screened = self._line(partial(self._on_rows, surrogate.by_block), self._others)
            all_left = self._line(partial(self._on_rows, surrogate.left_out), self._members)
        largest = np.union1d(self._members, self._others)
        fits = [(own.size, _timed(partial(self._fit, own))) for own in (self._members, largest)]
        return _Clock(added, left, screened or nothing, all_left or nothing, surrogate is not None, fits[0], fits[-1])

    def _on_rows(self, call: Callable[[IntVector, IntVector, ValuationRows], object], points: IntVector) -> object:
        return call(self._members, points, self._rows)

    def _block(self, points: IntVector) -> object:
        return self._learner.block_contributions(self._task.dataset, self._members, points, self._rows, self._utility)

    def _left(self, points: IntVector) -> object:
        return self._learner.left_out(self._task.dataset, self._members, points, self._rows, self._utility)

    def _fit(self, members: IntVector) -> object:
        return self._learner.block_contributions(self._task.dataset, members, _NOBODY, self._rows, self._utility)

    def _line(self, call: Callable[[IntVector], object], points: IntVector) -> _Line:
        """The call on nobody, and on more and more points until it takes long enough."""
        call(points[:1])
        base = whole = _timed(partial(call, points[:0]))
        some = 1
        for probe in _PROBES:
            some = min(probe, points.size)
            whole = _timed(partial(call, points[:some]))
            if whole - base > _PROBE_SECONDS or some == points.size:
                break
        return _Line(base, max(whole - base, 0.0) / max(some, 1))


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began

"""Choosing a list of points for one training set: greedily, exactly, discounted by what the valuation rows cannot tell.

The top of a ranking by single values is not a good list: its points push the model the same way and overshoot together, and
at larger sizes a value mostly says which valuation rows were drawn. Here each point is the best for the set *as it then is*:
the model is fitted again after each choice, all candidates are valued again, and the mean gain over blocks of valuation rows
less one standard error decides. The list ends where no candidate's is above zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from dscale_core.curation.choice import Choice, Goal, Shares
from dscale_core.curation.greedy import Step, Task, chosen_steps
from dscale_core.curation.promise import curve_of, promise_of, random_worth
from dscale_core.curation.scoring import BLOCKS, LabelledRows, Scorer, labelled_rows
from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, FloatMatrix, IntVector, Learner, default_utility

__all__ = ["GOALS_OF_CHOOSING", "SHARES", "choose", "random_sets", "require_trainable"]

GOALS_OF_CHOOSING: tuple[Goal, ...] = ("add", "drop", "swap")
SHARES: tuple[Shares, ...] = ("proportional", "free", "equal")
_FOLDS = 5
_FEWEST_ROWS = 20  # two a block


def choose(
    dataset: Dataset,
    learner: Learner,
    current: Sequence[int] | IntVector | Sequence[IntVector],
    candidates: Sequence[int] | IntVector | None = None,
    goal: Goal = "add",
    n: int = 100,
    shares: Shares = "proportional",
    seed: int = 0,
    on_progress: Callable[[float], object] | None = None,
    utility: str | None = None,
    n_jobs: int = 1,
) -> Choice:
    """The list of at most n points to add to a training set, to drop from it, or to exchange.

    Parameters
    ----------
    current : pool indices of the training set, or several such sets (random ones, where the set is not known): the list is
        then the best for their mean
    candidates : pool indices that may join; all others by default
    shares : of the classes among the points that join: ``proportional`` to the pool's, ``equal``, or ``free``; a class
        without a point that helps leaves its share to the others
    seed : of the blocks of rows; the list is the same for the same seed, whatever the order of the candidates
    on_progress : receives the share done, in [0, 1]
    n_jobs : worker processes; the list is the same for any number

    Raises ArgumentError for indices outside the pool, a current set of fewer than two points or one class, no candidates,
    too few labelled rows, an unknown goal or shares.
    """
    utility = default_utility(dataset.task) if utility is None else utility
    task = _task(dataset, current, candidates, goal, n, shares, seed)
    rows = labelled_rows(dataset, task.candidates, BLOCKS, seed)
    if rows.y.size < _FEWEST_ROWS:
        got, remedy = f"{rows.y.size} labelled rows outside the current set", "Keep more rows for valuation."
        raise ArgumentError("dataset", f"leave at least {_FEWEST_ROWS} rows to value on", got, remedy)
    found = _in_parts(_Work(task, learner, utility, rows), n_jobs, _Reporter(on_progress, task.n))
    steps = found[0].steps
    promise = promise_of([part.curve for part in found[1:]], len(steps), rows.y.size, dataset.y_test.size)
    worth = random_worth(task, learner, utility, rows, promise)
    if on_progress:
        on_progress(1.0)
    points = np.array([step.point for step in steps], dtype=np.int64)
    dropped = np.array([step.dropped for step in steps], dtype=bool)
    return Choice(
        goal, points, dropped, np.array([step.gain for step in steps]), promise.mean, promise.low, promise.high,
        len(steps), n, shares, seed, utility, task.sets, task.candidates, int(rows.y.size), BLOCKS,
        _shortfall(task, points[~dropped]), worth,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Part:
    """A list and, for a fold, its gains by block on the fold's own rows."""

    steps: list[Step]
    curve: FloatMatrix


@dataclass(frozen=True, eq=False)
class _Work:
    """The list (part 0) and the folds' lists (1, ...): independent of each other, so that workers may share them."""

    task: Task
    learner: Learner
    utility: str
    rows: LabelledRows

    def part(self, number: int, on_step: Callable[[int], object] | None = None) -> _Part:
        """Choose one list, on one thread."""
        with threadpool_limits(limits=1):
            if number == 0:
                steps = chosen_steps(self.task, self._scorer(self.rows), on_step)
                return _Part(steps, np.empty((0, 0)))
            judged = np.arange(number - 1, BLOCKS, _FOLDS)
            judges, others = (self.rows.of_blocks(b) for b in (judged, np.setdiff1d(np.arange(BLOCKS), judged)))
            own = replace(self.task, candidates=np.setdiff1d(self.task.candidates, judges.point))
            steps = chosen_steps(own, self._scorer(others), on_step)
            return _Part(steps, curve_of(self.task, self.learner, self.utility, judges, steps))

    def _scorer(self, rows: LabelledRows) -> Scorer:
        return Scorer(self.task.dataset, self.learner, self.utility, rows)


def _in_parts(work: _Work, n_jobs: int, report: _Reporter) -> list[_Part]:
    numbers = range(_FOLDS + 1)
    if n_jobs == 1:
        return [work.part(number, report.within(number)) for number in numbers]
    from joblib import Parallel, delayed

    found = []
    for part in Parallel(n_jobs=n_jobs, return_as="generator")(delayed(work.part)(number) for number in numbers):
        found.append(part)
        report.within(len(found))(0)
    return found


class _Reporter:
    """Turns steps within parts into the share done; the last twentieth is left for what follows the lists."""

    def __init__(self, on_progress: Callable[[float], object] | None, n: int) -> None:
        self._tell, self._n = on_progress, n

    def within(self, part: int) -> Callable[[int], object]:
        """To be told the steps done within a part."""

        def told(step: int) -> None:
            if self._tell:
                self._tell(0.95 * (part + step / self._n) / (_FOLDS + 1))

        return told


def random_sets(dataset: Dataset, k: int, n_sets: int, seed: int) -> tuple[IntVector, ...]:
    """Sets of k random pool points, stratified by class, by seed. Raises ArgumentError where k is not below the pool."""
    from dscale_core.curation.random_points import stratified

    if not 2 <= k < dataset.n_points:
        raise ArgumentError("k", f"be from 2 to {dataset.n_points - 1}", k, "Choose a size below the pool's.")
    return tuple(stratified(dataset, k, np.random.default_rng([seed, 3, i])) for i in range(n_sets))


def _task(
    dataset: Dataset,
    current: Sequence[int] | IntVector | Sequence[IntVector],
    candidates: Sequence[int] | IntVector | None,
    goal: Goal,
    n: int,
    shares: Shares,
    seed: int,
) -> Task:
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
    else:
        left = np.setdiff1d(_indices("candidates", candidates, dataset), inside)
    if left.size == 0 and goal != "drop":
        got = "none outside the current set"
        raise ArgumentError("candidates", "hold a point that may join", got, "Name a smaller current set.")
    return Task(dataset, goal, int(n), sets, left, shares, seed)


def require_trainable(name: str, members: IntVector, dataset: Dataset) -> None:
    """Raise ArgumentError, naming the argument, unless a model can be fitted to these pool points, each named once."""
    if members.size < 2 or (dataset.task == "classification" and np.unique(dataset.y_pool[members]).size < 2):
        got = f"{members.size} points of one class or none"
        raise ArgumentError(name, "hold two points and two classes", got, "Name the rows trained on today.")


def _indices(name: str, given: Any, dataset: Dataset) -> IntVector:
    found = np.unique(np.asarray(given))
    if found.size and found.dtype.kind not in "iu":
        got = f"an array of {found.dtype}"
        raise ArgumentError(name, "be whole numbers, pool indices", got, "Give indices, not a mask.")
    if found.size and (found[0] < 0 or found[-1] >= dataset.n_points):
        got = f"{int(found[0])} to {int(found[-1])}"
        raise ArgumentError(name, f"lie between 0 and {dataset.n_points - 1}", got, "Ask for points of the pool.")
    return found.astype(np.int64)


def _shortfall(task: Task, joined: IntVector) -> dict[str, int]:
    """How many points each class is short of its share of those that joined."""
    wanted = task.wanted_shares()
    if wanted is None or joined.size == 0:
        return {}
    have = np.bincount(task.dataset.y_pool[joined], minlength=wanted.size)
    short = np.floor(wanted * joined.size).astype(int) - have
    return {name: int(s) for name, s in zip(task.dataset.class_names, short, strict=True) if s > 0}

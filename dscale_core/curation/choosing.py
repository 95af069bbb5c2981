"""Choosing a list of points for one training set: greedily, exactly, discounted by what the valuation rows cannot tell.

The top of a ranking by single values is not a good list: its points push the model the same way and overshoot together, and
at larger sizes a value mostly says which valuation rows were drawn. Here each point is the best for the set *as it then is*:
the model is fitted again after each choice, all candidates are valued again, and the mean gain over blocks of valuation rows
less one standard error decides. The list ends where no candidate's is above zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dscale_core.curation.asking import Indices, Sets, asked
from dscale_core.curation.choice import Choice, Goal, RandomWorth, Shares
from dscale_core.curation.crew import Call, Crew, Report, at_work
from dscale_core.curation.greedy import Task
from dscale_core.curation.parts import Begun, Checkpoint, Parts
from dscale_core.curation.promise import Promise, number_reaching, promise_of, random_orders, random_sizes
from dscale_core.curation.scoring import BLOCKS, labelled_rows
from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, IntVector, Learner, default_utility

__all__ = ["choose", "random_sets"]

_FEWEST_ROWS = 20  # two a block


def choose(
    dataset: Dataset,
    learner: Learner,
    current: Sets,
    candidates: Indices | None = None,
    goal: Goal = "add",
    n: int = 100,
    shares: Shares = "proportional",
    seed: int = 0,
    on_progress: Callable[[float], object] | None = None,
    utility: str | None = None,
    n_jobs: int = 1,
    most_candidates: int | None = None,
    checkpoint: Checkpoint | None = None,
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
    on_progress : receives the share done, in [0, 1], every second or so; what it raises ends the work and its workers
    n_jobs : worker processes; the list is the same for any number
    most_candidates : so many candidates, or members to drop, are looked at, drawn at random by seed, where each is a fit and
        time is short (`estimate_choosing` says how many a time allows); None: all
    checkpoint : where lists are kept while they are made. The same question asked again goes on from there, to the same list

    Raises ArgumentError for indices outside the pool, a current set of fewer than two points or one class, no candidates,
    too few labelled rows, an unknown goal or shares.
    """
    utility = default_utility(dataset.task) if utility is None else utility
    task = asked(dataset, current, candidates, goal, n, shares, seed, most_candidates)
    rows = labelled_rows(dataset, task.beside, BLOCKS, seed)
    if rows.y.size < _FEWEST_ROWS:
        got, remedy = f"{rows.y.size} labelled rows outside the current set", "Keep more rows for valuation."
        raise ArgumentError("dataset", f"leave at least {_FEWEST_ROWS} rows to value on", got, remedy)
    if n_jobs < 1:
        raise ArgumentError("n_jobs", "be at least 1", n_jobs, "Use 1, or the number of cores.")
    parts = Parts(task, learner, utility, rows)
    report = Report(on_progress, len(parts), task.n)
    with at_work(parts, n_jobs, report) as crew:
        lists = crew.lists(checkpoint)
        steps = lists[0].steps
        promise, worth = _expected(crew, parts, lists)
    if on_progress:
        on_progress(1.0)
    points = np.array([step.point for step in steps], dtype=np.int64)
    dropped = np.array([step.dropped for step in steps], dtype=bool)
    return Choice(
        goal, points, dropped, np.array([step.gain for step in steps]), promise.mean, promise.low, promise.high,
        len(steps), n, shares, seed, utility, task.sets, task.candidates, int(rows.y.size), BLOCKS,
        _shortfall(task, points[~dropped]), worth,
    )  # fmt: skip


def _expected(crew: Crew, parts: Parts, lists: Sequence[Begun]) -> tuple[Promise, RandomWorth | None]:
    """What the list is promised to gain, and how many random points gain as much; None without a list or to drop."""
    task, n = parts.task, lists[0].points.size
    curves = [Call("curve", (part, lists[part].steps)) for part in range(1, len(parts))]
    random = random_orders(task) if n and task.goal != "drop" else []
    found = crew.results([*curves, *(Call("random_gain", (some,)) for sets in random for some in sets)])
    promise = promise_of(found[: len(curves)], n, parts.rows.y.size, task.dataset.y_test.size)
    if not random:
        return promise, None
    ends = np.cumsum([len(sets) for sets in random])[:-1]
    gains = np.array([np.mean(gains) for gains in np.split(np.array(found[len(curves) :]), ends)])
    return promise, number_reaching(promise, random_sizes(task.candidates.size), gains)


def random_sets(dataset: Dataset, k: int, n_sets: int, seed: int) -> tuple[IntVector, ...]:
    """Sets of k random pool points, stratified by class, by seed. Raises ArgumentError where k is not below the pool."""
    from dscale_core.curation.random_points import stratified

    if not 2 <= k < dataset.n_points:
        raise ArgumentError("k", f"be from 2 to {dataset.n_points - 1}", k, "Choose a size below the pool's.")
    return tuple(stratified(dataset, k, np.random.default_rng([seed, 3, i])) for i in range(n_sets))


def _shortfall(task: Task, joined: IntVector) -> dict[str, int]:
    """How many points each class is short of its share of those that joined."""
    wanted = task.wanted_shares()
    if wanted is None or joined.size == 0:
        return {}
    have = np.bincount(task.dataset.y_pool[joined], minlength=wanted.size)
    short = np.floor(wanted * joined.size).astype(int) - have
    return {name: int(s) for name, s in zip(task.dataset.class_names, short, strict=True) if s > 0}

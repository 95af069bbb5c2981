"""What a list is expected to gain, from rows that did not choose it, and how many random points gain as much.

Cross-fitting: the blocks of rows are dealt into folds; for each fold the list is chosen anew on the rows of the others, and
its gain is measured on the fold's own. Every block then says once what a list gains that it had no part in, and the blocks'
scatter gives the interval. Nor are a fold's own rows candidates in it: to take the chosen ones out of the rows that judge
would leave those on which the list helps least, and promises would be too low by as much as the gain itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dscale_core.curation.choice import RandomWorth
from dscale_core.curation.greedy import Step, Task
from dscale_core.curation.scoring import LabelledRows
from dscale_core.types import FloatMatrix, FloatVector, IntVector, Learner, ValuationRows

__all__ = [
    "RANDOM_REPEATS",
    "Promise",
    "curve_of",
    "gain_of_random",
    "losses_by_block",
    "number_reaching",
    "promise_of",
    "random_orders",
    "random_sizes",
]

_LEVEL = 0.9
_RANDOM_SIZES = 9
RANDOM_REPEATS = 8


@dataclass(frozen=True, eq=False)
class Promise:
    """Expected gain of the first 1, ..., n points together and the ends of its 90 % interval, (n,) each."""

    mean: FloatVector
    low: FloatVector
    high: FloatVector


def curve_of(
    task: Task,
    learner: Learner,
    utility: str,
    rows: LabelledRows,
    steps: Sequence[Step],
    on_fit: Callable[[], object] | None = None,
) -> FloatMatrix:
    """Gain by block after each step, (steps, b), averaged over the sets, on rows none of which may be a step's point."""
    valued = rows.cut()
    total = np.zeros((len(steps), valued.starts.size))
    for members in task.sets:
        base = losses_by_block(task, learner, utility, members, valued)
        now = members
        for i, step in enumerate(steps):
            now = now[now != step.point] if step.dropped else np.union1d(now, [step.point])
            total[i] += base - losses_by_block(task, learner, utility, now, valued)
            if on_fit:
                on_fit()
    return total / len(task.sets)


def losses_by_block(task: Task, learner: Learner, utility: str, members: IntVector, valued: ValuationRows) -> FloatVector:
    """Of the model of some pool points, (b,)."""
    (found,) = learner.block_losses(task.dataset, members, valued, (utility,))
    return np.asarray(found)


def promise_of(curves: Sequence[FloatMatrix], n: int, n_rows: int, n_test: int) -> Promise:
    """From each fold's gains by block (its own steps, its own blocks) to the promise after 1, ..., n points.

    The interval is for what a verification will show: beside what the ``n_rows`` rows cannot tell, and what lists differ by,
    it allows for the scatter of ``n_test`` test rows, of which nothing but their number is known here; 0: endlessly many.

    A fold's list that stopped earlier keeps what it had gained: its rows told it that nothing more was worth the risk.
    """
    from scipy.stats import t

    if n == 0:
        nothing = np.empty(0)
        return Promise(nothing, nothing, nothing)
    folds = [_prolonged(curve, n) for curve in curves]
    blocks = np.concatenate(folds, axis=1)
    mean = blocks.mean(axis=1)
    of_mean = blocks.var(axis=1, ddof=1) / blocks.shape[1]
    # the folds' lists differ, and the one that is promised for is one more of their kind: what their gains scatter by,
    # beyond what blocks of one list do, is its own
    within = np.mean([fold.var(axis=1, ddof=1) / fold.shape[1] for fold in folds], axis=0)
    between = np.var([fold.mean(axis=1) for fold in folds], axis=0, ddof=1)
    of_test = of_mean * n_rows / n_test if n_test else 0.0
    spread = np.sqrt(of_mean + np.maximum(between - within, 0.0) + of_test)
    reach = float(t.ppf(0.5 + _LEVEL / 2, blocks.shape[1] - 1)) * spread
    return Promise(mean, mean - reach, mean + reach)


def _prolonged(curve: FloatMatrix, n: int) -> FloatMatrix:
    if curve.shape[0] == 0:
        return np.zeros((n, curve.shape[1]))
    return np.asarray(curve[np.minimum(np.arange(n), curve.shape[0] - 1)])


def random_orders(task: Task) -> list[list[IntVector]]:
    """Sets of random candidates whose gains tell how many gain as much as a list: for each of `random_sizes`, some sets."""
    generator = np.random.default_rng([task.seed, 2])
    orders = [generator.permutation(task.candidates) for _ in range(RANDOM_REPEATS)]
    # where all candidates join, one order is as good as another
    return [
        [np.sort(order[:size]) for order in (orders if size < task.candidates.size else orders[:1])]
        for size in random_sizes(task.candidates.size).tolist()
    ]


def random_sizes(n: int) -> IntVector:
    """Numbers of random points at which gains are measured, up to all n."""
    return np.unique(np.rint(np.geomspace(1, n, _RANDOM_SIZES)).astype(np.int64))


def number_reaching(promise: Promise, sizes: IntVector, gains: FloatVector) -> RandomWorth:
    """How many random points gain the last of the promise, read off from what some numbers of them gained."""
    reached = np.maximum.accumulate(gains)
    number, low, high = (_number_for(end[-1], sizes, reached) for end in (promise.mean, promise.low, promise.high))
    return RandomWorth(number, low, high, sizes, gains)


def gain_of_random(task: Task, learner: Learner, utility: str, rows: LabelledRows, joining: IntVector) -> float:
    """Mean loss that some candidates save together, on the rows that none of them is."""
    valued = rows.without(joining).cut()
    saved = np.mean(
        [
            losses_by_block(task, learner, utility, members, valued)
            - losses_by_block(task, learner, utility, np.union1d(members, joining), valued)
            for members in task.sets
        ],
        axis=0,
    )
    return float(saved @ valued.shares)


def _number_for(gain: float, sizes: IntVector, reached: FloatVector) -> float:
    """Random points that reach a gain: 0 where it is none, infinite where all candidates do not."""
    if gain <= 0:
        return 0.0
    if gain > reached[-1]:
        return float("inf")
    at = int(np.searchsorted(reached, gain))
    if at == 0:
        return float(sizes[0] * gain / reached[0])
    low, high = reached[at - 1], reached[at]
    share = (gain - low) / (high - low)
    return float(np.exp(np.log(sizes[at - 1]) + share * (np.log(sizes[at]) - np.log(sizes[at - 1]))))

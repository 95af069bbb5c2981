"""The published addition experiment: do the points that are best by their laws help *random* training sets?

Covert et al. (2024), point addition: some points with laws are candidates; beside them random sets of a small and of a large
size are drawn, and to each set come the best candidates at the small size, the best at the large size, the best by Shapley
value (the mean of ψ over the laws' sizes) and random ones, equally many of each class. All four join the same sets, so what
they gain beyond random points is paired. Losses are those on the test set, which nothing else reads; candidates whose law is
flagged are left out.

What a list that was chosen for one set gains is another question: `verify` answers it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dscale_core.curation.on_test import OnTest, interval, measured_on_test
from dscale_core.curation.random_points import stratified
from dscale_core.curation.words import two_digits
from dscale_core.curation.workers import done_by_each
from dscale_core.errors import ArgumentError
from dscale_core.learners import UTILITIES
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector, Laws, Learner, default_utility
from dscale_core.values import shapley_from_laws

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Addition", "add_to_random_sets"]

_ARMS = ("small", "large", "shapley", "random")
_MOST_CANDIDATES = 1000
_STEPS = 5  # numbers of points at which losses are measured
_MEASURES = tuple(
    f"{name}{end}" for name in ("gain", "over_random", "accuracy") for end in ("", "_low", "_high")
)  # fields of results, by size, arm and number added


@dataclass(frozen=True, eq=False)
class Addition:
    """What points added to random sets gained on the test set.

    arms : ``small``, ``large`` and ``shapley`` (the best by ψ at either size, by the mean of ψ over the laws' sizes) and
        ``random``; sizes : (2,) of the sets; counts : (c,) points added
    gain, gain_low, gain_high : (2, 4, c) mean loss saved with its 95 % interval, unit of the utility; over_random, ... : the
        same beyond as many random points, on the same sets (NaN for these themselves): one list against one list of random
        points, which differ among themselves; accuracy, ... : gain in accuracy (NaN without classes)
    """

    arms: tuple[str, ...]
    sizes: IntVector
    counts: IntVector
    gain: FloatMatrix
    gain_low: FloatMatrix
    gain_high: FloatMatrix
    over_random: FloatMatrix
    over_random_low: FloatMatrix
    over_random_high: FloatMatrix
    accuracy: FloatMatrix
    accuracy_low: FloatMatrix
    accuracy_high: FloatMatrix
    repeats: int
    n_candidates: int
    n_test: int
    utility: str
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """A row for each size, arm and number of points."""
        import pandas as pd

        size, arm, count = np.meshgrid(self.sizes, np.arange(len(self.arms)), self.counts, indexing="ij")
        columns = {"size": size.ravel(), "arm": np.array(self.arms, dtype=object)[arm.ravel()], "added": count.ravel()}
        return pd.DataFrame(columns | {name: getattr(self, name).ravel() for name in _MEASURES})


def add_to_random_sets(
    dataset: Dataset,
    learner: Learner,
    laws: Laws,
    n: int = 100,
    small: int | None = None,
    large: int | None = None,
    repeats: int = 30,
    utility: str | None = None,
    seed: int = 0,
    on_progress: Callable[[float], object] | None = None,
    n_jobs: int = 1,
) -> Addition:
    """Add n points, the best by their laws and random ones, to random sets of two sizes, and measure on the test set.

    small, large : sizes of the sets; the ends of the laws' sizes where they are left out. Candidates are, by seed, up to
        1,000 points whose law is sound; sets are drawn from all other points, stratified by class
    repeats : sets of either size
    n_jobs : worker processes; the result is the same for any number

    Raises ArgumentError for sizes that do not ascend from 2 on or leave fewer than n candidates, fewer than two repeats, and
    a dataset without test rows.
    """
    utility = default_utility(dataset.task) if utility is None else utility
    sizes = np.array([laws.min_size if small is None else small, laws.max_size if large is None else large], dtype=np.int64)
    if not 2 <= sizes[0] < sizes[1]:
        raise ArgumentError("large", "be above small, which is 2 or more", sizes.tolist(), "Leave both out.")
    counts, test = _counts(n), measured_on_test(dataset, learner, utility, repeats, seed)
    candidates = _candidates(dataset, laws, int(sizes[1]), n, seed)
    trials = _Trials(test, _ranked_by(laws, candidates, sizes), sizes, counts, candidates, seed)
    tasks = [(size, repeat) for size in range(2) for repeat in range(repeats)]
    saved = np.stack(done_by_each(trials.saved, tasks, n_jobs, on_progress))
    return _judged(trials, saved.reshape(2, repeats, *saved.shape[1:]))


def _counts(n: int) -> IntVector:
    if n != int(n) or n < 1:
        raise ArgumentError("n", "be a whole number of at least 1", n, "Add 100 points.")
    return np.unique(np.rint(np.linspace(0, n, _STEPS + 1)[1:]).astype(np.int64).clip(1))


def _candidates(dataset: Dataset, laws: Laws, large: int, n: int, seed: int) -> IntVector:
    sound = np.sort(laws.points[laws.status == "ok"])
    most = min(_MOST_CANDIDATES, sound.size, dataset.n_points - large)
    if most < n:
        got = f"{max(most, 0)}, of {sound.size} with a sound law and {dataset.n_points} in the pool"
        raise ArgumentError("large", f"leave {n} candidates with a sound law beside it", got, "Use a smaller size or n.")
    return np.sort(np.random.default_rng([seed, 8]).choice(sound, most, replace=False))


def _ranked_by(laws: Laws, candidates: IntVector, sizes: IntVector) -> tuple[FloatVector, ...]:
    """What the arms rank the candidates by, all but the last, which is random."""
    ascending = np.argsort(laws.points)
    at = ascending[np.searchsorted(laws.points[ascending], candidates)]
    shapley = shapley_from_laws(laws, laws.min_size, laws.max_size)
    return laws.psi(float(sizes[0]))[at], laws.psi(float(sizes[1]))[at], shapley[at]


@dataclass(frozen=True, eq=False)
class _Trials:
    """Trainings on random sets and what joins them."""

    test: OnTest
    ranked_by: tuple[FloatVector, ...]
    sizes: IntVector
    counts: IntVector
    candidates: IntVector
    seed: int

    def saved(self, task: tuple[int, int]) -> np.ndarray:
        """Loss saved on one set, (5, c, u, b), random points twice; task: the number of its size and its repeat."""
        size, repeat = task
        generator = np.random.default_rng([self.seed, 9, size, repeat])
        dataset = self.test.dataset
        others = np.setdiff1d(np.arange(dataset.n_points), self.candidates)
        members = stratified(dataset, int(self.sizes[size]), generator, others)
        base = self.test.losses(members)
        # two lists of random points, which the next repeat's set has too: what lists differ by is seen in them (`_luck`)
        drawn = np.random.default_rng([self.seed, 10, repeat // 2]).random((2, self.candidates.size))
        orders = [self._best(values) for values in (*self.ranked_by, *drawn)]
        return np.array([
            [base - self.test.losses(np.union1d(members, order[:count])) for count in self.counts] for order in orders
        ])  # fmt: skip

    def _best(self, values: FloatVector) -> IntVector:
        """The highest candidates first, the classes in turn; where a class has no more, the others go on."""
        order, dataset = np.argsort(-values, kind="stable"), self.test.dataset
        turn = np.zeros(order.size, dtype=np.int64)
        if dataset.task == "classification":
            label = dataset.y_pool[self.candidates[order]]
            for code in np.unique(label):
                turn[label == code] = np.arange(np.count_nonzero(label == code))
        return np.asarray(self.candidates[order[np.argsort(turn, kind="stable")]][: self.counts[-1]])


def _judged(trials: _Trials, saved: np.ndarray) -> Addition:
    """From losses saved (sizes, repeats, 5, c, u, b)."""
    weight, utilities = trials.test.rows.shares, trials.test.utilities

    # each arm but the random one is a single list, which is held against single lists of random points
    luck = _luck((saved[:, :, -2, :, 0] - saved[:, :, -1, :, 0]) @ weight)
    saved = np.concatenate([saved[:, :, :-2], saved[:, :, -2:].mean(axis=2, keepdims=True)], axis=2)
    own = saved[..., 0, :]
    beyond = _ends(own - own[:, :, [-1]], weight, luck)
    beyond[:, :, -1] = np.nan
    accuracy = _ends(saved[..., 1, :], weight) if len(utilities) > 1 else np.full(beyond.shape, np.nan)
    values = np.concatenate([_ends(own, weight), beyond, accuracy])
    return Addition(
        arms=_ARMS,
        sizes=trials.sizes,
        counts=trials.counts,
        **dict(zip(_MEASURES, values, strict=True)),
        repeats=saved.shape[1],
        n_candidates=int(trials.candidates.size),
        n_test=int(trials.test.rows.y.size),
        utility=utilities[0],
        verdict=_verdict(trials, beyond[..., -1]),
    )


def _luck(apart: np.ndarray) -> FloatMatrix:
    """Variance between random lists, whatever set they join, (sizes, c); apart (sizes, repeats, c): one list less the other.

    Two sets share two lists. What a list gains is its own mean and what it gains on this set alone; the product of the
    differences on both sets keeps the former: its expectation is twice the variance of the lists' means.
    """
    pairs = apart.shape[1] // 2
    products = apart[:, 0 : 2 * pairs : 2] * apart[:, 1 : 2 * pairs : 2]
    return np.asarray(np.maximum(products.mean(axis=1) / 2, 0.0))


def _ends(gains: np.ndarray, weight: FloatVector, luck: FloatMatrix | None = None) -> np.ndarray:
    """Means and ends (3, sizes, arms, c) of gains (sizes, repeats, arms, c, b); luck (sizes, c) of a single list."""
    each = np.moveaxis(gains, 1, -2)
    lucks = np.zeros(each.shape[:-2]) if luck is None else np.broadcast_to(luck[:, None], each.shape[:-2])
    flat = zip(each.reshape(-1, *each.shape[-2:]), lucks.ravel(), strict=True)
    return np.array([interval(one, None, weight, float(own)) for one, own in flat]).T.reshape(3, *each.shape[:-2])


def _verdict(trials: _Trials, beyond: np.ndarray) -> str:
    """A sentence a size; beyond (3, sizes, arms): mean and ends of what all n points gain beyond random ones."""
    n, unit = int(trials.counts[-1]), UTILITIES[trials.test.utilities[0]].unit
    small, large = trials.sizes.tolist()
    names = (f"best at {small:,}", f"best at {large:,}", "best by Shapley value")
    said = []
    for size, ends in zip((small, large), np.moveaxis(beyond, 0, -1), strict=True):
        alike: dict[str, list[tuple[str, str]]] = {}
        for name, (mean, low, high) in zip(names, ends[:-1], strict=True):
            alike.setdefault(_how(low, high), []).append((f"the {name}", two_digits(mean, "+")))
        found = [
            f"{_listed([name for name, _ in which])} do {how} ({_listed([gain for _, gain in which])} {unit})"
            for how, which in alike.items()
        ]
        points = "A point" if n == 1 else f"{n:,} points"
        said.append(f"{points} added to random sets of {size:,}: {'; '.join(found)}.")
    return " ".join(said)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _how(low: float, high: float) -> str:
    if low > 0 or high < 0:
        return f"{'better' if low > 0 else 'worse'} than random ones"
    return "no differently from random ones"

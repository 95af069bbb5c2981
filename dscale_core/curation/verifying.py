"""Verification: the list against other lists of its length, by training on each and measuring on the test set.

Nothing else reads the test set. All arms train on the same sets with the same seeds and are measured on the same rows, so
that differences are paired: over blocks of test rows, and over repeats where an arm draws at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dscale_core.curation.arms import Question, arms_of
from dscale_core.curation.choice import Choice, RandomWorth
from dscale_core.curation.promise import Promise, number_reaching, random_sizes
from dscale_core.errors import ArgumentError
from dscale_core.intervals import two_sided
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector, Laws, Learner, ValuationRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Verification", "verify"]

_NOBODY = np.empty(0, dtype=np.int64)
_BLOCKS = 40  # of test rows, paired
_Z95 = two_sided(0.95)
_GROWING_REPEATS = 5


@dataclass(frozen=True, eq=False)
class Verification:
    """What the arms gained on the test set over the set as it is.

    arms : names; gain, low, high : (a,) mean loss saved with its 95 % interval, unit of the utility; over_random,
        over_random_low, over_random_high : (a,) the same beyond as many random points (NaN for these themselves)
    accuracy : (a,) gain in accuracy (classes) or NaN; accuracy_low, accuracy_high
    worth : how many random points gain what the list gains, measured on the test set
    """

    arms: tuple[str, ...]
    gain: FloatVector
    low: FloatVector
    high: FloatVector
    over_random: FloatVector
    over_random_low: FloatVector
    over_random_high: FloatVector
    accuracy: FloatVector
    accuracy_low: FloatVector
    accuracy_high: FloatVector
    repeats: int
    n_test: int
    n_points: int
    utility: str
    verdict: str
    worth: RandomWorth | None

    @property
    def worth_random(self) -> float:
        """How many random points gain what the list gains; NaN where that was not measured."""
        return float("nan") if self.worth is None else self.worth.number

    def to_frame(self) -> pd.DataFrame:
        """A row an arm."""
        import pandas as pd

        names = (
            "gain", "low", "high", "over_random", "over_random_low", "over_random_high", "accuracy", "accuracy_low",
            "accuracy_high",
        )  # fmt: skip
        return pd.DataFrame({"arm": np.array(self.arms, dtype=object)} | {name: getattr(self, name) for name in names})


def verify(
    dataset: Dataset,
    learner: Learner,
    choice: Choice,
    laws: Laws | None = None,
    arms: tuple[str, ...] = ("list", "random", "top", "shapley", "diverse"),
    repeats: int = 30,
    seed: int = 0,
    on_progress: Callable[[float], object] | None = None,
) -> Verification:
    """Train on the list and on the other arms, and measure on the test set.

    Arms that rank by laws are left out where ``laws`` is None. Raises ArgumentError for an empty list, a dataset without
    test rows, unknown arms, fewer than two repeats.
    """
    if choice.points.size == 0:
        raise ArgumentError("choice", "hold a point", "an empty list", "There is nothing to verify: keep the set as it is.")
    if dataset.y_test.size < 2:
        raise ArgumentError("dataset", "have a test set", f"{dataset.y_test.size} rows", "Read the table with test=0.2.")
    if repeats < 2:
        raise ArgumentError("repeats", "be at least 2", repeats, "Use 30.")
    used = {name: arm for name, arm in arms_of(arms).items() if laws is not None or not arm.needs_laws}
    run = _Run(dataset, learner, choice, seed)
    question = Question(dataset, choice, laws)
    sizes = random_sizes(choice.candidates.size) if choice.goal != "drop" else _NOBODY
    total = sum(repeats if arm.repeated else 1 for arm in used.values()) + sizes.size * _GROWING_REPEATS
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if on_progress:
            on_progress(min(done / total, 1.0))

    found = {
        name: np.stack([
            run.gains(partial(arm.take, question), repeat, tell) for repeat in range(repeats if arm.repeated else 1)
        ])
        for name, arm in used.items()
    }  # fmt: skip
    return _judged(run, found, repeats, sizes, tell)


class _Run:
    """Trainings on the sets of a choice, measured on the test set in blocks."""

    def __init__(self, dataset: Dataset, learner: Learner, choice: Choice, seed: int) -> None:
        self.dataset, self.learner, self.choice, self.seed = dataset, learner, choice, seed
        t = dataset.y_test.size
        order = np.random.default_rng([seed, 4]).permutation(t)
        blocks = min(_BLOCKS, t)
        starts = np.floor(np.arange(blocks) * t / blocks).astype(np.int64)
        self.rows = ValuationRows(np.ascontiguousarray(dataset.X_test[order]), dataset.y_test[order], starts)
        self.utilities = (choice.utility, *(["accuracy"] if dataset.task == "classification" else []))
        self._base = [self.losses(members) for members in choice.sets]

    def losses(self, members: IntVector) -> FloatMatrix:
        """Loss by utility and block, (u, b)."""
        learner, rows = self.learner, self.rows
        return np.stack([
            learner.block_contributions(self.dataset, members, _NOBODY, rows, name).base_loss for name in self.utilities
        ])  # fmt: skip

    def gains(
        self,
        take: Callable[[IntVector, np.random.Generator], tuple[IntVector, IntVector]],
        repeat: int,
        tell: Callable[[], None],
    ) -> FloatMatrix:
        """Loss saved by utility and block, averaged over the sets; one seed a set and repeat, the same for every arm."""
        saved = np.zeros_like(self._base[0])
        for i, members in enumerate(self.choice.sets):
            joins, leaves = take(members, np.random.default_rng([self.seed, 5, repeat, i]))
            after = np.union1d(np.setdiff1d(members, leaves), joins)
            saved += self._base[i] - self.losses(after)
        tell()
        return saved / len(self.choice.sets)


def _judged(
    run: _Run, found: dict[str, np.ndarray], repeats: int, sizes: IntVector, tell: Callable[[], None]
) -> Verification:
    weight = run.rows.shares
    names = tuple(found)
    own = np.array([_interval(found[name][:, 0], None, weight) for name in names])
    over = np.array([
        (np.nan,) * 3 if name == "random" else _interval(found[name][:, 0], found["random"][:, 0], weight) for name in names
    ])  # fmt: skip
    if len(run.utilities) > 1:
        accuracy = np.array([_interval(found[name][:, 1], None, weight) for name in names])
    else:
        accuracy = np.full((len(names), 3), np.nan)
    at = names.index("list")
    worth = _worth(run, Promise(*(own[at, [i]] for i in range(3))), sizes, tell) if sizes.size else None
    return Verification(
        arms=names,
        **dict(zip(("gain", "low", "high"), own.T, strict=True)),
        **dict(zip(("over_random", "over_random_low", "over_random_high"), over.T, strict=True)),
        **dict(zip(("accuracy", "accuracy_low", "accuracy_high"), accuracy.T, strict=True)),
        repeats=repeats,
        n_test=int(run.rows.y.size),
        n_points=int(run.choice.points.size),
        utility=run.choice.utility,
        verdict=_verdict(own[at], over[at], run.choice),
        worth=worth,
    )


def _interval(gains: FloatMatrix, beyond: FloatMatrix | None, weight: FloatVector) -> tuple[float, float, float]:
    """Mean and its 95 % interval of gains (repeats, b), or of what they are beyond others', paired by block.

    A single list is held against single lists of the others' kind, not against their mean alone: a list of random points is
    one of them, and is to be told apart from them once in twenty times.
    """
    paired = gains.mean(axis=0) - (0.0 if beyond is None else beyond.mean(axis=0))
    mean = float(paired @ weight)
    variance = float(paired.var(ddof=1)) / paired.size if paired.size > 1 else 0.0
    for drawn in (gains, beyond):
        if drawn is not None and drawn.shape[0] > 1:
            scatter = float((drawn @ weight).var(ddof=1))
            variance += scatter / drawn.shape[0] + (scatter if drawn is beyond and gains.shape[0] == 1 else 0.0)
    reach = _Z95 * float(np.sqrt(variance))
    return mean, mean - reach, mean + reach


def _worth(run: _Run, listed: Promise, sizes: IntVector, tell: Callable[[], None]) -> RandomWorth:
    gains = np.zeros(sizes.size)
    for i, size in enumerate(sizes):

        def take(members: IntVector, rng: np.random.Generator, size: int = int(size)) -> tuple[IntVector, IntVector]:  # noqa: ARG001
            return rng.choice(run.choice.candidates, size, replace=False), _NOBODY

        gains[i] = np.mean([run.gains(take, repeat, tell)[0] @ run.rows.shares for repeat in range(_GROWING_REPEATS)])
    return number_reaching(listed, sizes, gains)


def _verdict(own: FloatVector, over: FloatVector, choice: Choice) -> str:
    n, unit = choice.points.size, "nats" if choice.utility.endswith("log_loss") else choice.utility
    what = f"{'This point' if n == 1 else f'These {n} points'}"
    gain, low, high = over
    said = f"{gain:+.2g} {unit}, 95 %: {low:+.2g} to {high:+.2g}"
    if low > 0:
        against = f"{what} did better on the test set than as many random ones ({said})"
    elif high < 0:
        against = f"{what} did worse on the test set than as many random ones ({said})"
    else:
        against = f"On the test set no difference from as many random points can be told ({said})"
    if own[1] > 0:
        return f"{against}, and better than the set as it is."
    if own[2] < 0:
        return f"{against}, and worse than the set as it is: do not use this list."
    return f"{against}; whether the set gains at all cannot be told."

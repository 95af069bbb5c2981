"""Verification: the list against other lists of its length, by training on each and measuring on the test set.

Nothing else reads the test set. All arms train on the same sets with the same seeds and are measured on the same rows, so
that differences are paired: over blocks of test rows, and over repeats where an arm draws at random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dscale_core.curation.arms import ARMS, Question, arms_of
from dscale_core.curation.choice import Choice, RandomWorth
from dscale_core.curation.on_test import OnTest, interval, measured_on_test
from dscale_core.curation.promise import Promise, number_reaching, random_sizes
from dscale_core.curation.words import two_digits
from dscale_core.curation.workers import done_by_each
from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, FloatMatrix, FloatVector, Laws, Learner

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Verification", "verify"]

_GROWING_REPEATS = 20  # of a mean that one number is read off from


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
    n_jobs: int = 1,
) -> Verification:
    """Train on the list and on the other arms, and measure on the test set.

    repeats : draws of each arm that is random; of random points in growing numbers 20 at most
    n_jobs : worker processes; the result is the same for any number

    Arms that rank by laws are left out where ``laws`` is None. Raises ArgumentError for an empty list, a dataset without
    test rows, unknown arms, fewer than two repeats.
    """
    if choice.points.size == 0:
        raise ArgumentError("choice", "hold a point", "an empty list", "There is nothing to verify: keep the set as it is.")
    test = measured_on_test(dataset, learner, choice.utility, repeats, seed)
    used = {name: arm for name, arm in arms_of(arms).items() if laws is not None or not arm.needs_laws}
    run = _Run(test, Question(dataset, choice, laws), seed, tuple(test.losses(members) for members in choice.sets))
    trials = [
        *(_Trial(name, repeat) for name, arm in used.items() for repeat in range(repeats if arm.repeated else 1)),
        *_growing(choice, repeats),
    ]
    gains = done_by_each(run.gains, trials, n_jobs, on_progress)
    found = {name: np.stack([gain for trial, gain in zip(trials, gains, strict=True) if trial.arm == name]) for name in used}
    grown = [(trial.size, gain) for trial, gain in zip(trials, gains, strict=True) if trial.size]
    return _judged(run, found, repeats, grown)


@dataclass(frozen=True)
class _Trial:
    """One set to train on: by an arm, or with so many random points."""

    arm: str
    repeat: int
    size: int = 0


def _growing(choice: Choice, repeats: int) -> list[_Trial]:
    """Random points in growing numbers; where all candidates join, one order is as good as another."""
    if choice.goal == "drop":
        return []
    sizes, n = random_sizes(choice.candidates.size).tolist(), choice.candidates.size
    most = min(repeats, _GROWING_REPEATS)
    return [_Trial("", repeat, size) for size in sizes for repeat in range(most if size < n else 1)]


@dataclass(frozen=True, eq=False)
class _Run:
    """Trainings on the sets of a choice, measured on the test set in blocks."""

    test: OnTest
    question: Question
    seed: int
    base: tuple[FloatMatrix, ...]  # losses of the sets as they are

    def gains(self, trial: _Trial) -> FloatMatrix:
        """Loss saved by utility and block, averaged over the sets; one seed a set and repeat, the same for every arm."""
        saved = np.zeros_like(self.base[0])
        for i, members in enumerate(self.question.choice.sets):
            generator = np.random.default_rng([self.seed, 5, trial.repeat, i])
            if trial.size:
                joins, leaves = generator.choice(self.question.choice.candidates, trial.size, replace=False), members[:0]
            else:
                joins, leaves = ARMS[trial.arm].take(self.question, members, generator)
            saved += self.base[i] - self.test.losses(np.union1d(np.setdiff1d(members, leaves), joins))
        return saved / len(self.base)


def _judged(run: _Run, found: dict[str, np.ndarray], repeats: int, grown: Sequence[tuple[int, FloatMatrix]]) -> Verification:
    weight, choice = run.test.rows.shares, run.question.choice
    names = tuple(found)
    own = np.array([interval(found[name][:, 0], None, weight) for name in names])
    over = np.array([
        (np.nan,) * 3 if name == "random" else interval(found[name][:, 0], found["random"][:, 0], weight) for name in names
    ])  # fmt: skip
    if len(run.test.utilities) > 1:
        accuracy = np.array([interval(found[name][:, 1], None, weight) for name in names])
    else:
        accuracy = np.full((len(names), 3), np.nan)
    at = names.index("list")
    listed = Promise(*(own[at, [i]] for i in range(3)))
    return Verification(
        arms=names,
        **dict(zip(("gain", "low", "high"), own.T, strict=True)),
        **dict(zip(("over_random", "over_random_low", "over_random_high"), over.T, strict=True)),
        **dict(zip(("accuracy", "accuracy_low", "accuracy_high"), accuracy.T, strict=True)),
        repeats=repeats,
        n_test=int(run.test.rows.y.size),
        n_points=int(choice.points.size),
        utility=choice.utility,
        verdict=_verdict(own[at], over[at], choice),
        worth=_worth(listed, grown, weight) if grown else None,
    )


def _worth(listed: Promise, grown: Sequence[tuple[int, FloatMatrix]], weight: FloatVector) -> RandomWorth:
    sizes = np.unique([size for size, _ in grown])
    means = [float(np.mean([saved[0] @ weight for size, saved in grown if size == one])) for one in sizes]
    return number_reaching(listed, sizes, np.array(means))


def _verdict(own: FloatVector, over: FloatVector, choice: Choice) -> str:
    n, unit = choice.points.size, "nats" if choice.utility.endswith("log_loss") else choice.utility
    what = f"{'This point' if n == 1 else f'These {n} points'}"
    gain, low, high = over
    said = f"{two_digits(gain, '+')} {unit}, 95 %: {two_digits(low, '+')} to {two_digits(high, '+')}"
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

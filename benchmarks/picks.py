"""Do chosen lists help? ``python -m benchmarks.picks [--sets NAME …] [--sizes 200 500 1000] [--repeats 20] [--jobs 2]``.

For every data set and size: current sets drawn at random, up to 2,000 candidates, at most 100 points chosen by `choose`, and
the loss of refits on test rows that nothing else has seen. Each repeat splits the table anew. Beside the list stand as
many random candidates (mean of ten draws) and nothing at all; the promise is held against the gain that came.

The sets are classified by logistic regression, but for two: ``magic_distance`` (ridge, mean squared error: the distance of
magic_telescope's showers from its other measurements) and ``digits`` (softmax on scikit-learn's handwritten digits).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables import print_table

if TYPE_CHECKING:
    from dscale_core.types import Dataset, Learner

__all__ = ["Cell", "Run", "main", "measure", "summary"]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = ("2dplanes", "pol", "miniboone_6600", "magic_telescope", "adult", "phoneme")
OTHERS = ("magic_distance", "digits")
SIZES = (200, 500, 1000)
_CANDIDATES, _BUDGET, _RANDOM = 2000, 100, 10
_VALUATION, _TEST = 1000, 10_000
_RANDOM_SIZES = (100, 200, 400, 800, 1600)


@dataclass(frozen=True)
class Run:
    """One list and what came of it: gains are mean loss or error saved on the test rows; accuracy is NaN for regression."""

    n: int
    gain: float
    random: float
    accuracy: float
    random_accuracy: float
    promise: float
    low: float
    high: float
    growing: tuple[float, ...]  # gains of _RANDOM_SIZES random points
    seconds: float


@dataclass(frozen=True)
class Cell:
    """All runs of one set and size."""

    name: str
    k: int
    runs: tuple[Run, ...]


def measure(name: str, k: int, repeat: int) -> Run:
    """Split, choose, refit and measure once; the seed is the repeat's number."""
    from threadpoolctl import threadpool_limits

    from dscale_core.curation import choose, random_sets

    dataset, learner = _problem(name, k, repeat)
    current = random_sets(dataset, k, 1, repeat)[0]
    generator = np.random.default_rng([repeat, 17])
    candidates = generator.permutation(np.setdiff1d(np.arange(dataset.n_points), current))[:_CANDIDATES]
    with threadpool_limits(1):
        began = time.perf_counter()
        choice = choose(dataset, learner, current, candidates, n=_BUDGET, seed=repeat)
        seconds = time.perf_counter() - began
        base = _losses(dataset, learner, current)

        def of_random(n: int, draws: int) -> np.ndarray:
            drawn = [np.union1d(current, generator.choice(candidates, n, replace=False)) for _ in range(draws)]
            return np.asarray(np.mean([base - _losses(dataset, learner, members) for members in drawn], axis=0))

        n = choice.points.size
        gain = base - _losses(dataset, learner, choice.carried_out(current))
        random = of_random(n, _RANDOM) if n else np.zeros(2)
        growing = [float(of_random(min(size, candidates.size), 3)[0]) for size in _RANDOM_SIZES]
    ends = (choice.promise[-1], choice.promise_low[-1], choice.promise_high[-1]) if n else (0.0, 0.0, 0.0)
    promise, low, high = (float(end) for end in ends)
    return Run(
        n, float(gain[0]), float(random[0]), float(gain[1]), float(random[1]), promise, low, high, tuple(growing), seconds
    )


def _problem(name: str, k: int, repeat: int) -> tuple[Dataset, Learner]:
    """The rows of one repeat, split, and the learner of the set."""
    import pandas as pd
    from sklearn.datasets import load_digits

    import dscale_core as ds

    if name == "digits":
        digits = load_digits()
        frame = pd.DataFrame(digits.data).add_prefix("pixel_").assign(label=digits.target.astype(str))
    elif name == "magic_distance":
        frame = pd.read_csv(DATA / "magic_telescope.csv.gz").drop(columns="label")
        frame = frame.rename(columns={"fDist": "label"})
    else:
        frame = pd.read_csv(DATA / f"{name}.csv.gz")
    held_out = _VALUATION if len(frame) > 2 * _CANDIDATES else len(frame) // 10
    test = int(np.clip(len(frame) - k - _CANDIDATES - held_out - 50, 0.3 * len(frame), _TEST))
    frame = frame.sample(n=min(len(frame), k + _CANDIDATES + held_out + test + 50), random_state=repeat)
    shares = {"valuation": held_out / len(frame), "test": test / len(frame)}
    dataset = ds.read_table(frame, "label", **shares, seed=repeat)  # type: ignore[arg-type]
    return dataset, ds.make_learner("ridge" if dataset.task == "regression" else "logistic")


def _losses(dataset: Dataset, learner: Learner, members: np.ndarray) -> np.ndarray:
    """Loss and error on the test rows of a fit to these members."""
    from dscale_core.types import ValuationRows, default_utility

    rows = ValuationRows(dataset.X_test, dataset.y_test, np.zeros(1, dtype=np.int64))
    utilities = [default_utility(dataset.task), *(["accuracy"] if dataset.task == "classification" else [])]
    found = learner.block_losses(dataset, members, rows, utilities)[:, 0]
    return np.append(found, np.nan)[:2]


def summary(cell: Cell) -> tuple[str, ...]:
    """A row of the table: means over runs, 95 % intervals by Student's t."""
    runs = cell.runs
    gain, random = np.array([r.gain for r in runs]), np.array([r.random for r in runs])
    _, low, high = _interval(gain - random)
    _, own_low, own_high = _interval(gain)
    inside = np.mean([r.low <= r.gain <= r.high for r in runs])
    growing = np.mean([r.growing for r in runs], axis=0)
    accuracy = 100 * np.mean([r.accuracy - r.random_accuracy for r in runs])
    verdict = "better" if low > 0 else "worse" if high < 0 else "-"
    harm = "worse" if own_high < 0 else "better" if own_low > 0 else "-"
    n = float(np.mean([r.n for r in runs]))
    promised, seconds = np.mean([r.promise for r in runs]), np.mean([r.seconds for r in runs])
    return (
        cell.name,
        str(cell.k),
        f"{n:.0f}",
        f"{gain.mean():+.4f}",
        f"{random.mean():+.4f}",
        f"{low:+.4f} to {high:+.4f}",
        verdict,
        harm,
        f"{accuracy:+.2f}",
        _worth(float(gain.mean()), growing, n),
        f"{promised:+.4f}",
        f"{100 * inside:.0f} %",
        f"{seconds:.1f}",
    )


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    from scipy.stats import t

    mean = float(values.mean())
    reach = float(t.ppf(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else np.inf
    return mean, mean - reach, mean + reach


def _worth(gain: float, growing: np.ndarray, n: float) -> str:
    """How many random points gain as much, over the number chosen."""
    reached = np.maximum.accumulate(growing)
    if gain <= 0 or n == 0:
        return "0"
    if gain > reached[-1]:
        return f"> {_RANDOM_SIZES[-1] / n:.0f}"
    if gain < reached[0]:
        return f"{_RANDOM_SIZES[0] * gain / reached[0] / n:.1f}"
    return f"{float(np.exp(np.interp(gain, reached, np.log(_RANDOM_SIZES)))) / n:.0f}"


def main() -> None:
    """Measure and print the table."""
    from joblib import Parallel, delayed

    parser = argparse.ArgumentParser(prog="benchmarks.picks", description="Chosen lists against random ones, on test rows.")
    parser.add_argument("--sets", nargs="+", default=[*SETS, *OTHERS])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rows = []
    headings = (
        "set", "k", "points", "gain", "random", "list - random, 95 %", "", "over nothing", "accuracy, points", "worth x",
        "promised", "held", "s",
    )  # fmt: skip
    for name in options.sets:
        for k in options.sizes:
            if name == "digits" and k > 500:
                continue  # 1,797 rows leave no candidates
            runs = Parallel(options.jobs)(delayed(measure)(name, k, repeat) for repeat in range(options.repeats))
            rows.append(summary(Cell(name, k, tuple(runs))))
            print(*rows[-1], flush=True)
    print_table(headings, rows)


if __name__ == "__main__":
    main()

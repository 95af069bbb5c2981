"""Contributions per second of every engine against the literal two-refit loop, and their error against tight refits.

    python -m benchmarks.sampling [--tables adult.csv.gz] [--sizes 100 300 1000] [--learners logistic knn]

One run, one thread, best of several. The literal loop is the published one: for every delta, fit the learner on D and on
D + z and take the loss of each on the valuation set (`benchmarks.literal`), with scikit-learn as people run it and, where
there is a tolerance to set, at 1e-8. An engine's time includes its share of the base fit. The error is max |engine - refit|
over the standard deviation of delta over points, with the learner's own independent tight refits; where an engine promises
the literal loop's own numbers (trees), with those.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.literal import LITERAL, Make, literal_delta
from benchmarks.tables import best_seconds, print_table
from dscale_core.correlation import spearman
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, FloatVector, IntVector, Learner, default_utility

_VALUATION = 1000  # points, as published
_REGRESSION = ("ridge", "linear")


@dataclass(frozen=True)
class Effort:
    """How many contributions are timed and checked."""

    engine: int
    literal: int
    checked: int


_EFFORT = {"mlp": Effort(64, 3, 20), "kernel_logistic": Effort(3000, 6, 15), "svm": Effort(3000, 6, 40)}
_REFIT_EFFORT, _EXACT_EFFORT = Effort(100, 5, 5), Effort(10_000, 12, 60)


@dataclass(frozen=True)
class Comparison:
    """One learner at one size on one dataset."""

    learner: str
    dataset: str
    features: int
    size: int
    engine_us: float  # a delta
    literal_ms: float  # a delta, default settings
    tight_ms: float  # a delta at 1e-8; NaN where there is no tolerance
    error: float  # max |engine - tight refit| over the spread
    literal_error: float  # the same of the literal loop itself
    rank_correlation: float

    @property
    def ratio(self) -> float:
        """How many times faster the engine is than the loop as people run it."""
        return 1e3 * self.literal_ms / self.engine_us


def compare(name: str, dataset: Dataset, size: int) -> Comparison:
    """Time and check one learner's engine at one size."""
    learner, utility, literal = ds.make_learner(name), default_utility(dataset.task), LITERAL[name]
    effort = _EFFORT.get(name, _EXACT_EFFORT if learner.exact else _REFIT_EFFORT)
    members = Coalitions(dataset, ds.SamplingPlan(sizes=(size,), draws=1)).members(0)
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    points = np.random.default_rng(0).permutation(outside)[: effort.engine]
    engine = learner.bind(dataset, utility)
    engine.contributions(members, points[: max(2, effort.engine // 10)])  # compiled and warm
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of steps is the perceptron's method
        seconds = best_seconds(lambda: engine.contributions(members, points), 3 if learner.exact else 1)
        default_ms, by_loop = _literal(literal.default, name, dataset, members, points[: effort.literal])
        tight_ms = np.nan
        if literal.tight is not None:
            tight_ms, _ = _literal(literal.tight, name, dataset, members, points[: effort.literal])
        delta = engine.contributions(members, points).delta
        truth = _tight(learner, dataset, members, points[: effort.checked], utility) if learner.exact else by_loop
    spread = float(delta.std())
    found, shared = delta[: truth.size], min(truth.size, by_loop.size)
    return Comparison(
        learner=name,
        dataset=dataset.name,
        features=dataset.n_features,
        size=size,
        engine_us=1e6 * seconds / points.size,
        literal_ms=default_ms,
        tight_ms=tight_ms,
        error=float(np.abs(found - truth).max()) / spread,
        literal_error=float(np.abs(by_loop[:shared] - truth[:shared]).max()) / spread,
        rank_correlation=spearman(found, truth),
    )


def _literal(make: Make, name: str, dataset: Dataset, members: IntVector, points: IntVector) -> tuple[float, FloatVector]:
    """Milliseconds a delta of the literal loop, and its values."""
    values = np.empty(points.size)

    def run() -> None:
        values[:] = [literal_delta(LITERAL[name], make, dataset, members, int(z)) for z in points]

    return 1e3 * best_seconds(run, 2) / points.size, values


def _tight(learner: Learner, dataset: Dataset, members: IntVector, points: IntVector, utility: str) -> FloatVector:
    base = learner.reference_loss(dataset, members, utility)
    return np.array([base - learner.reference_loss(dataset, np.append(members, z), utility) for z in points])


def published_shape(dataset: Dataset) -> Dataset:
    """The dataset with a valuation set of 1,000 points at most, as in the publication."""
    return replace(dataset, X_valuation=dataset.X_valuation[:_VALUATION], y_valuation=dataset.y_valuation[:_VALUATION])


def gaussian(d: int, n: int = 7000) -> Dataset:
    """A noisy linear problem with d Gaussian features, the shape of `lm_clf`: name ``gaussian``."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, d))
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(d)])
    frame["label"] = np.where(X @ generator.normal(size=d) + 0.1 * generator.normal(size=n) > 0, "yes", "no")
    return ds.read_table(frame, valuation=_VALUATION, test=100, name="gaussian")


def cases(learners: list[str], tables: list[Path], sizes: list[int]) -> Iterator[tuple[str, Dataset, int]]:
    """Which learner is compared on what, at which sizes."""
    binary = [ds.load_dataset("lm_clf"), *(ds.read_table(path, label="label") for path in tables)]
    for name in learners:
        datasets = [ds.load_dataset("lm_reg")] if name in _REGRESSION else list(binary)
        if name == "logistic":
            datasets += [gaussian(256), ds.load_dataset("digits")]
        for dataset in map(published_shape, datasets):
            yield from ((name, dataset, size) for size in sizes if size < dataset.n_points)


def main() -> None:
    parser = argparse.ArgumentParser(description="engines against literal refits, one thread")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], help="also tables with a binary column named label")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--learners", nargs="+", choices=list(LITERAL), default=list(LITERAL))
    options = parser.parse_args()
    found = [compare(*case) for case in cases(options.learners, options.tables, options.sizes)]
    header = ["learner", "dataset", "d", "k", "delta/s", "loop/s", "ratio", "at 1e-8", "error", "loop's error", "Spearman"]
    print_table(header, [_row(c) for c in found])
    print("\nmean over sizes of the time a delta")
    for name, data in dict.fromkeys((c.learner, c.dataset) for c in found):
        some = [c for c in found if (c.learner, c.dataset) == (name, data)]
        ratio = 1e3 * sum(c.literal_ms for c in some) / sum(c.engine_us for c in some)
        print(f"{name:18} {data:18} ratio {ratio:9,.1f}   worst error {max(c.error for c in some):.1e} of the spread")


def _row(c: Comparison) -> list[str]:
    tight = "" if np.isnan(c.tight_ms) else f"{1e3 * c.tight_ms / c.engine_us:,.0f}"
    speed = [f"{1e6 / c.engine_us:,.0f}", f"{1e3 / c.literal_ms:,.1f}", f"{c.ratio:,.1f}", tight]
    checks = [f"{c.error:.1e}", f"{c.literal_error:.1e}", f"{c.rank_correlation:.6f}"]
    return [c.learner, c.dataset, str(c.features), str(c.size), *speed, *checks]


if __name__ == "__main__":
    main()

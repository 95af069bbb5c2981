"""Draws per second of the exact engines against the literal two-refit loop, and their error against tight refits.

    python -m benchmarks.sampling [--table adult.csv.gz] [--sizes 100 300 1000]

One run, one thread. The literal loop is the published one: for every delta, fit the learner on D and on D + z and take the
loss of each on the valuation set, all with scikit-learn at its default tolerance. Both sides are timed best of several, and
the engine's time includes its share of the base fit. The error is max |engine - refit| over the standard deviation of delta
over points, with refits at a tolerance of 1e-10.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.tables import best_seconds, print_table
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, IntVector

_VALUATION = 1000  # points, as published
_LITERAL = 12  # deltas a timing of the literal loop


@dataclass(frozen=True)
class Comparison:
    """One size on one dataset."""

    dataset: str
    features: int
    size: int
    engine_us: float  # a delta
    literal_ms: float  # a delta
    error: float  # max |engine - tight refit| over the spread
    rank_correlation: float

    @property
    def ratio(self) -> float:
        """How many times faster the engine is."""
        return 1e3 * self.literal_ms / self.engine_us


def literal_delta(dataset: Dataset, members: IntVector, point: int) -> float:
    """L(f_D) - L(f_{D+z}) as the publication computes it: two fits from scratch."""
    losses = []
    for chosen in (members, np.append(members, point)):
        model = LogisticRegression(max_iter=1000).fit(dataset.X_pool[chosen], dataset.y_pool[chosen])
        losses.append(log_loss(dataset.y_valuation, model.predict_proba(dataset.X_valuation)))
    return float(losses[0] - losses[1])


def compare(dataset: Dataset, size: int, n_reference: int = 60) -> Comparison:
    """Time and check the logistic engine at one size."""
    learner = ds.make_learner("logistic")
    plan = ds.SamplingPlan(sizes=(size,), draws=1)
    members = Coalitions(dataset, plan).members(0)
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    engine = learner.bind(dataset, "log_loss")
    engine.contributions(members, outside[:600])  # compiled and warm
    some = np.random.default_rng(0).permutation(outside)[:n_reference]
    with threadpool_limits(limits=1):
        seconds = best_seconds(lambda: engine.contributions(members, outside))
        literal = best_seconds(lambda: [literal_delta(dataset, members, z) for z in some[:_LITERAL]]) / _LITERAL
        delta = engine.contributions(members, outside).delta
        base = learner.reference_loss(dataset, members, "log_loss")
        tight = np.array([base - learner.reference_loss(dataset, np.append(members, z), "log_loss") for z in some])
    found = delta[np.searchsorted(outside, some)]
    return Comparison(
        dataset.name,
        dataset.n_features,
        size,
        1e6 * seconds / outside.size,
        1e3 * literal,
        float(np.abs(found - tight).max() / delta.std()),
        float(spearmanr(found, tight).statistic),
    )


def published_shape(dataset: Dataset) -> Dataset:
    """The dataset with a valuation set of 1,000 points at most, as in the publication."""
    return replace(dataset, X_valuation=dataset.X_valuation[:_VALUATION], y_valuation=dataset.y_valuation[:_VALUATION])


def main() -> None:
    parser = argparse.ArgumentParser(description="engine against literal refits, one thread")
    parser.add_argument("--table", type=Path, help="also a table, such as adult.csv.gz, with a column named label")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000])
    options = parser.parse_args()
    datasets = [ds.load_dataset("lm_clf")]
    if options.table:
        datasets.append(ds.read_table(options.table, label="label"))
    rows = []
    for dataset in datasets:
        found = [compare(published_shape(dataset), size) for size in options.sizes]
        for c in found:
            times = [f"{1e6 / c.engine_us:,.0f}", f"{1e3 / c.literal_ms:,.1f}", f"{c.ratio:,.0f}"]
            checks = [f"{c.error:.1e}", f"{c.rank_correlation:.6f}"]
            rows.append([c.dataset, str(c.features), str(c.size), *times, *checks])
        engine = len(found) / sum(c.engine_us for c in found) * 1e6
        literal = len(found) / sum(c.literal_ms for c in found) * 1e3
        worst = max(c.error for c in found)
        summary = [f"{engine:,.0f}", f"{literal:,.1f}", f"{engine / literal:,.0f}", f"{worst:.1e}", ""]
        rows.append([f"{found[0].dataset}, all sizes", str(found[0].features), "", *summary])
    print_table(["dataset", "d", "k", "engine delta/s", "literal delta/s", "ratio", "error/spread", "Spearman"], rows)


if __name__ == "__main__":
    main()

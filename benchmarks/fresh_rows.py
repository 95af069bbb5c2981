"""Values on rows that no draw saw, of fresh valuation rows and of a fixed set: ``python -m benchmarks.fresh_rows``.

Logistic regression, a valuation set of 1,000, 300 points. Laws (shrinkage, guided as in a study) of 20 and
of 100 draws from k = 100 to 1,000 are held against mean contributions of other coalitions at three sizes, measured on up to
8,000 rows that are neither in the pool nor in the valuation set. ``R²``: 1 − mean squared error / variance of the means;
``of true``: the same with the means' own noise taken off both, by coalitions and by blocks of their rows. ``in 90``: share
of means within the 90 % interval as it stands; ``with error``: with the mean's own standard error added in quadrature.
Seconds of sampling and of fitting, both kinds in the same run, on one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.tables import print_table
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, Laws, ValuationRows

SIZES = (100, 300, 1000)
COUNTS = (20, 100)
TABLES = ("magic_telescope", "adult")
_HELD_OUT, _POINTS, _BLOCKS = 1_000, 300, 8
_TRUTH_SEED = 999
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """Means at each of SIZES and their standard errors, by coalitions and by rows, each (3, p)."""

    mean: Floats
    error: Floats


def read(path: Path, pool: int, truth_rows: int) -> Dataset:
    """The table with so many rows as its test set; the pool cut at random."""
    whole = ds.read_table(path, label="label", valuation=_HELD_OUT, test=truth_rows, seed=0)
    kept = np.sort(np.random.default_rng(0).permutation(whole.n_points)[:pool])
    return replace(whole, X_pool=whole.X_pool[kept], y_pool=whole.y_pool[kept], records=whole.records.iloc[kept])


def measure(dataset: Dataset, points: NDArray[np.int64], draws: int) -> Truth:
    """Mean contributions of coalitions of their own on the test rows, in eight blocks."""
    learner, length = ds.make_learner("logistic"), dataset.y_test.size
    rows = ValuationRows(dataset.X_test, dataset.y_test, np.linspace(0, length, _BLOCKS, endpoint=False).astype(np.int64))
    plan = ds.SamplingPlan(points=tuple(points.tolist()), sizes=SIZES, draws=draws, seed=_TRUTH_SEED, valuation="fixed")
    coalitions = Coalitions(dataset, plan)
    found: list[list[Floats]] = [[] for _ in SIZES]
    for j, size in enumerate(coalitions.sizes.tolist()):
        delta = learner.block_contributions(dataset, coalitions.members(j), points, rows, "log_loss").delta
        found[SIZES.index(size)].append(delta)
    mean, error = [], []
    for deltas in found:
        by_block = np.stack(deltas)  # (draws, p, blocks)
        whole = by_block @ rows.shares
        n = np.isfinite(whole).sum(axis=0)
        of_blocks = np.nanmean(by_block, axis=0)
        mean.append(np.nanmean(whole, axis=0))
        by_rows = of_blocks.std(axis=1, ddof=1) / np.sqrt(_BLOCKS)
        error.append(np.hypot(np.nanstd(whole, axis=0, ddof=1) / np.sqrt(n), by_rows))
    return Truth(np.array(mean), np.array(error))


def fitted(dataset: Dataset, plan: ds.SamplingPlan) -> tuple[Laws, float, float]:
    """Laws of one plan, and the seconds of sampling and of fitting."""
    learner, began = ds.make_learner("logistic"), time.perf_counter()
    draws = ds.sample(dataset, learner, plan)
    sampled = time.perf_counter()
    laws = ds.fit(dataset, learner, draws)
    return laws, sampled - began, time.perf_counter() - sampled


def score(laws: Laws, truth: Truth) -> Floats:
    """R², R² of the true means, coverage, coverage with the means' errors: (4, sizes)."""
    columns = []
    for i, k in enumerate(SIZES):
        psi, (low, high), mean, error = laws.psi(k), laws.psi_interval(k), truth.mean[i], truth.error[i]
        known = np.isfinite(psi)
        psi, half, mean, error = psi[known], 0.5 * (high - low)[known], mean[known], error[known]
        wrong, varied, noise = np.mean((mean - psi) ** 2), np.var(mean), np.mean(error**2)
        off = np.abs(psi - mean)
        inside = np.mean(off <= half), np.mean(off <= np.hypot(half, 1.645 * error))
        columns.append((1 - wrong / varied, 1 - (wrong - noise) / (varied - noise), *inside))
    return np.array(columns).T


def rows_of(name: str, dataset: Dataset, seeds: int, truth_draws: int) -> list[list[str]]:
    """One row a number of draws and a kind of valuation rows, averaged over seeds."""
    points = np.sort(np.random.default_rng(1).permutation(dataset.n_points)[:_POINTS])
    truth, table = measure(dataset, points, truth_draws), []
    ceiling = 1 - (truth.error**2).mean(axis=1) / truth.mean.var(axis=1)
    said = " ".join(f"{value:.2f}" for value in ceiling)
    print(f"{name}: a pool of {dataset.n_points:,}, {dataset.y_test.size:,} rows of truth; perfect laws would reach {said}")
    kinds: tuple[Literal["fixed", "fresh"], ...] = ("fixed", "fresh")
    for count in COUNTS:
        for kind in kinds:
            scores, seconds = [], []
            for seed in range(seeds):
                plan = ds.SamplingPlan(points=tuple(points.tolist()), draws=count, seed=seed, valuation=kind)
                laws, sampling, fitting = fitted(dataset, plan)
                scores.append(score(laws, truth))
                seconds.append((sampling, fitting))
            cells = [" ".join(f"{value:.2f}" for value in row) for row in np.mean(scores, axis=0)]
            table.append([name, str(count), kind, *cells, *(f"{s:.1f}" for s in np.median(seconds, axis=0))])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all and print one table."""
    parser = argparse.ArgumentParser(description="laws held against means on rows that no draw saw")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the tables")
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--pool", type=int, default=8_000, help="points, at most")
    parser.add_argument("--truth-rows", type=int, default=8_000)
    parser.add_argument("--truth-draws", type=int, default=300, help="a size")
    options = parser.parse_args(arguments)
    rows: list[list[str]] = []
    with threadpool_limits(1):
        for name in options.tables:
            rows += rows_of(
                name,
                read(options.data / f"{name}.csv.gz", options.pool, options.truth_rows),
                options.seeds,
                options.truth_draws,
            )
    print(f"at k = {', '.join(map(str, SIZES))}")
    print_table(["data", "draws", "rows", "R²", "of true", "in 90", "with error", "s sampling", "s fitting"], rows)


if __name__ == "__main__":
    main()

"""Values on rows that no draw saw, of fresh valuation rows and of a fixed set: ``python -m benchmarks.fresh_rows``.

Logistic regression unless another learner is named, a valuation set of 1,000, 300 points. Laws (as a study fits them) of 20
and of 100 draws from k = 100 to 1,000 are held against mean contributions of other coalitions at three sizes, measured on up
to 8,000 rows that are neither in the pool nor in the valuation set. ``R²``: 1 − mean squared error / variance of the means;
``of true``: the same with the means' own noise taken off both, by coalitions and by blocks of their rows. ``in 90``: share
of means within the 90 % interval as it stands; ``with error``: with the mean's own standard error added in quadrature;
``these rows``: the same without the part for other rows. Seconds of sampling and of fitting, all kinds in the same run, on
one thread. ``--pool 2000 --held-out 500 --rows 300`` is what few rows look like. Each seed cuts pool and valuation set anew
with ``--cuts``: means of one valuation set are off for all points alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.tables import print_table
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, Laws, Learner, ValuationRows, default_utility

SIZES = (100, 300, 1000)
COUNTS = (20, 100)
TABLES = ("magic_telescope", "adult")
_POINTS, _BLOCKS = 300, 8
_TRUTH_SEED = 999
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """Means at each size and their standard errors, by coalitions and by rows, each (sizes, p)."""

    mean: Floats
    error: Floats


@dataclass(frozen=True)
class Setting:
    """What is compared on one table."""

    learner: Learner
    methods: tuple[str, ...]
    valuations: tuple[Literal["fixed", "fresh"], ...]
    sizes: tuple[int, ...]
    valuation_rows: int
    truth_draws: int


def read(folder: Path, name: str) -> Dataset:
    """A table of the folder or a built-in dataset, all rows in its pool."""
    built_in = name in ds.list_datasets()
    whole = ds.load_dataset(name) if built_in else ds.read_table(folder / f"{name}.csv.gz", label="label", seed=0)
    X = np.vstack([whole.X_pool, whole.X_valuation, whole.X_test])
    return replace(whole, X_pool=X, y_pool=np.concatenate([whole.y_pool, whole.y_valuation, whole.y_test]))


def cut(whole: Dataset, number: int, pool: int, held_out: int, truth_rows: int) -> Dataset:
    """Pool, valuation set and, as the test set, rows of truth, at random."""
    order = np.random.default_rng(number).permutation(whole.n_points)
    kept, held, truth = np.split(order, (pool, pool + held_out))
    kept, truth = np.sort(kept), truth[:truth_rows]
    X, y = whole.X_pool, whole.y_pool
    return replace(
        whole, X_pool=X[kept], y_pool=y[kept], X_valuation=X[held], y_valuation=y[held], X_test=X[truth], y_test=y[truth],
        records=whole.records.iloc[:0],
    )  # fmt: skip


def measure(dataset: Dataset, setting: Setting, points: NDArray[np.int64]) -> Truth:
    """Mean contributions of coalitions of their own on the test rows, in eight blocks."""
    length = dataset.y_test.size
    rows = ValuationRows(dataset.X_test, dataset.y_test, np.linspace(0, length, _BLOCKS, endpoint=False).astype(np.int64))
    plan = ds.SamplingPlan(
        points=tuple(points.tolist()), sizes=setting.sizes, draws=setting.truth_draws, seed=_TRUTH_SEED, valuation="fixed"
    )
    coalitions, utility = Coalitions(dataset, plan), default_utility(dataset.task)
    found: dict[int, list[Floats]] = {k: [] for k in setting.sizes}
    for j, size in enumerate(coalitions.sizes.tolist()):
        delta = setting.learner.block_contributions(dataset, coalitions.members(j), points, rows, utility).delta
        found[size].append(delta)
    mean, error = [], []
    for deltas in found.values():
        by_block = np.stack(deltas)  # (draws, p, blocks)
        whole = by_block @ rows.shares
        n = np.isfinite(whole).sum(axis=0)
        of_blocks = np.nanmean(by_block, axis=0)
        mean.append(np.nanmean(whole, axis=0))
        by_rows = of_blocks.std(axis=1, ddof=1) / np.sqrt(_BLOCKS)
        error.append(np.hypot(np.nanstd(whole, axis=0, ddof=1) / np.sqrt(n), by_rows))
    return Truth(np.array(mean), np.array(error))


def score(laws: Laws, truth: Truth, sizes: tuple[int, ...]) -> Floats:
    """R², R² of the true means, coverage as it stands, with the means' errors, and without other rows: (5, sizes)."""
    columns = []
    for i, k in enumerate(sizes):
        psi, mean, error = laws.psi(k), truth.mean[i], truth.error[i]
        ends = (laws.psi_interval(k, other_rows=other) for other in (True, False))
        half, own = (0.5 * (high - low) for low, high in ends)
        known = np.isfinite(psi)
        psi, half, own, mean, error = (values[known] for values in (psi, half, own, mean, error))
        wrong, varied, noise = np.mean((mean - psi) ** 2), np.var(mean), np.mean(error**2)
        off = np.abs(psi - mean)
        inside = [np.mean(off <= half), *(np.mean(off <= np.hypot(width, 1.645 * error)) for width in (half, own))]
        columns.append((1 - wrong / varied, 1 - (wrong - noise) / (varied - noise), *inside))
    return np.array(columns).T


def of_cut(dataset: Dataset, setting: Setting, seeds: range) -> dict[tuple[int, str, str], list[Floats]]:
    """Scores and seconds of sampling and fitting by number of draws, kind of rows and estimator, over some seeds."""
    points = np.sort(np.random.default_rng(1).permutation(dataset.n_points)[:_POINTS])
    truth = measure(dataset, setting, points)
    ceiling = 1 - (truth.error**2).mean(axis=1) / truth.mean.var(axis=1)
    print(
        f"{dataset.name}: a pool of {dataset.n_points:,}, {dataset.y_test.size:,} rows of truth; perfect laws would reach "
        + " ".join(f"{value:.2f}" for value in ceiling)
    )
    found: dict[tuple[int, str, str], list[Floats]] = {}
    for count, kind, seed in product(COUNTS, setting.valuations, seeds):
        plan = ds.SamplingPlan(
            points=tuple(points.tolist()), min_size=min(setting.sizes), max_size=max(setting.sizes), draws=count, seed=seed,
            valuation=kind, valuation_rows=setting.valuation_rows,
        )  # fmt: skip
        began = time.perf_counter()
        draws = ds.sample(dataset, setting.learner, plan)
        sampled = time.perf_counter() - began
        for method in setting.methods:
            began = time.perf_counter()
            laws = ds.fit(dataset, setting.learner, draws, method)
            seconds = np.array([sampled, time.perf_counter() - began])
            scored = score(laws, truth, setting.sizes)
            found.setdefault((count, kind, method), []).append(np.append(scored.ravel(), seconds))
    return found


def rows_of(name: str, found: list[dict[tuple[int, str, str], list[Floats]]], n_sizes: int) -> list[list[str]]:
    """One row a number of draws, a kind of valuation rows and an estimator, averaged over cuts and seeds."""
    table = []
    for key in found[0]:
        values = np.mean([one for part in found for one in part[key]], axis=0)
        cells = [" ".join(f"{value:.2f}" for value in row) for row in values[:-2].reshape(-1, n_sizes)]
        table.append([name, str(key[0]), *key[1:], *cells, *(f"{s:.1f}" for s in values[-2:])])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all and print one table."""
    parser = argparse.ArgumentParser(description="laws held against means on rows that no draw saw")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the tables")
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    parser.add_argument("--learner", default="logistic")
    parser.add_argument("--methods", nargs="+", default=["shrinkage"])
    parser.add_argument("--valuations", nargs="+", default=["fixed", "fresh"])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--seeds", type=int, default=4, help="a cut")
    parser.add_argument("--cuts", type=int, default=1, help="of pool, valuation set and truth")
    parser.add_argument("--pool", type=int, default=8_000, help="points")
    parser.add_argument("--held-out", type=int, default=1_000, help="rows of the valuation set")
    parser.add_argument("--rows", type=int, default=1_000, help="fresh rows a coalition")
    parser.add_argument("--truth-rows", type=int, default=8_000, help="at most")
    parser.add_argument("--truth-draws", type=int, default=300, help="a size")
    options = parser.parse_args(arguments)
    setting = Setting(
        ds.make_learner(options.learner), tuple(options.methods), tuple(options.valuations), tuple(options.sizes),
        options.rows, options.truth_draws,
    )  # fmt: skip
    rows: list[list[str]] = []
    with threadpool_limits(1):
        for name in options.tables:
            whole = read(options.data, name)
            parts = [
                cut(whole, number, options.pool, options.held_out, options.truth_rows) for number in range(options.cuts)
            ]
            seeds = [range(number * options.seeds, (number + 1) * options.seeds) for number in range(options.cuts)]
            found = [of_cut(part, setting, some) for part, some in zip(parts, seeds, strict=True)]
            rows += rows_of(name, found, len(setting.sizes))
    print(f"at k = {', '.join(map(str, setting.sizes))}")
    header = [
        "data",
        "draws",
        "rows",
        "laws",
        "R²",
        "of true",
        "in 90",
        "with error",
        "these rows",
        "s sampling",
        "s fitting",
    ]
    print_table(header, rows)


if __name__ == "__main__":
    main()

"""How the cost of sampling grows, what a second process gains, the surrogate against the engine, and the published run.

    python -m benchmarks.scaling [--tables magic_telescope.csv.gz]

One run; everything but the second process on one thread, best of several.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.sampling import gaussian, published_shape
from benchmarks.tables import best_seconds, print_table
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, Learner, SamplingPlan

_PUBLISHED_SIZES = tuple(int(k) for k in np.rint(np.geomspace(100, 1000, 10)))
_PUBLISHED_CONTRIBUTIONS = 10_000_000  # 1,000 points x 10 sizes x 1,000 draws
_SURROGATE_POINTS = 5000


def microseconds(dataset: Dataset, size: int, n_points: int) -> float:
    """Time a contribution of the logistic engine, the base fit's share included."""
    engine = ds.make_learner("logistic").bind(dataset, "log_loss")
    members = Coalitions(dataset, SamplingPlan(sizes=(size,), draws=1)).members(0)
    points = np.setdiff1d(np.arange(dataset.n_points), members)[:n_points]
    engine.contributions(members, points[:300])
    with threadpool_limits(limits=1):
        return 1e6 * best_seconds(lambda: engine.contributions(members, points), 5) / points.size


def growth() -> None:
    """Cost against points, features and size."""
    base = gaussian(50)
    rows = [["points", str(p), f"{microseconds(base, 300, p):.1f}"] for p in (100, 300, 1000, 3000)]
    rows += [["features", str(d), f"{microseconds(gaussian(d), 300, 3000):.1f}"] for d in (10, 25, 50, 100, 256)]
    rows += [["size", str(k), f"{microseconds(base, k, 3000):.1f}"] for k in (100, 200, 500, 1000, 2000)]
    print("cost of the logistic engine around d = 50, k = 300, 3,000 points")
    print_table(["grows with", "value", "us a contribution"], rows)


def draws_and_processes() -> None:
    """Cost against draws, and two processes against one."""
    dataset, learner = gaussian(50), ds.make_learner("logistic")
    rows = []
    for draws in (50, 200, 400):
        seconds = [_timed(dataset, learner, SamplingPlan(draws=draws, valuation="fixed"), n_jobs) for n_jobs in (1, 2, 2, 1)]
        one, two = min(seconds[0], seconds[3]), min(seconds[1], seconds[2])
        rows.append([str(draws), f"{one:.2f}", f"{two:.2f}", f"{one / two:.2f}"])
    print(f"\n{dataset.n_points:,} points, d = 50, sizes 100 to 1000")
    print_table(["draws", "one process s", "two processes s", "ratio"], rows)


def _timed(dataset: Dataset, learner: Learner, plan: SamplingPlan, n_jobs: int) -> float:
    began = time.perf_counter()
    ds.sample(dataset, learner, plan, n_jobs=n_jobs)
    return time.perf_counter() - began


def surrogate(datasets: list[Dataset]) -> None:
    """The second-order surrogate against the exact engine, and the bias it has."""
    rows = []
    for dataset in datasets:
        learner = ds.make_learner("logistic")
        exact, cheap = learner.bind(dataset, "log_loss"), learner.surrogate(dataset, "log_loss")
        assert cheap is not None
        for size in (100, 300, 1000):
            members = Coalitions(dataset, SamplingPlan(sizes=(size,), draws=1)).members(0)
            points = np.setdiff1d(np.arange(dataset.n_points), members)[:_SURROGATE_POINTS]
            truth, found = exact.contributions(members, points).delta, cheap.contributions(members, points).delta
            with threadpool_limits(limits=1):
                slow = best_seconds(lambda: exact.contributions(members, points), 5)  # noqa: B023
                quick = best_seconds(lambda: cheap.contributions(members, points), 9)  # noqa: B023
            bias = float(np.var(found - truth) / np.var(truth))
            cells = [str(dataset.n_features), str(size), f"{1e3 * slow:.1f}", f"{1e3 * quick:.2f}"]
            rows.append([dataset.name, *cells, f"{slow / quick:.1f}", f"{bias:.1e}"])
    print(f"\nthe surrogate S2 at {_SURROGATE_POINTS:,} points a coalition")
    print_table(["dataset", "d", "k", "exact ms", "S2 ms", "ratio", "error variance / variance"], rows)


def published_run() -> None:
    """The standard validation run of the publication: 1,000 points x 10 sizes x 1,000 draws at d = 256."""
    plan = SamplingPlan(points=tuple(range(1000)), sizes=_PUBLISHED_SIZES, draws=4, valuation="fixed")
    dataset, learner = gaussian(256), ds.make_learner("logistic")
    ds.sample(dataset, learner, replace(plan, draws=1), n_jobs=2)
    seconds = _timed(dataset, learner, plan, 2)
    rate = plan.n_coalitions * 1000 / seconds
    minutes = _PUBLISHED_CONTRIBUTIONS / rate / 60
    print(f"\npublished run, d = 256, two processes: {rate:,.0f} contributions/s, {minutes:.0f} minutes for 10,000,000")


def main() -> None:
    parser = argparse.ArgumentParser(description="how sampling scales")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], help="also tables with a binary column named label")
    options = parser.parse_args()
    growth()
    draws_and_processes()
    surrogate([gaussian(50), *(published_shape(ds.read_table(path, label="label")) for path in options.tables)])
    published_run()


if __name__ == "__main__":
    main()

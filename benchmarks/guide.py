"""What the guide is worth: ``ds.fit`` against ``ds.fit_laws`` on the same few draws: ``python -m benchmarks.guide``.

breast_cancer, two-class logistic regression, all 341 points of the pool. Each seed draws 20 coalitions of 50 to 250 points;
the laws are held against the means of 1,000 further coalitions at each of three sizes, by R² over points. `fit` is given the
dataset and the learner and can ask the learner's surrogate and formula; `fit_laws` is given arrays: the draws alone, or the
draws with their passes and the points' classes. ``likelihood`` is the published estimator on the same draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

import dscale_core as ds
from benchmarks.tables import print_table
from dscale_core.types import Draws, Laws
from dscale_core.validation import accuracy_by_size

SIZES = (50, 112, 250)
_VALIDATION_SEED = 99


def main() -> None:
    """Draw, fit by each way, and print R² at each size: the median over seeds, and the lowest of all."""
    parser = argparse.ArgumentParser(prog="benchmarks.guide", description="ds.fit against ds.fit_laws on a few draws.")
    parser.add_argument("--draws", type=int, default=20, help="coalitions that laws are fitted to (default: 20)")
    parser.add_argument("--seeds", type=int, default=5, help="how often they are drawn (default: 5)")
    parser.add_argument("--held-out", type=int, default=1_000, help="validation coalitions a size (default: 1000)")
    options = parser.parse_args()
    dataset, learner = ds.load_dataset("breast_cancer"), ds.make_learner("logistic")
    held = ds.sample(
        dataset, learner, ds.SamplingPlan(sizes=SIZES, draws=options.held_out, seed=_VALIDATION_SEED, valuation="fixed")
    )
    ways: dict[str, Callable[[Draws], Laws]] = {
        "ds.fit": lambda draws: ds.fit(dataset, learner, draws),
        "ds.fit_laws": lambda draws: ds.fit_laws(draws.delta, draws.sizes),
        "ds.fit_laws, passes and classes": lambda draws: ds.fit_laws(
            draws.delta, draws.sizes, passes=draws.passes, groups=dataset.y_pool
        ),
        "ds.fit_laws, likelihood": lambda draws: ds.fit_laws(draws.delta, draws.sizes, method="likelihood"),
    }
    found: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    for seed in range(options.seeds):
        plan = ds.SamplingPlan(min_size=SIZES[0], max_size=SIZES[-1], draws=options.draws, seed=seed, valuation="fixed")
        draws = ds.sample(dataset, learner, plan)
        for name, fit in ways.items():
            found[name].append(accuracy_by_size(fit(draws), held.delta, held.sizes).r2)
    header = [f"{options.draws} draws, {options.seeds} seeds", *(f"k = {k}" for k in SIZES), "lowest"]
    rows = [[name, *(f"{r2:.2f}" for r2 in np.median(r2s, axis=0)), f"{np.min(r2s):.2f}"] for name, r2s in found.items()]
    print_table(header, rows)


if __name__ == "__main__":
    main()

"""Selection curves as SeqDataVal draws them (ICML 2026): ``python -m benchmarks.selection [--seeds 20]``.

500 candidates, 50 valuation and 500 test rows, logistic regression; points are added in a method's order, and the test
accuracy is averaged over all budgets. ``chosen, all rows`` values on the labelled candidates too, as `choose` does by
itself; ``chosen, 50 rows`` on the 50 alone. A list that has stopped goes on with the others in the order of their last
scores. It begins with one random point of each class, which counts for every method alike.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.picks import DATA
from benchmarks.tables import print_table

__all__ = ["main", "mean_accuracies"]

SETS = ("2dplanes", "miniboone_6600", "pol")
_CANDIDATES, _VALUATION, _TEST = 500, 50, 500


def mean_accuracies(name: str, seed: int) -> dict[str, float]:
    """Mean test accuracy over all budgets of each order."""
    import pandas as pd
    from threadpoolctl import threadpool_limits

    import dscale_core as ds
    from dscale_core.curation import whole_order
    from dscale_core.types import ValuationRows

    frame = pd.read_csv(DATA / f"{name}.csv.gz").sample(n=_CANDIDATES + _VALUATION + _TEST, random_state=seed)
    shares = {"valuation": _VALUATION / len(frame), "test": _TEST / len(frame)}
    dataset = ds.read_table(frame, "label", **shares, seed=seed)  # type: ignore[arg-type]
    learner, generator = ds.make_learner("logistic"), np.random.default_rng(seed)
    start = np.array([generator.choice(np.flatnonzero(dataset.y_pool == code)) for code in (0, 1)])
    left = np.setdiff1d(np.arange(dataset.n_points), start)
    rows = ValuationRows(dataset.X_test, dataset.y_test, np.zeros(1, dtype=np.int64))
    with threadpool_limits(1):

        def of(order: np.ndarray) -> float:
            errors = [
                learner.block_losses(dataset, np.sort(np.concatenate([start, order[:i]])), rows, ("accuracy",))[0, 0]
                for i in range(order.size + 1)
            ]
            return 1 - float(np.mean(errors))

        return {
            "random": float(np.mean([of(generator.permutation(left)) for _ in range(3)])),
            "chosen, all rows": of(whole_order(dataset, learner, start, left, seed)),
            "chosen, 50 rows": of(whole_order(dataset, learner, start, left, seed, value_on_candidates=False)),
        }


def main() -> None:
    """Measure and print the table."""
    from joblib import Parallel, delayed

    parser = argparse.ArgumentParser(prog="benchmarks.selection", description="Mean test accuracy over all budgets.")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rows = []
    for name in options.sets:
        found = Parallel(options.jobs)(delayed(mean_accuracies)(name, seed) for seed in range(options.seeds))
        random = np.array([each["random"] for each in found])
        for order in found[0]:
            own = np.array([each[order] for each in found])
            over = own - random
            reach = 1.96 * over.std(ddof=1) / np.sqrt(over.size)
            rows.append([name, order, f"{own.mean():.4f}", f"{over.mean():+.4f} ± {reach:.4f}"])
            print(*rows[-1], flush=True)
    print_table(["set", "order", "accuracy", "over random, 95 %"], rows)


if __name__ == "__main__":
    main()

"""How noisy contributions of the support vector machine are: random calibration folds against the engine's own sigmoid.

    python -m benchmarks.noise [--tables magic_telescope.csv.gz] [--size 200]

Base and refit of one contribution draw their folds by the same seed. What a seed does to all points alike is taken out:
noise is the standard deviation over seeds of the rest, signal that over points of the mean over seeds. The engine has no
seed; its noise is over the order of the members.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

import dscale_core as ds
from benchmarks.literal import Literal, literal_delta
from benchmarks.sampling import published_shape
from benchmarks.tables import print_table
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, FloatMatrix, FloatVector


def fold_noise(dataset: Dataset, size: int, n_points: int = 20, seeds: int = 6) -> tuple[float, float]:
    """Noise over signal with random folds, and of the engine."""
    members = Coalitions(dataset, ds.SamplingPlan(sizes=(size,), draws=1)).members(0)
    points = np.random.default_rng(1).permutation(np.setdiff1d(np.arange(dataset.n_points), members))[:n_points]
    engine = ds.make_learner("svm").bind(dataset, "log_loss")
    stock, ours = [], []
    for seed in range(seeds):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        stock_machine = CalibratedClassifierCV(SVC(), cv=folds, ensemble=False)
        literal = Literal(partial(_copy_of, stock_machine))
        stock.append([literal_delta(literal, literal.default, dataset, members, int(z)) for z in points])
        shuffled = np.random.default_rng(seed).permutation(members)
        ours.append(engine.contributions(shuffled, points).delta)
    return _noise_over_signal(np.array(stock)), _noise_over_signal(np.array(ours))


def _copy_of(machine: CalibratedClassifierCV, size: int) -> CalibratedClassifierCV:  # noqa: ARG001
    return clone(machine)


def _noise_over_signal(delta: FloatMatrix) -> float:
    own = delta - delta.mean(axis=1, keepdims=True)
    signal: FloatVector = own.mean(axis=0)
    return float(np.sqrt(((own - signal) ** 2).sum(axis=0).mean() / (delta.shape[0] - 1)) / signal.std())


def main() -> None:
    parser = argparse.ArgumentParser(description="noise of support vector machine contributions")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], help="also tables with a binary column named label")
    parser.add_argument("--size", type=int, default=200)
    options = parser.parse_args()
    datasets = [ds.load_dataset("digits_low_high"), *(ds.read_table(path, label="label") for path in options.tables)]
    rows = []
    for dataset in map(published_shape, datasets):
        stock, ours = fold_noise(dataset, options.size)
        rows.append([dataset.name, str(options.size), f"{stock:.2f}", f"{ours:.0e}"])
    print_table(["dataset", "k", "random folds", "engine"], rows)


if __name__ == "__main__":
    main()

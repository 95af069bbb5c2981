"""The `mlp` and `svm` engines against the literal two-refit loop in scikit-learn, and their error against refits.

    python -m benchmarks.engines_nonlinear [--tables magic_telescope.csv.gz adult.csv.gz] [--sizes 100 300 1000]

One run, one thread, best of several; see `benchmarks.sampling` for what a ratio and an error are. The perceptron's literal
loop is ``MLPClassifier`` with the same settings, its error is against that very loop in float64. The support vector machine
has two: ``CalibratedClassifierCV(SVC(), ensemble=False)``, five shuffled folds and a refit, which is what
``SVC(probability=True)`` did and what people run; and ``SVC`` with a sigmoid fitted to its in-sample margins, which is the
engine's own question. Its error is against tight refits of the latter.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.sampling import Comparison, published_shape
from benchmarks.tables import best_seconds, print_table
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector, Learner

__all__ = ["compare_mlp", "compare_svm", "fold_noise"]

Fit = Callable[[FloatMatrix, IntVector], Any]


def _literal_delta(fit: Fit, dataset: Dataset, members: IntVector, point: int) -> float:
    """L(f_D) - L(f_{D+z}) as a person writes it: two fits from scratch."""
    losses = []
    for chosen in (members, np.append(members, point)):
        model = fit(dataset.X_pool[chosen], dataset.y_pool[chosen])
        losses.append(log_loss(dataset.y_valuation, model.predict_proba(dataset.X_valuation)))
    return float(losses[0] - losses[1])


def _compare(learner: Learner, fit: Fit, dataset: Dataset, size: int, valued: int, literal: int, checked: int) -> Comparison:
    """Time ``valued`` points by the engine and ``literal`` by the loop; hold ``checked`` against reference refits."""
    members = Coalitions(dataset, ds.SamplingPlan(sizes=(size,), draws=1)).members(0)
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    points = np.random.default_rng(0).permutation(outside)[:valued]
    engine = learner.bind(dataset, "log_loss")
    engine.contributions(members, points[:2])  # compiled and warm
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of steps is the method
        seconds = best_seconds(lambda: engine.contributions(members, points))
        loop = best_seconds(lambda: [_literal_delta(fit, dataset, members, z) for z in points[:literal]]) / literal
        delta = engine.contributions(members, points).delta
        base = learner.reference_loss(dataset, members, "log_loss")
        tight = [base - learner.reference_loss(dataset, np.append(members, z), "log_loss") for z in points[:checked]]
    error = float(np.abs(delta[:checked] - tight).max() / delta.std())
    rank = float(spearmanr(delta[:checked], tight).statistic)
    return Comparison(dataset.name, dataset.n_features, size, 1e6 * seconds / points.size, 1e3 * loop, error, rank)


def compare_mlp(dataset: Dataset, size: int, activation: str = "tanh") -> Comparison:
    """Time and check the perceptron's engine at one size; gelu, which scikit-learn lacks, is timed against its tanh."""

    def fit(X: FloatMatrix, y: IntVector) -> Any:
        return MLPClassifier(
            hidden_layer_sizes=(32,),
            activation="tanh" if activation == "gelu" else activation,
            alpha=0.01,
            batch_size=X.shape[0],
            shuffle=False,
            learning_rate_init=0.01,
            max_iter=200,
            n_iter_no_change=201,
            tol=0.0,
            random_state=0,
        ).fit(X, y)

    learner = ds.make_learner("mlp", activation=activation)
    return _compare(learner, fit, dataset, size, valued=60, literal=3, checked=20)


def _folds(seed: int = 0) -> Fit:
    """The stock machine: a sigmoid fitted to scores from five folds drawn at random."""

    def fit(X: FloatMatrix, y: IntVector) -> Any:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        return CalibratedClassifierCV(SVC(), cv=folds, ensemble=False).fit(X, y)

    return fit


def _in_sample(X: FloatMatrix, y: IntVector) -> Any:
    return CalibratedClassifierCV(FrozenEstimator(SVC().fit(X, y)), ensemble=False).fit(X, y)


def compare_svm(dataset: Dataset, size: int, folds: bool = True) -> Comparison:
    """Time and check the support vector machine's engine at one size, against folds or an in-sample sigmoid."""
    fit = _folds() if folds else _in_sample
    return _compare(ds.make_learner("svm"), fit, dataset, size, valued=3000, literal=6, checked=60)


def fold_noise(dataset: Dataset, size: int, n_points: int = 20, seeds: int = 6) -> tuple[float, float]:
    """Noise over signal of the stock machine's delta, and of the engine's over orders of the members.

    Base and refit of one delta draw their folds by the same seed. What a seed does to all points alike is taken out: noise
    is the standard deviation over seeds of the rest, signal that over points of the mean over seeds.
    """
    members = Coalitions(dataset, ds.SamplingPlan(sizes=(size,), draws=1)).members(0)
    points = np.random.default_rng(1).permutation(np.setdiff1d(np.arange(dataset.n_points), members))[:n_points]
    engine = ds.make_learner("svm").bind(dataset, "log_loss")
    stock, ours = [], []
    for seed in range(seeds):
        stock.append([_literal_delta(_folds(seed), dataset, members, z) for z in points])
        shuffled = np.random.default_rng(seed).permutation(members)
        ours.append(engine.contributions(shuffled, points).delta)
    return _noise_over_signal(np.array(stock)), _noise_over_signal(np.array(ours))


def _noise_over_signal(delta: FloatMatrix) -> float:
    own = delta - delta.mean(axis=1, keepdims=True)
    signal: FloatVector = own.mean(axis=0)
    return float(np.sqrt(((own - signal) ** 2).sum(axis=0).mean() / (delta.shape[0] - 1)) / signal.std())


def main() -> None:
    parser = argparse.ArgumentParser(description="mlp and svm engines against literal refits, one thread")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], help="also tables with a column named label")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000])
    options = parser.parse_args()
    datasets = [ds.load_dataset("lm_clf"), ds.load_dataset("digits_low_high")]
    datasets += [ds.read_table(table, label="label") for table in options.tables]
    rows = []
    for dataset in map(published_shape, datasets):
        for size in (k for k in options.sizes if k < dataset.n_points):
            for name, found in (
                ("mlp tanh", compare_mlp(dataset, size)),
                ("svm, folds", compare_svm(dataset, size)),
                ("svm, in-sample", compare_svm(dataset, size, folds=False)),
            ):
                times = [f"{found.engine_us:,.0f}", f"{found.literal_ms:,.1f}", f"{found.ratio:,.0f}"]
                checks = [f"{found.error:.1e}", f"{found.rank_correlation:.6f}"]
                rows.append([name, dataset.name, str(dataset.n_features), str(size), *times, *checks])
    header = ["learner", "dataset", "d", "k", "engine us", "literal ms", "ratio", "error/spread", "Spearman"]
    print_table(header, rows)
    for dataset in map(published_shape, datasets):
        stock, ours = fold_noise(dataset, min(options.sizes))
        print(f"{dataset.name}, k = {min(options.sizes)}: noise over signal {stock:.2f} with folds, {ours:.0e} here")


if __name__ == "__main__":
    main()

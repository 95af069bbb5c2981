"""The softmax and `kernel_logistic` engines against the literal two-refit loop, and their error against tight refits.

    python -m benchmarks.engines_logistic [--tables magic_telescope.csv.gz] [--sizes 100 300 800]

One run, one thread, best of several; see `benchmarks.sampling` for what a ratio and an error are. The softmax engine's
literal loop is ``LogisticRegression(max_iter=1000)`` at its default tolerance. Kernel logistic regression has no twin in
scikit-learn: its literal loop is two cold fits by Newton's method, a factor a step, in float64 to 1e-10, with kernels by
``rbf_kernel``. A second column times the same loop with the engine's own, faster fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import rbf_kernel
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.sampling import Comparison, literal_delta, published_shape
from benchmarks.tables import best_seconds, print_table
from dscale_core.learners.kernel_fit import fit_kernel
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector, Learner

__all__ = ["compare_kernel_logistic", "compare_softmax"]

_C = 5.0
_LITERAL = 6  # deltas a timing of the literal loop
_POINTS = 3000  # candidates at most

Delta = Callable[[Dataset, IntVector, int], float]


@dataclass(frozen=True)
class KernelComparison(Comparison):
    """A comparison with a second loop."""

    own_fit_ms: float = 0.0  # a delta by two cold fits with the engine's own fit


def cold_fit(K: FloatMatrix, y: FloatVector) -> tuple[FloatVector, float]:
    """beta and b by Newton's method as the textbook has it (Rasmussen and Williams 2006, algorithm 3.1), with a constant."""
    f, beta = np.zeros(y.size), np.zeros(y.size)
    for _ in range(100):
        p = expit(f)
        w = np.maximum(_C * p * (1 - p), 1e-12)
        root = np.sqrt(w)
        factor = cho_factor(np.eye(y.size) + root[:, None] * K * root, lower=True)
        right = np.column_stack([w * f + _C * (y - p), w])
        solved = right - root[:, None] * cho_solve(factor, root[:, None] * (K @ right))
        b = float(solved[:, 0].sum() / solved[:, 1].sum())
        fresh = solved[:, 0] - b * solved[:, 1]
        moved = float(np.abs(fresh - beta).max())
        f, beta = K @ fresh + b, fresh
        if moved <= 1e-10 * _C:
            break
    return beta, b


def _own_fit(K: FloatMatrix, y: FloatVector) -> tuple[FloatVector, float]:
    fit = fit_kernel(K, y, _C)
    return fit.beta, fit.b


def _kernel_delta(fit: Callable[[FloatMatrix, FloatVector], tuple[FloatVector, float]]) -> Delta:
    def delta(dataset: Dataset, members: IntVector, point: int) -> float:
        gamma, losses = 1 / (dataset.n_features * dataset.X_pool.var()), []
        for chosen in (members, np.append(members, point)):
            X = dataset.X_pool[chosen]
            beta, b = fit(rbf_kernel(X, gamma=gamma), dataset.y_pool[chosen].astype(np.float64))
            losses.append(log_loss(dataset.y_valuation, expit(rbf_kernel(dataset.X_valuation, X, gamma=gamma) @ beta + b)))
        return float(losses[0] - losses[1])

    return delta


def _compare(learner: Learner, literal: Delta, dataset: Dataset, size: int, checked: int) -> Comparison:
    """Time all outside points (3,000 at most) by the engine, some by the loop, and check others against tight refits."""
    members = Coalitions(dataset, ds.SamplingPlan(sizes=(size,), draws=1)).members(0)
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    points = np.random.default_rng(0).permutation(outside)[:_POINTS]
    engine = learner.bind(dataset, "log_loss")
    engine.contributions(members, points[:300])  # compiled and warm
    with threadpool_limits(limits=1):
        seconds = best_seconds(lambda: engine.contributions(members, points), repeats=5)
        loop = _per_delta(literal, dataset, members, points)
        delta = engine.contributions(members, points).delta
        base = learner.reference_loss(dataset, members, "log_loss")
        tight = [base - learner.reference_loss(dataset, np.append(members, z), "log_loss") for z in points[:checked]]
    error = float(np.abs(delta[:checked] - tight).max() / delta.std())
    rank = float(spearmanr(delta[:checked], tight).statistic)
    return Comparison(dataset.name, dataset.n_features, size, 1e6 * seconds / points.size, loop, error, rank)


def _per_delta(literal: Delta, dataset: Dataset, members: IntVector, points: IntVector) -> float:
    """Milliseconds a delta of a literal loop."""
    return 1e3 * best_seconds(lambda: [literal(dataset, members, int(z)) for z in points[:_LITERAL]]) / _LITERAL


def compare_softmax(dataset: Dataset, size: int, checked: int = 40) -> Comparison:
    """Time and check the softmax engine at one size."""
    return _compare(ds.make_learner("logistic"), literal_delta, dataset, size, checked)


def compare_kernel_logistic(dataset: Dataset, size: int, checked: int = 15) -> KernelComparison:
    """Time and check the kernel logistic engine at one size."""
    found = _compare(ds.make_learner("kernel_logistic", C=_C), _kernel_delta(cold_fit), dataset, size, checked)
    members = Coalitions(dataset, ds.SamplingPlan(sizes=(size,), draws=1)).members(0)
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    with threadpool_limits(limits=1):
        own = _per_delta(_kernel_delta(_own_fit), dataset, members, outside)
    return KernelComparison(**vars(found), own_fit_ms=own)


def _row(learner: str, c: Comparison) -> list[str]:
    second = f"{1e3 * c.own_fit_ms / c.engine_us:,.0f}" if isinstance(c, KernelComparison) else ""
    times = [f"{c.engine_us:,.0f}", f"{c.literal_ms:,.1f}", f"{c.ratio:,.0f}", second]
    return [learner, c.dataset, str(c.features), str(c.size), *times, f"{c.error:.1e}", f"{c.rank_correlation:.6f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description="softmax and kernel_logistic engines against literal refits, one thread")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], help="binary tables with a column named label")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 800])
    options = parser.parse_args()
    digits, binary = ds.load_dataset("digits"), [ds.load_dataset("digits_low_high")]
    binary += [ds.read_table(path, label="label") for path in options.tables]
    rows = [_row("softmax", compare_softmax(digits, size)) for size in options.sizes]
    for dataset in binary:
        rows += [_row("kernel", compare_kernel_logistic(published_shape(dataset), size)) for size in options.sizes]
    header = ["engine", "dataset", "d", "k", "engine us", "literal ms", "ratio", "own fit", "error/spread", "Spearman"]
    print_table(header, rows)


if __name__ == "__main__":
    main()

"""Ridge, least squares, nearest neighbours and trees against the literal two-refit loop.

    python -m benchmarks.engines_closed [--table magic_telescope.csv.gz] [--sizes 100 300 1000] [--learners ridge knn]

One run, one thread, best of several; the literal loop is two scikit-learn fits at their defaults, prediction and loss for
every delta. Exact engines answer for all points outside the coalition, refits for `_REFITS` of them; a share of the base fit
is in the time. The error is max |engine - reference| over the spread of delta: the reference is an independent refit for
exact engines and the literal loop itself for trees, forests and boosting, whose engines promise its numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.sampling import Comparison, published_shape
from benchmarks.tables import best_seconds, print_table
from dscale_core.learners import default_utility
from dscale_core.sampling import Coalitions
from dscale_core.types import Dataset, IntVector

__all__ = ["compare_forest", "compare_knn", "compare_least_squares"]

_LITERAL = 12  # deltas a timing of the literal loop
_REFERENCE = 40  # deltas checked
_SLOW_LITERAL = 5  # both, for learners that refit
_REFITS = 40  # deltas a timing of a refit engine: more would only thin out the base fit's share
_NEIGHBORS, _SMOOTHING = 50, 0.5
_LEARNERS = ("ridge", "linear", "knn", "tree", "random_forest", "gradient_boosting")


def compare_least_squares(dataset: Dataset, size: int, name: str = "ridge") -> Comparison:
    """Time and check ``ridge`` or ``linear`` at one size."""
    return _compare(dataset, size, name, {"ridge": Ridge, "linear": LinearRegression}[name])


def compare_knn(dataset: Dataset, size: int) -> Comparison:
    """Time and check ``knn`` at one size."""
    kind = KNeighborsClassifier if dataset.class_names else KNeighborsRegressor
    return _compare(dataset, size, "knn", lambda: kind(min(_NEIGHBORS, size), weights="distance"))


def compare_forest(dataset: Dataset, size: int, name: str = "random_forest") -> Comparison:
    """Time and check ``tree``, ``random_forest`` or ``gradient_boosting`` at one size."""
    classifier, regressor, params = {
        "tree": (DecisionTreeClassifier, DecisionTreeRegressor, {"min_samples_leaf": 5}),
        "random_forest": (RandomForestClassifier, RandomForestRegressor, {"n_estimators": 50}),
        "gradient_boosting": (GradientBoostingClassifier, GradientBoostingRegressor, {"n_estimators": 50}),
    }[name]
    kind: Any = classifier if dataset.class_names else regressor
    return _compare(dataset, size, name, lambda: kind(random_state=0, **params))


def _literal_loss(dataset: Dataset, members: IntVector, make: Callable[[], Any], smoothing: float) -> float:
    model = make().fit(dataset.X_pool[members], dataset.y_pool[members])
    if not dataset.class_names:
        return float(mean_squared_error(dataset.y_valuation, model.predict(dataset.X_valuation)))
    p = model.predict_proba(dataset.X_valuation)
    if smoothing:
        p = (p * _NEIGHBORS + smoothing) / (_NEIGHBORS + smoothing * p.shape[1])
    return float(log_loss(dataset.y_valuation, p))


def _compare(dataset: Dataset, size: int, name: str, make: Callable[[], Any]) -> Comparison:
    learner, utility = ds.make_learner(name), default_utility(dataset.task)
    members = Coalitions(dataset, ds.SamplingPlan(sizes=(size,), draws=1)).members(0)
    points = np.random.default_rng(0).permutation(np.setdiff1d(np.arange(dataset.n_points), members))
    timed, checked, repeats = points[:_LITERAL], points[:_REFERENCE], 5
    if not learner.exact:
        points, timed, checked, repeats = points[:_REFITS], points[:_SLOW_LITERAL], points[:_SLOW_LITERAL], 2
    engine = learner.bind(dataset, utility)
    smoothing = _SMOOTHING if name == "knn" else 0.0

    def literal(of: IntVector) -> NDArray[np.float64]:
        losses = [[_literal_loss(dataset, m, make, smoothing) for m in (members, np.append(members, z))] for z in of]
        return np.array([base - grown for base, grown in losses])

    def reference(of: IntVector) -> NDArray[np.float64]:
        base = learner.reference_loss(dataset, members, utility)
        return np.array([base - learner.reference_loss(dataset, np.append(members, z), utility) for z in of])

    engine.contributions(members, points[:2])  # compiled and warm
    found: list[NDArray[np.float64]] = []
    truth: list[NDArray[np.float64]] = []
    with threadpool_limits(limits=1):
        seconds = best_seconds(lambda: found.append(engine.contributions(members, points).delta), repeats)
        literal_seconds = best_seconds(lambda: truth.append(literal(timed)), 2)
        expected = reference(checked) if learner.exact else truth[0]
    delta = found[0]
    return Comparison(
        f"{dataset.name}, {name}",
        dataset.n_features,
        size,
        1e6 * seconds / points.size,
        1e3 * literal_seconds / timed.size,
        float(np.abs(delta[: checked.size] - expected).max() / delta.std()),
        float(spearmanr(delta[: checked.size], expected).statistic),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description="closed-form, neighbour and tree engines against literal refits, one thread"
    )
    parser.add_argument("--table", type=Path, help="also a classification table with a column named label")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--learners", nargs="+", choices=_LEARNERS, default=_LEARNERS)
    options = parser.parse_args()
    regression = ds.load_dataset("lm_reg")
    classification = [published_shape(ds.load_dataset("lm_clf"))]
    if options.table:
        classification.append(published_shape(ds.read_table(options.table, label="label")))
    runs: list[Callable[[int], Comparison]] = []
    for name in options.learners:
        if name in ("ridge", "linear"):
            runs.append(partial(compare_least_squares, regression, name=name))
        elif name == "knn":
            runs += [partial(compare_knn, data) for data in (regression, *classification)]
        else:
            runs += [partial(compare_forest, data, name=name) for data in classification]
    rows = []
    for compare in runs:
        for c in map(compare, options.sizes):
            times = [f"{c.engine_us:,.2f}", f"{c.literal_ms:,.2f}", f"{c.ratio:,.1f}"]
            rows.append([c.dataset, str(c.features), str(c.size), *times, f"{c.error:.1e}", f"{c.rank_correlation:.6f}"])
    header = ["dataset, learner", "d", "k", "engine us", "literal ms", "ratio", "error/spread", "Spearman"]
    print_table(header, rows)


if __name__ == "__main__":
    main()

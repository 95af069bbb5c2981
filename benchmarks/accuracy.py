"""Accuracy and coverage of every estimator on draws that no fit saw: ``python -m benchmarks.accuracy [--data FOLDER]``.

Three datasets, logistic regression, 300 points, sizes from 100 to 1,000. Estimators are fitted to the first 5, 10, 20, 50,
100 and 500 draws of two seeds and held against the means of long validation draws of another seed at four sizes. R² is
corrected for the noise of these means: 1 − (mean squared error − mean squared standard error) / (variance − the same).
Coverage: share of points whose mean is within the 90 % interval, the mean's own standard error added in quadrature.

``shrinkage`` and ``amortized`` are guided by the learner's surrogate and formula, as in a study; ``draws alone`` is
shrinkage without. What a coalition of the surrogate costs is printed beside what an exact one does.
The amortised estimator learns from up to 5,000 points of the pool, the 300 among them; the others see the 300 alone.
``published plan`` is the likelihood estimator on uniform sizes, as published, where the others have log-uniform ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.synthetic import synthetic_draws
from benchmarks.tables import print_table
from dscale_core.correlation import spearman
from dscale_core.laws import GroupMeans, Guide, fit_laws, group_means, guide_from_surrogate, size_groups
from dscale_core.sampling import surrogate_draws
from dscale_core.types import Dataset, Draws, Laws, SurrogateDraws

SIZES = (100, 215, 464, 1000)
COUNTS = (5, 10, 20, 50, 100, 500)
METHODS = ("likelihood", "shrinkage", "draws alone", "two_term", "log_linear", "amortized", "published plan")
TABLES = ("magic_telescope", "adult")
_SEEDS = (1, 2)
_VALIDATION_SEED = 99
_POINTS, _CROWD = 300, 5_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Source:
    """One dataset with its draws: for fitting (one set a seed), uniform ones, of the crowd, and the validation means."""

    name: str
    labels: NDArray[Any]
    draws: tuple[Draws, ...]
    surrogates: tuple[SurrogateDraws, ...]  # one a seed
    uniform: tuple[Draws, ...]
    crowd: Draws
    crowd_labels: NDArray[Any]
    crowd_features: Floats
    crowd_surrogate: SurrogateDraws
    formula: Guide  # of the crowd
    truth: GroupMeans


@dataclass(frozen=True)
class Score:
    """Per size, in the order of SIZES."""

    r2: Floats
    spearman: Floats
    coverage: Floats


def prepare(dataset: Dataset, validation_draws: int, counts: Sequence[int]) -> Source:
    """Draw everything for one dataset; about a minute on one core."""
    learner = ds.make_learner("logistic")
    rng = np.random.default_rng(0)
    points = rng.choice(dataset.n_points, min(_POINTS, dataset.n_points), replace=False)
    rest = rng.permutation(np.setdiff1d(np.arange(dataset.n_points), points))
    crowd = np.concatenate([points, rest[: _CROWD - points.size]])

    def plan(chosen: NDArray[np.int64], **options: Any) -> ds.SamplingPlan:
        options = {"min_size": SIZES[0], "max_size": SIZES[-1], "valuation": "fixed", **options}
        return ds.SamplingPlan(points=tuple(int(i) for i in chosen), **options)

    def draw(chosen: NDArray[np.int64], **options: Any) -> Draws:
        return ds.sample(dataset, learner, plan(chosen, **options))

    def surrogate(exact: Draws, **options: Any) -> SurrogateDraws:
        found = surrogate_draws(dataset, learner, plan(exact.points, **options), "log_loss", exact.coalitions, exact.points)
        assert found is not None
        return found

    most = max(counts)
    validation = draw(points, sizes=SIZES, draws=validation_draws, seed=_VALIDATION_SEED)
    listed = np.unique(np.rint(np.geomspace(SIZES[0], SIZES[-1], 8)).astype(np.int64))
    expected = learner.expected_contributions(dataset, listed, crowd, "log_loss")
    assert expected is not None
    started = time.perf_counter()
    draws = tuple(draw(points, draws=most, seed=seed) for seed in _SEEDS)
    spent = time.perf_counter() - started
    started = time.perf_counter()
    surrogates = tuple(surrogate(d, draws=most, seed=seed) for d, seed in zip(draws, _SEEDS, strict=True))
    cheap = time.perf_counter() - started
    ms = [1e3 * spent / len(_SEEDS) / most, 1e3 * cheap / len(_SEEDS) / (most + surrogates[0].many.sizes.size)]
    print(f"{dataset.name}: {ms[0]:.2f} ms an exact coalition of {points.size} points, {ms[1]:.2f} ms one of the surrogate")
    crowd_draws = draw(crowd, draws=min(most, 100), seed=_SEEDS[0])
    return Source(
        name=dataset.name,
        labels=dataset.y_pool[points],
        draws=draws,
        surrogates=surrogates,
        uniform=tuple(draw(points, sizes="uniform", draws=most, seed=seed + 10) for seed in _SEEDS),
        crowd=crowd_draws,
        crowd_labels=dataset.y_pool[crowd],
        crowd_features=dataset.X_pool[crowd],
        crowd_surrogate=surrogate(crowd_draws, draws=min(most, 100), seed=_SEEDS[0]),
        formula=Guide(listed.astype(np.float64), expected),
        truth=group_means(validation.delta, size_groups(validation.sizes)),
    )


def guide(found: SurrogateDraws, draws: Draws, formula: Guide) -> Guide:
    """What a study would know beside ``draws``, the first of those that the surrogate was drawn for."""
    formula = formula.take(np.arange(found.many.points.size))
    return guide_from_surrogate(replace(found, own=found.own[: draws.sizes.size]), formula.sizes, formula, draws.sizes)


def fitted(source: Source, method: str, count: int, seed: int) -> Laws | None:
    """Laws of the 300 points from the first ``count`` draws; None where the method is not run at that count."""
    if method == "amortized":
        if seed or count > source.crowd.sizes.size:
            return None
        crowd = source.crowd.rows(np.arange(count))
        known = guide(source.crowd_surrogate, crowd, source.formula)
        beside: dict[str, Any] = {"features": source.crowd_features, "groups": source.crowd_labels}
        laws = fit_laws(crowd.delta, crowd.sizes, method, passes=crowd.passes, guide=known, **beside)
        return laws.take(np.arange(source.labels.size))
    draws = (source.uniform if method == "published plan" else source.draws)[seed].rows(np.arange(count))
    if method == "published plan":
        return fit_laws(draws.delta, draws.sizes, "likelihood")
    own = guide(source.surrogates[seed], draws, source.formula) if method == "shrinkage" else None
    name = "shrinkage" if method == "draws alone" else method
    return fit_laws(draws.delta, draws.sizes, name, passes=draws.passes, groups=source.labels, guide=own)


def score(laws: Laws, truth: GroupMeans) -> Score:
    """Noise-corrected R², Spearman and coverage at each size."""
    rows = []
    for i, k in enumerate(SIZES):
        psi, (low, high) = laws.psi(k), laws.psi_interval(k, other_rows=False)
        known = np.isfinite(psi) & np.isfinite(low) & np.isfinite(truth.standard_error[i])
        mean, error, psi = truth.mean[i][known], truth.standard_error[i][known], psi[known]
        noise = np.mean(error**2)
        r2 = 1 - (np.mean((mean - psi) ** 2) - noise) / (np.var(mean) - noise)
        wide = np.hypot(0.5 * (high - low)[known], 1.645 * error)
        rows.append((r2, spearman(psi, mean), np.mean(np.abs(psi - mean) <= wide)))
    return Score(*np.array(rows).T)


def table(source: Source, counts: Sequence[int], methods: Sequence[str]) -> list[list[str]]:
    """One row a method and count, averaged over seeds."""
    rows = []
    for count in counts:
        for method in methods:
            found = [laws for seed in range(len(_SEEDS)) if (laws := fitted(source, method, count, seed)) is not None]
            scores = [score(laws, source.truth) for laws in found if np.isfinite(laws.c).sum() > 2]
            if scores:
                r2, ranks, covered = (np.mean([getattr(s, n) for s in scores], axis=0) for n in vars(scores[0]))
                cells = [f"{v:.2f}" if v > -99 else "<-99" for v in (*r2, r2.mean(), *ranks, *covered)]
                rows.append([source.name, str(count), method, *cells])
    return rows


def synthetic_table(counts: Sequence[int]) -> list[list[str]]:
    """Coverage of α and of ψ_k where the truth is a power law: known laws, independent draws, three strengths of signal."""
    rows = []
    for count in (m for m in counts if m >= 10):
        for method in ("likelihood", "shrinkage"):
            found = []
            for seed, strength in enumerate((0.2, 0.6, 1.5)):
                known = synthetic_draws(600, count, seed, strength)
                laws = fit_laws(known.delta, known.sizes, method)
                covered = [np.mean((laws.alpha_low <= known.alpha) & (known.alpha <= laws.alpha_high))]
                for k in SIZES:
                    low, high = laws.psi_interval(k, other_rows=False)
                    covered.append(np.mean((low <= known.psi(k)) & (known.psi(k) <= high)))
                found.append(covered)
            rows.append([str(count), method, *(f"{v:.2f}" for v in np.mean(found, axis=0))])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all and print one table."""
    parser = argparse.ArgumentParser(description="accuracy and coverage of all estimators on draws they never saw")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the tables")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--validation-draws", type=int, default=500, help="a size")
    options = parser.parse_args(arguments)
    header = ["dataset", "draws", "method"]
    header += [f"R2 {k}" for k in SIZES] + ["mean"] + [f"rho {k}" for k in SIZES] + [f"in90 {k}" for k in SIZES]
    rows = []
    paths = [path for name in TABLES if (path := options.data / f"{name}.csv.gz").exists()]
    with threadpool_limits(1):
        datasets = [ds.read_table(path, label="label", valuation=1000, test=200, seed=0) for path in paths]
        for dataset in [*datasets, ds.load_dataset("digits_low_high")]:
            rows += table(prepare(dataset, options.validation_draws, options.counts), options.counts, options.methods)
    print_table(header, rows)
    print("\nknown power laws: share of α, and of ψ_k at each size, within their 90 % intervals")
    print_table(["draws", "method", "alpha", *(f"k={k}" for k in SIZES)], synthetic_table(options.counts))


if __name__ == "__main__":
    main()

"""Where the prior medians of `laws.misfit` come from: ``python -m benchmarks.misfit [--data FOLDER]``.

κ is what intervals lack: in units of one draw's standard deviation s at a size, with r the distance of a prediction from the
true mean, V / s² the variance that the prediction claims and n that of the mean, it is what lets 90 % of the points satisfy

    r² ≤ z² (V / s² + n + κ),      z = 1.645.

Here the true means are known: long runs at seven sizes, evenly spaced in log k. κ of five predictions is measured:

- **formula**: the learner's formula without draws, which claims nothing: `_FORMULA` exp(−`_FADING` u), u from −1 to 1 over
  the sizes;
- **surrogate**: the mean of the learner's surrogate over 500 coalitions, not corrected by exact draws: `_SURROGATE`, fading
  likewise;
- **control**: the same, corrected by 500 exact draws: `_CONTROL`;
- **bend**: the power law closest to the true means: `_BEND`;
- **few draws**: shrinkage from m draws alone, beyond the bend, in units of (1 + 3 u²) / m, the variance of a line through m
  draws: `_FEW_DRAWS`.

Two-class logistic regression, 300 points. The medians were first chosen on `SEEN`; `UNSEEN` had no part in that.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import dscale_core as ds
from benchmarks.tables import print_table
from dscale_core.intervals import Z90
from dscale_core.laws import Guide, fit_quickly, group_means, guide_from_surrogate, size_groups
from dscale_core.sampling import surrogate_draws
from dscale_core.types import Dataset, Draws

__all__ = ["main"]

SEEN = ("magic_telescope", "adult", "digits_low_high")
UNSEEN = ("phoneme", "2dplanes", "miniboone_6600", "pol")
_GRID = np.linspace(-1.0, 1.0, 7)
_SIZES = tuple(int(k) for k in np.rint(np.geomspace(100, 1000, _GRID.size)))
_POINTS = 300
_COUNTS = (20, 50, 100)
_REPEATS = 3
_CORRECTING = 500
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """Long-run means at the sizes, each (7, points): mean, variance of the mean and standard deviation of one draw."""

    mean: Floats
    variance: Floats
    deviation: Floats


def lacking(predicted: Floats, claimed: Floats | float, truth: Truth) -> Floats:
    """κ at each size, (7,): what the claimed variance lacks; zero where it lacks nothing."""
    unit = truth.deviation**2
    excess = (predicted - truth.mean) ** 2 / unit / Z90**2 - (claimed + truth.variance) / unit
    return np.asarray(np.maximum(np.nanquantile(excess, 0.9, axis=1), 0.0))


def measured(dataset: Dataset, draws_a_size: int) -> dict[str, Floats]:
    """κ of every prediction at the sizes, (7,) each; that of few draws in units of (1 + 3 u²) / m."""
    learner = ds.make_learner("logistic")
    points = np.sort(np.random.default_rng(0).permutation(dataset.n_points)[:_POINTS])

    def plan(**options: object) -> ds.SamplingPlan:
        chosen = tuple(int(i) for i in points)
        return ds.SamplingPlan(points=chosen, min_size=_SIZES[0], max_size=_SIZES[-1], valuation="fixed", **options)  # type: ignore[arg-type]

    long = ds.sample(dataset, learner, plan(sizes=_SIZES, draws=draws_a_size, seed=99))
    means = group_means(long.delta, size_groups(long.sizes))
    error = means.standard_error
    truth = Truth(means.mean, error**2, error * np.sqrt(means.count))
    formula = learner.expected_contributions(dataset, np.array(_SIZES), points, "log_loss")
    assert formula is not None
    exact = ds.sample(dataset, learner, plan(draws=_CORRECTING, seed=1))
    found = surrogate_draws(dataset, learner, exact.plan, "log_loss", exact.coalitions, points)  # type: ignore[arg-type]
    assert found is not None
    k = np.array(_SIZES, dtype=np.float64)
    guide = guide_from_surrogate(found, k, Guide(k, formula))
    own = (guide.modes_at(k) ** 2).sum(axis=0)
    bend = lacking(closest_laws(truth, k), 0.0, truth)
    corrected = corrected_means(guide, exact, k)
    return {
        "formula": lacking(formula, 0.0, truth),
        "surrogate": lacking(guide.expected, own, truth),
        "control": lacking(corrected[0], own + corrected[1], truth),
        "bend": bend,
        "few draws": few_draws(dataset, points, plan, truth, bend),
    }


def closest_laws(truth: Truth, k: Floats) -> Floats:
    """ψ of the power laws closest to the true means, weighted by k² as `laws.deviations` weighs them, (7, points)."""
    alpha = np.linspace(0.0, 4.0, 801)
    f = k[:, None] ** -alpha  # (7, n_alpha)
    weight = k[:, None] ** 2
    ff, fy = (weight * f * f).sum(axis=0), (weight * f).T @ truth.mean
    best = (fy**2 / ff[:, None]).argmax(axis=0)
    amplitude = fy[best, np.arange(best.size)] / ff[best]
    return np.asarray(amplitude * f[:, best])


def corrected_means(guide: Guide, exact: Draws, k: Floats) -> tuple[Floats, Floats]:
    """E[S] plus the mean of δ − S over the exact draws, as c / k, and the variance of the latter, each (7, points)."""
    left = guide.less(exact.delta, exact.sizes.astype(np.float64)).astype(np.float64) * exact.sizes[:, None]
    n = np.isfinite(left).sum(axis=0)
    mean, variance = np.nanmean(left, axis=0), np.nanvar(left, axis=0, ddof=1) / n
    return guide.expected + mean / k[:, None], variance / k[:, None] ** 2


def few_draws(dataset: Dataset, points: NDArray[np.int64], plan: object, truth: Truth, bend: Floats) -> Floats:
    """Median over counts and repeats of what shrinkage's own variance lacks beyond the bend, times m / (1 + 3 u²)."""
    rows = []
    for m in _COUNTS:
        for seed in range(10, 10 + _REPEATS):
            draws = ds.sample(dataset, ds.make_learner("logistic"), plan(draws=m, seed=seed))  # type: ignore[operator]
            laws = fit_quickly(draws.delta, draws.sizes, draws.passes, dataset.y_pool[points])
            psi = np.stack([laws.psi(k) for k in _SIZES])
            ends = (laws.psi_interval(k, other_rows=False) for k in _SIZES)
            claimed = np.stack([((high - low) / 2 / Z90) ** 2 for low, high in ends])
            rows.append((lacking(psi, claimed, truth) - bend) * m / (1 + 3 * _GRID**2))
    return np.asarray(np.median(np.maximum(rows, 0.0), axis=0))


def sources(folder: Path) -> Iterator[Dataset]:
    """The datasets that are there, those of `SEEN` first; targets of a regression are cut at their median."""
    import pandas as pd

    for name in (*SEEN, *UNSEEN):
        if name in ds.list_datasets():
            yield ds.load_dataset(name)
        elif (path := folder / f"{name}.csv.gz").exists():
            frame = pd.read_csv(path)
            if frame["label"].nunique() > 2:
                frame["label"] = frame["label"] > frame["label"].median()
            rest = len(frame) // 4
            yield ds.read_table(frame, label="label", valuation=min(1000, rest), test=200, seed=0, name=name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print κ at the ends and the middle of the sizes, and the medians over datasets beside the constants."""
    parser = argparse.ArgumentParser(description="what intervals lack, by what was predicted from")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the tables")
    parser.add_argument("--draws", type=int, default=400, help="long-run draws a size")
    options = parser.parse_args(arguments)
    found: dict[str, dict[str, Floats]] = {}
    with threadpool_limits(1):
        for dataset in sources(options.data):
            found[dataset.name] = measured(dataset, options.draws)
            rows = [[dataset.name, name, *(f"{v:.5f}" for v in kappa)] for name, kappa in found[dataset.name].items()]
            print_table(["dataset", "prediction", *(f"k={k}" for k in _SIZES)], rows)
            print(flush=True)
    print_table(["prediction", "constant", "seen", "unseen"], summary(found))


def summary(found: dict[str, dict[str, Floats]]) -> list[list[str]]:
    """Medians over the datasets of each kind: at the middle of the sizes, and the fading of the formula's κ along u."""
    from dscale_core.laws import misfit

    kinds = [[found[name] for name in names if name in found] for names in (SEEN, UNSEEN)]

    def medians(of: str, what: str) -> list[str]:
        cells = []
        for kind in kinds:
            values = [level(each[of]) if what == "level" else fading(each[of]) for each in kind]
            cells.append(f"{np.median(values):.5f}" if values else "")
        return cells

    return [
        ["formula", f"{misfit._FORMULA}", *medians("formula", "level")],
        ["formula, fading", f"{misfit._FADING}", *medians("formula", "fading")],
        ["surrogate", f"{misfit._SURROGATE}", *medians("surrogate", "level")],
        ["control", f"{misfit._CONTROL}", *medians("control", "level")],
        ["bend", f"{misfit._BEND}", *medians("bend", "level")],
        ["few draws", f"{misfit._FEW_DRAWS}", *medians("few draws", "level")],
    ]


def level(kappa: Floats) -> float:
    """κ at the middle of the sizes: the median over the sizes, which all bear on it."""
    return float(np.median(kappa))


def fading(kappa: Floats) -> float:
    """How log κ falls along u, by the Theil-Sen slope; NaN where κ is zero at most sizes."""
    from scipy.stats import theilslopes

    positive = kappa > 0
    return -float(theilslopes(np.log(kappa[positive]), _GRID[positive]).slope) if positive.sum() > 2 else float("nan")


if __name__ == "__main__":
    main()

"""Laws and data sets made by hand, with every awkward point a figure can meet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dscale_core.curation import Addition, Choice, RandomWorth, Verification
from dscale_core.laws.aggregate import AggregateLaw, fit_aggregate
from dscale_core.types import Dataset, Laws
from dscale_core.validation import Convergence, Coverage, Extrapolation, FormChoice, SizeAgreement


def make_laws(n: int = 300, seed: int = 0, first: int = 1000) -> Laws:
    """Laws of pool points first, first + 2, ...; the first three have no law, both signs of c occur."""
    rng = np.random.default_rng(seed)
    alpha = rng.normal(1.0, 0.3, n)
    c = np.exp(rng.normal(2 * alpha, 0.4)) * np.where(rng.random(n) < 0.3, -1.0, 1.0)
    sigma, beta = np.exp(rng.normal(0, 0.5, n)), rng.normal(1.6, 0.2, n)
    for values in (alpha, c, sigma, beta):
        values[:3] = np.nan
    lack_of_fit = np.exp(rng.normal(0.0, 0.3, n))
    lack_of_fit[:3] = np.nan
    status = np.array(["no_signal", "too_few_draws", "not_finite"] + ["ok"] * (n - 4) + ["at_bound"])
    covariance = np.tile(np.diag([1e-8, 0.01]), (n, 1, 1))
    return Laws(
        "likelihood", c, alpha, sigma, beta, alpha - 0.2, alpha + 0.2, status, np.full(n, 40, dtype=np.int64), lack_of_fit,
        covariance, 316.0, 100, 1000, first + 2 * np.arange(n, dtype=np.int64),
    )  # fmt: skip


def make_agreement(n: int = 300) -> SizeAgreement:
    """Predicted and measured values of the points of `make_laws`; the first one has no law."""
    rng = np.random.default_rng(2)
    predicted = rng.normal(0, 1e-4, n)
    predicted[0] = np.nan
    points = 1000 + 2 * np.arange(n, dtype=np.int64)
    return SizeAgreement(300.0, points, predicted, predicted + rng.normal(0, 1e-5, n), np.full(n, 1e-5))


def make_coverage() -> Coverage:
    """Three sizes, the last without a point to judge."""
    size, share = np.array([100.0, 300.0, 900.0]), np.array([0.8, 0.92, np.nan])
    error, n = np.array([0.06, 0.03, np.nan]), np.array([290, 297, 0])
    return Coverage(0.9, size, share, error, 1 / size, n, 0.86, 0.02, 0.05, 0.7, 240, 90.0)


def make_convergence() -> Convergence:
    """Two methods, three counts, two sizes; one value far below zero."""
    r2 = np.array([[[0.5, 0.7], [0.8, 0.8], [0.85, 0.9]], [[-9.0, -1.0], [0.4, 0.6], [0.7, 0.8]]])
    ceiling, size = np.array([0.95, 0.97]), np.array([100.0, 900.0])
    methods, counts = ("shrinkage", "likelihood"), np.array([5, 20, 100])
    return Convergence(methods, counts, size, r2, r2, r2, ceiling, r2.mean(axis=2), 40, 300)


def make_extrapolation() -> Extrapolation:
    """Two methods, three sizes of which two lie beyond the limit."""
    size, r2 = np.array([100.0, 400.0, 2000.0]), np.array([[0.9, 0.8, 0.3], [0.9, 0.4, -7.0]])
    methods, held = ("shrinkage", "likelihood"), np.clip(r2, 0, 1)
    return Extrapolation(methods, 200.0, 60, size, size / 200, r2, held, held, np.array([0.9, 0.95, 0.99]), 40, 300)


def make_choice() -> FormChoice:
    """Eight points: one clear for either law, five for neither, and one that could not be judged."""
    difference, error = np.array([6.0, 1.0, 0.5, 0.0, -1.0, 2.0, -9.0, np.nan]), np.array([1.5] * 7 + [np.nan])
    form = np.where(difference > 2 * error, "two_term", "power")
    points = np.array([5, 7, 9, 11, 13, 15, 17, 19])
    return FormChoice(points, form, difference, error, "power", 1.0, 2.0, "shrinkage", 2, 40, "passes", "Said in words.")


def make_loss() -> AggregateLaw:
    """A law of losses that lie on it but for a little noise."""
    k = np.round(np.geomspace(50, 1000, 80))
    noise = np.random.default_rng(3).normal(0, 0.002, 80)
    return fit_aggregate(0.2 + 3 * k**-0.7 + noise, k)


def make_dataset(n: int = 60, task: str = "classification", image: bool = False) -> Dataset:
    """A data set of `n` pool points whose records are numbered from 500."""
    rng = np.random.default_rng(1)
    columns = [f"pixel {i}" for i in range(6)] if image else ["age", "=income", "height", "width", "depth", "mass"]
    X = rng.normal(size=(n, 6))
    y = rng.integers(0, 3, n) if task == "classification" else rng.normal(size=n)
    records = pd.DataFrame(X, columns=columns, index=pd.RangeIndex(500, 500 + n, name="row"))
    names = ("ant", "bee", "cat") if task == "classification" else ()
    return Dataset(
        "made", task, X, y, X[:9], y[:9], X[:6], y[:6], tuple(columns), names, records, "f" * 64, "kind",
        image_shape=(2, 3) if image else None,
    )  # fmt: skip


def make_list(n: int = 6, asked: int = 10, worth: float = 80.0) -> Choice:
    """A list of n points that join and leave in turn; random points were tried up to 400."""
    gained, sizes = np.cumsum(0.01 / np.arange(1, n + 1)), np.array([1, 20, 400])
    random = RandomWorth(worth, 40.0, 200.0, sizes, 0.004 * np.log1p(sizes))
    return Choice(
        "swap", 1006 + 2 * np.arange(n), np.arange(n) % 2 == 1, gained / 2, gained, gained - 0.004, gained + 0.005, n, asked,
        "free", 0, "log_loss", (np.arange(40), np.arange(5, 45)), np.arange(100, 500), 900, 10, {"ant": 2}, random,
    )  # fmt: skip


def make_list_table(n: int = 6, numbers: bool = False) -> pd.DataFrame:
    """The table of `make_list`, with laws for all but the last."""
    made, rng = make_list(n), np.random.default_rng(4)
    table = made.to_frame()
    table["label"] = rng.normal(size=n) if numbers else np.array(["ant", "bee", "bee"] * n, dtype=object)[:n]
    for name in ("psi", "psi_after", "alpha"):
        table[name] = np.append(rng.normal(1, 0.1, n - 1), np.nan)
    return table


def make_addition() -> Addition:
    """Three numbers added, at two sizes, by four arms; the last is random."""
    shape = (2, 4, 3)
    gain = np.linspace(-0.02, 0.03, 24).reshape(shape)
    over = gain - gain[:, [3]]
    ends = (gain, gain - 0.004, gain + 0.006, over, over - 0.01, over + 0.01, gain / 2, gain / 2 - 0.01, gain / 2 + 0.01)
    arms, sizes, counts = ("small", "large", "shapley", "random"), np.array([50, 500]), np.array([10, 20, 40])
    return Addition(arms, sizes, counts, *ends, 30, 200, 600, "log_loss", "Said in words.")


def make_verified() -> Verification:
    """Three arms; accuracy was measured too."""
    gain, over = np.array([0.02, 0.005, -0.01]), np.array([0.015, np.nan, -0.015])
    return Verification(
        ("list", "random", "top"), gain, gain - 0.004, gain + 0.006, over, over - 0.01, over + 0.01, gain / 2,
        gain / 2 - 0.01, gain / 2 + 0.01, 30, 600, 6, "log_loss", "Said in words.", None,
    )  # fmt: skip

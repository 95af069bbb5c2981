"""Laws and data sets made by hand, with every awkward point a figure can meet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dscale_core.types import Dataset, Laws


def make_laws(n: int = 300, seed: int = 0, first: int = 1000) -> Laws:
    """Laws of pool points first, first + 2, ...; the first three have no law, both signs of c occur."""
    rng = np.random.default_rng(seed)
    alpha = rng.normal(1.0, 0.3, n)
    c = np.exp(rng.normal(2 * alpha, 0.4)) * np.where(rng.random(n) < 0.3, -1.0, 1.0)
    sigma, beta = np.exp(rng.normal(0, 0.5, n)), rng.normal(1.6, 0.2, n)
    for values in (alpha, c, sigma, beta):
        values[:3] = np.nan
    r2 = np.clip(rng.normal(0.7, 0.4, n), -3, 1)
    r2[:3] = np.nan
    status = np.array(["no_signal", "too_few_draws", "not_finite"] + ["ok"] * (n - 4) + ["at_bound"])
    covariance = np.tile(np.diag([1e-8, 0.01]), (n, 1, 1))
    return Laws(
        "likelihood", c, alpha, sigma, beta, alpha - 0.2, alpha + 0.2, status, np.full(n, 40, dtype=np.int64), r2,
        covariance, 316.0, 100, 1000, first + 2 * np.arange(n, dtype=np.int64),
    )  # fmt: skip


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

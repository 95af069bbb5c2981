"""The published synthetic pair: 12,000 rows of 50 standard Gaussian features and a noisy linear response.

response = X w + 0.1 ε, with w and ε standard Gaussian; `lm_reg` learns the response, `lm_clf` whether it is positive. Both
hold the same rows. Source: Covert, Ji, Hashimoto, Zou, ICML 2024 (arXiv 2405.20456), the data sets lm_reg and lm_clf.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dscale_core.datasets.assemble import assemble
from dscale_core.datasets.split import three_way_split
from dscale_core.types import Dataset, FloatMatrix, Task

__all__ = ["load_clf", "load_reg"]

_ROWS, _FEATURES, _NOISE = 12_000, 50, 0.1


def load_clf() -> Dataset:
    """The sign of the response; pool 10,000, valuation 1,000, test 1,000 rows."""
    X, response = _drawn()
    return _dataset("lm_clf", "classification", X, (response > 0).astype(np.int64), ("negative", "positive"))


def load_reg() -> Dataset:
    """The response itself; pool 10,000, valuation 1,000, test 1,000 rows."""
    X, response = _drawn()
    return _dataset("lm_reg", "regression", X, response, ())


def _drawn() -> tuple[FloatMatrix, NDArray[np.float64]]:
    random = np.random.default_rng(0)
    X = random.standard_normal((_ROWS, _FEATURES))
    w = random.standard_normal(_FEATURES)
    return X, X @ w + _NOISE * random.standard_normal(_ROWS)


def _dataset(name: str, task: Task, X: FloatMatrix, y: NDArray[Any], class_names: tuple[str, ...]) -> Dataset:
    feature_names = tuple(f"x_{j}" for j in range(_FEATURES))
    split = three_way_split(y, task, 1000, 1000, seed=0)
    return assemble(
        name=name,
        X=X,
        y=y,
        split=split,
        feature_names=feature_names,
        class_names=class_names,
        records=pd.DataFrame(X, columns=list(feature_names)),
        label_name="sign" if class_names else "response",
        notes=("Features are standard Gaussian as drawn.",),
    )

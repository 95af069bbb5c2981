"""Small datasets made on the spot."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pandas as pd

from dscale_core.types import Contributions, Dataset, Engine, IntVector, Task


def toy_dataset(
    n: int = 400,
    d: int = 8,
    classes: int = 2,
    noise: float = 0.5,
    task: Task = "classification",
    seed: int = 0,
    scale: float = 1.0,
) -> Dataset:
    """A linear problem with Gaussian features: pool n, valuation 150, test 50."""
    generator = np.random.default_rng(seed)
    total = n + 200
    X = generator.normal(size=(total, d))
    score = X @ generator.normal(size=(d, max(classes, 2))) + noise * generator.normal(size=(total, max(classes, 2)))
    if task == "regression":
        y: np.ndarray = score[:, 0]
    elif classes == 2:
        y = (score[:, 0] > 0).astype(np.int64)
    else:
        y = score.argmax(axis=1)
    X = np.ascontiguousarray(scale * X)
    cut, end = n, n + 150
    return Dataset(
        name=f"toy_{task}_{n}x{d}",
        task=task,
        X_pool=X[:cut],
        y_pool=y[:cut],
        X_valuation=X[cut:end],
        y_valuation=y[cut:end],
        X_test=X[end:],
        y_test=y[end:],
        feature_names=tuple(f"x{i}" for i in range(d)),
        class_names=tuple(f"class {c}" for c in range(classes)) if task == "classification" else (),
        records=pd.DataFrame({"x0": X[:cut, 0], "answer": y[:cut]}),
        fingerprint=sha256(repr((n, d, classes, noise, task, seed, scale)).encode()).hexdigest(),
    )


class OnOwnRows:
    """An engine that values on its own rows alone, as one from outside may."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        return self._engine.contributions(coalition, points)

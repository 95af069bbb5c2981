"""Small datasets made on the spot."""

from __future__ import annotations

from dataclasses import replace
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


def clusters(distance: float, classes: int = 2, n: int = 400, d: int = 6, seed: int = 0) -> Dataset:
    """Gaussian clusters that far from the origin, one a class; from about 6 on they can be told apart without error."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, n + 200)
    centre = generator.normal(size=(classes, d))
    X = generator.normal(size=(y.size, d)) + distance * (centre / np.linalg.norm(centre, axis=1)[:, None])[y]
    twin = toy_dataset(n=n, d=d, classes=classes)
    parts = (X[:n], y[:n], X[n : n + 150], y[n : n + 150], X[n + 150 :], y[n + 150 :])
    names = ("X_pool", "y_pool", "X_valuation", "y_valuation", "X_test", "y_test")
    fingerprint = sha256(repr((distance, classes, n, d, seed)).encode()).hexdigest()
    return replace(twin, name=f"clusters_{distance}", fingerprint=fingerprint, **dict(zip(names, parts, strict=True)))


def with_duplicates(dataset: Dataset, members: IntVector, twins: IntVector) -> Dataset:
    """A tenth of ``members`` repeats others and so do all ``twins``; one member and five twins with another label."""
    X, y = dataset.X_pool.copy(), dataset.y_pool.copy()
    some = max(2, members.size // 10)
    X[members[-some:]], y[members[-some:]] = X[members[:some]], y[members[:some]]
    like = np.random.default_rng(0).choice(members, twins.size)
    X[twins], y[twins] = X[like], y[like]
    if dataset.task == "classification":
        other = np.append(members[-1], twins[:5])
        y[other] = (y[other] + 1) % len(dataset.class_names)
    return replace(dataset, X_pool=X, y_pool=y, fingerprint=dataset.fingerprint[::-1])


class OnOwnRows:
    """An engine that values on its own rows alone, as one from outside may."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        return self._engine.contributions(coalition, points)

"""A small made-up dataset and draws, so that the store is tested on its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dscale_core.store import Store
from dscale_core.store.records import SampleSet
from dscale_core.types import Dataset, Draws, SamplingPlan

N_POINTS = 7


@pytest.fixture
def made_up() -> Dataset:
    rng = np.random.default_rng(5)
    records = pd.DataFrame(
        {
            "colour": ["red", None, "blue", "=1+1", "grün", "red", "x"],
            "mixed": [1, "two", 3.5, None, "five", 6, 7],
            "weight": rng.normal(size=N_POINTS),
            "when": pd.to_datetime(["2024-01-01"] * N_POINTS),
        },
        index=pd.Index([3, 1, 4, 15, 9, 2, 6], name="row"),
    )
    return Dataset(
        name="made up",
        task="classification",
        X_pool=rng.normal(size=(N_POINTS, 3)),
        y_pool=np.array([0, 1, 0, 1, 0, 1, 0]),
        X_valuation=rng.normal(size=(4, 3)),
        y_valuation=np.array([0, 1, 1, 0]),
        X_test=rng.normal(size=(2, 3)),
        y_test=np.array([1, 0]),
        feature_names=("a", "b", "c"),
        class_names=("no", "yes"),
        records=records,
        fingerprint="ab" * 32,
        label_name="answer",
        notes=("Read as it came.",),
        image_shape=(1, 3),
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


@pytest.fixture
def samples(store: Store, made_up: Dataset) -> SampleSet:
    plan = SamplingPlan(min_size=2, max_size=5, draws=40)
    study_id = store.studies.create(made_up, "logistic", {"C": 0.5}, "log_loss", "a study", plan)
    return store.studies.sets(study_id)[0]


@pytest.fixture
def chunk() -> Callable[[int, int], Draws]:
    """Draws of coalitions start to stop whose values say which coalition they belong to."""

    def make(start: int, stop: int) -> Draws:
        index = np.arange(start, stop)
        delta = (index[:, None] + np.arange(N_POINTS) / 100).astype(np.float32)
        delta[:, 0] = np.nan
        return Draws(delta, 2 + index % 4, index // 10, np.arange(N_POINTS), 0.1 * index)

    return make

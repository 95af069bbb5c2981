"""The public API as the design writes it, on a built-in dataset and on a real table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dscale_core as ds


def walk(dataset: ds.Dataset, plan: ds.SamplingPlan, cache: Path) -> pd.DataFrame:
    """Every call of the API in the order in which a notebook makes it."""
    learner = ds.make_learner("logistic", C=1.0)
    coalition, points = np.arange(0, 200, 2), np.arange(1, 60, 2)
    found = learner.contributions(dataset, coalition, points, utility="log_loss")
    assert found.delta.shape == points.shape
    assert found.delta.dtype == np.float64
    assert isinstance(found.base_loss, float)
    draws = ds.sample(dataset, learner, plan, utility="log_loss", n_jobs=1)
    m, p = plan.n_coalitions, dataset.n_points
    assert draws.delta.shape == (m, p)
    assert draws.delta.dtype == np.float32
    assert (draws.sizes.shape, draws.passes.shape, draws.points.shape, draws.base_loss.shape) == ((m,), (m,), (p,), (m,))
    assert (draws.sizes.min(), draws.sizes.max()) == (plan.min_size, plan.max_size)
    assert np.isfinite(draws.delta).any(axis=0).all()
    laws = ds.fit_laws(draws.delta, draws.sizes)
    for values in (laws.c, laws.alpha, laws.sigma, laws.beta, laws.alpha_low, laws.alpha_high, laws.psi(500.0)):
        assert values.shape == (p,)
    low, high = laws.psi_interval(1000, level=0.9)
    sound = np.isfinite(laws.c)
    assert (low[sound] <= laws.psi(1000)[sound]).all()
    assert (laws.psi(1000)[sound] <= high[sound]).all()
    assert len(laws.to_frame()) == p
    assert ds.shapley_from_laws(laws, plan.min_size, plan.max_size).shape == (p,)
    picked = ds.pick(laws, dataset, k=1000, n=20)
    assert picked["rank"].tolist() == list(range(1, 21))
    study = ds.Study.create(dataset, learner, plan, cache=cache)
    np.testing.assert_array_equal(study.sample(n_jobs=2).delta, draws.delta)
    assert study.fit("likelihood").method == study.laws("likelihood").method == "likelihood"
    assert [entry.id for entry in ds.Study.list(cache=cache)] == [study.id]
    np.testing.assert_array_equal(ds.Study.open(study.id, cache=cache).draws("fit").delta, draws.delta)
    return picked


def test_the_api_on_a_built_in_dataset(cache: Path) -> None:
    assert "digits_low_high" in ds.list_datasets()
    assert "logistic" in ds.list_learners()
    picked = walk(ds.load_dataset("digits_low_high"), ds.SamplingPlan(draws=24, max_size=800), cache)
    assert set(picked["label"]) == {"0-4", "5-9"}


def test_the_api_on_a_real_table(cache: Path, shared_data: Path) -> None:
    frame = pd.read_csv(shared_data / "adult.csv.gz").sample(6000, random_state=0)
    dataset = ds.read_table(frame, label="label")
    picked = walk(dataset, ds.SamplingPlan(draws=24), cache)
    assert {"age", "education", "psi"} <= set(picked.columns)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="attribute nonsense"):
        ds.nonsense  # noqa: B018
    assert "Study" in dir(ds)

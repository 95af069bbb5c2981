"""Surrogate draws that go with exact ones: the same coalitions row by row, and new ones of the same plan."""

from dataclasses import replace

import numpy as np
import pytest

import dscale_core as ds
from dscale_core.sampling import Coalitions, surrogate_draws
from dscale_core.sampling import surrogate as module

PLAN = ds.SamplingPlan(points=tuple(range(0, 120, 3)), min_size=60, max_size=300, draws=12, seed=4)


@pytest.fixture(scope="module")
def dataset() -> ds.Dataset:
    return ds.load_dataset("digits_low_high")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FEWEST", 20)
    monkeypatch.setattr(module, "_MOST", 20)


def test_rows_are_those_of_the_exact_draws_also_where_some_are_missing(dataset: ds.Dataset) -> None:
    learner = ds.make_learner("logistic")
    draws = ds.sample(dataset, learner, PLAN).rows(np.array([0, 3, 4, 9]))
    shown: list[float] = []
    found = surrogate_draws(dataset, learner, PLAN, "log_loss", draws.coalitions, draws.points, shown.append)
    assert found is not None
    engine = learner.surrogate(dataset, "log_loss")
    assert engine is not None
    coalitions = Coalitions(dataset, PLAN)
    literal = np.stack([engine.contributions(coalitions.members(j), draws.points).delta for j in (0, 3, 4, 9)])
    np.testing.assert_array_equal(found.own, literal.astype(np.float32))
    np.testing.assert_array_equal(np.isnan(found.own), np.isnan(draws.delta))
    close = np.nanvar(draws.delta - found.own, axis=0) / np.nanvar(draws.delta, axis=0)
    assert np.median(close) < 0.02
    assert shown[-1] == 1.0
    assert shown == sorted(shown)


def test_further_coalitions_are_new_reproducible_and_of_the_same_sizes(dataset: ds.Dataset) -> None:
    learner = ds.make_learner("logistic")
    draws = ds.sample(dataset, learner, PLAN)
    one, other = (surrogate_draws(dataset, learner, PLAN, "log_loss", draws.coalitions, draws.points) for _ in range(2))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.many.delta, other.many.delta)
    assert one.many.delta.shape == (20, 40)
    assert (one.many.sizes.min(), one.many.sizes.max()) == (60, 300)
    assert not np.array_equal(one.many.delta[:12], one.own)
    listed = surrogate_draws(
        dataset, learner, replace(PLAN, sizes=(60, 100, 300)), "log_loss", draws.coalitions, draws.points
    )
    assert listed is not None
    assert np.bincount(listed.many.sizes)[[60, 100, 300]].tolist() == [7, 7, 7]


def test_learners_without_a_surrogate_have_none(dataset: ds.Dataset) -> None:
    draws = ds.sample(dataset, ds.make_learner("knn"), PLAN)
    assert surrogate_draws(dataset, ds.make_learner("knn"), PLAN, "log_loss", draws.coalitions, draws.points) is None
    assert surrogate_draws(dataset, ds.make_learner("logistic"), PLAN, "accuracy", draws.coalitions, draws.points) is None

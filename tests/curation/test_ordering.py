"""Whole orders: the list first, who harms last, at random where rows cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.curation.greedy import Task, chosen_steps
from dscale_core.curation.ordering import trusted_length, whole_order
from dscale_core.curation.scoring import Scorer, labelled_rows

CURRENT, CANDIDATES = np.arange(12), np.arange(12, 132)


@pytest.fixture(scope="module")
def dataset() -> ds.Dataset:
    """Every tenth candidate has the wrong label."""
    made = toy_dataset(n=132, d=3, noise=0.1, seed=4)
    y = made.y_pool.copy()
    y[CANDIDATES[::10]] = 1 - y[CANDIDATES[::10]]
    return replace(made, y_pool=y)


@pytest.fixture(scope="module")
def order(dataset: ds.Dataset) -> np.ndarray:
    return whole_order(dataset, ds.make_learner("logistic"), CURRENT, CANDIDATES)


def test_it_begins_with_the_list_and_leaves_nobody_out(dataset: ds.Dataset, order: np.ndarray) -> None:
    assert sorted(order.tolist()) == CANDIDATES.tolist()
    task = Task(dataset, "add", 120, (CURRENT,), CANDIDATES, "free", 0)
    rows = labelled_rows(dataset, CANDIDATES, 10, 0)
    steps = chosen_steps(task, Scorer(dataset, ds.make_learner("logistic"), "log_loss", rows))
    assert 5 < len(steps) < 100
    assert order[: len(steps)].tolist() == [step.point for step in steps]


def test_wrong_labels_come_last(order: np.ndarray) -> None:
    place = np.flatnonzero(np.isin(order, CANDIDATES[::10]))
    assert place.min() > 50
    assert np.median(place) >= 90


def test_the_order_of_the_candidates_does_not_matter(dataset: ds.Dataset, order: np.ndarray) -> None:
    np.testing.assert_array_equal(whole_order(dataset, ds.make_learner("logistic"), CURRENT, CANDIDATES[::-1]), order)


def test_rows_that_say_nothing_leave_it_to_chance(dataset: ds.Dataset) -> None:
    """Labels by lot: whatever a few rows prefer is no better than any other order."""
    generator = np.random.default_rng(8)
    lot = replace(
        dataset,
        X_valuation=dataset.X_valuation[:40],
        y_valuation=generator.permutation(np.arange(40) % 2),
        y_pool=generator.permutation(np.arange(132) % 2),
    )
    found = [whole_order(lot, ds.make_learner("logistic"), CURRENT, CANDIDATES, seed, False) for seed in (0, 1)]
    assert all(sorted(each.tolist()) == CANDIDATES.tolist() for each in found)
    # two orders by chance agree on no one's place but by chance
    assert np.mean(found[0] == found[1]) < 0.1
    assert abs(np.corrcoef(np.argsort(found[0]), np.argsort(found[1]))[0, 1]) < 0.3


def test_an_order_is_trusted_as_far_as_its_certain_gains_add_up() -> None:
    sizes = np.array([1, 2, 4, 8])
    over = np.repeat([[0.2], [-0.1], [0.3], [-0.1]], 5, axis=1)
    assert trusted_length(over, sizes) == 4  # what the second look lost, the third has made good
    assert trusted_length(-np.abs(over), sizes) == 0
    assert trusted_length(np.abs(over), sizes) == 8
    scattered = over[[0]] + np.array([[1.0, -1.0, 1.0, -1.0, 0.0]])
    assert trusted_length(scattered, sizes[:1]) == 0  # a gain within its error is none

"""Coalitions: properties of every plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import toy_dataset

from dscale_core.sampling import Coalitions
from dscale_core.sampling.coalitions import quotas, size_sequence
from dscale_core.types import SamplingPlan


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    classes=st.integers(2, 4),
    low=st.integers(5, 40),
    extra=st.integers(0, 100),
    stratify=st.booleans(),
    spread=st.sampled_from(["log_uniform", "uniform"]),
)
def test_members_are_distinct_and_blocks_of_a_pass_are_disjoint(
    seed: int, classes: int, low: int, extra: int, stratify: bool, spread: str
) -> None:
    dataset = toy_dataset(n=300, classes=classes)
    plan = SamplingPlan(sizes=spread, min_size=low, max_size=low + extra, draws=25, stratify=stratify, seed=seed)
    coalitions = Coalitions(dataset, plan)
    seen: dict[int, list[int]] = {}
    for j in range(len(coalitions)):
        members = coalitions.members(j)
        assert members.size == coalitions.sizes[j]
        assert np.unique(members).size == members.size
        assert members.min() >= 0
        assert members.max() < 300
        seen.setdefault(int(coalitions.passes[j]), []).extend(members.tolist())
    for taken in seen.values():
        assert len(taken) == len(set(taken))


def test_stratified_coalitions_keep_the_class_shares() -> None:
    dataset = toy_dataset(n=300, classes=3)
    share = np.bincount(dataset.y_pool) / 300
    coalitions = Coalitions(dataset, SamplingPlan(min_size=10, max_size=120, draws=30))
    for j in range(30):
        counts = np.bincount(dataset.y_pool[coalitions.members(j)], minlength=3)
        assert np.abs(counts - share * coalitions.sizes[j]).max() <= 1.0


def test_every_point_is_taken_about_equally_often() -> None:
    dataset = toy_dataset(n=200)
    coalitions = Coalitions(dataset, SamplingPlan(sizes=(50,), draws=400))
    times = np.bincount(np.concatenate([coalitions.members(j) for j in range(400)]), minlength=200)
    # 400 coalitions of a quarter of the pool: 100 expected, binomial standard deviation below 9
    assert times.min() > 60
    assert times.max() < 140
    assert times.mean() == pytest.approx(100)


def test_more_draws_begin_with_the_same_coalitions() -> None:
    dataset = toy_dataset(n=300)
    few = Coalitions(dataset, SamplingPlan(min_size=10, max_size=100, draws=12))
    many = Coalitions(dataset, SamplingPlan(min_size=10, max_size=100, draws=50))
    for j in range(12):
        np.testing.assert_array_equal(few.members(j), many.members(j))


def test_members_do_not_depend_on_the_order_of_asking() -> None:
    dataset, plan = toy_dataset(n=300), SamplingPlan(min_size=10, max_size=100, draws=40)
    forward, backward = Coalitions(dataset, plan), Coalitions(dataset, plan)
    ahead = [forward.members(j) for j in range(40)]
    for j in reversed(range(40)):
        np.testing.assert_array_equal(ahead[j], backward.members(j))


def test_seeds_differ() -> None:
    dataset, plan = toy_dataset(n=300), SamplingPlan(min_size=50, max_size=100, draws=2)
    first, second = Coalitions(dataset, plan), Coalitions(dataset, replace(plan, seed=1))
    assert not np.array_equal(first.members(0), second.members(0))


@pytest.mark.parametrize("spread", ["log_uniform", "uniform"])
def test_sizes_reach_both_ends_and_fill_the_range_evenly(spread: str) -> None:
    sizes = size_sequence(SamplingPlan(sizes=spread, min_size=100, max_size=1000, draws=65))
    assert sizes[0] == 100
    assert sizes[1] == 1000
    position = np.sort(np.log(sizes / 100) / np.log(10) if spread == "log_uniform" else (sizes - 100) / 900)
    np.testing.assert_allclose(position, np.linspace(0, 1, 65), atol=0.005)


def test_listed_sizes_come_equally_often() -> None:
    sizes = size_sequence(SamplingPlan(sizes=(20, 50, 70), draws=4))
    assert {int(k): int(n) for k, n in zip(*np.unique(sizes, return_counts=True), strict=True)} == {20: 4, 50: 4, 70: 4}


@given(
    counts=st.lists(st.integers(1, 500), min_size=1, max_size=6),
    fraction=st.floats(0.0, 1.0),
)
def test_quotas_add_up_and_leave_no_stratum_out(counts: list[int], fraction: float) -> None:
    have = np.array(counts)
    size = len(counts) + int(fraction * (have.sum() - len(counts)))
    take = quotas(size, have)
    assert take.sum() == size
    assert take.min() >= 1
    assert (take <= have).all()


def test_a_regression_is_not_stratified() -> None:
    dataset = toy_dataset(n=200, task="regression")
    assert Coalitions(dataset, SamplingPlan(sizes=(50,), draws=3)).members(2).size == 50

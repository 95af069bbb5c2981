"""Coalitions: properties of every plan."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

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


@pytest.mark.parametrize(("draws", "sizes"), [(1, [100]), (2, [100, 1000]), (5, [100, 1000, 316, 178, 562])])
def test_few_draws_have_the_ends_first_and_then_halve_the_range(draws: int, sizes: list[int]) -> None:
    found = size_sequence(SamplingPlan(min_size=100, max_size=1000, draws=draws))
    assert found.tolist() == sizes
    assert found.dtype == np.int64


def test_without_strata_class_shares_are_left_to_chance() -> None:
    dataset = toy_dataset(n=300, classes=2)
    ones = {}
    for stratify in (True, False):
        plan = SamplingPlan(sizes=(60,), draws=40, stratify=stratify)
        coalitions = Coalitions(dataset, plan)
        ones[stratify] = np.array([dataset.y_pool[coalitions.members(j)].sum() for j in range(40)])
    share = dataset.y_pool.mean()
    assert np.ptp(ones[True]) == 0
    # hypergeometric: 60 of 300
    spread = np.sqrt(60 * share * (1 - share) * (300 - 60) / (300 - 1))
    assert 0.6 * spread < ones[False].std() < 1.4 * spread


@pytest.mark.parametrize("stratify", [True, False])
def test_a_pass_goes_on_until_the_pool_cannot_serve_the_next(stratify: bool) -> None:
    dataset = toy_dataset(n=200, classes=3)
    coalitions = Coalitions(dataset, SamplingPlan(min_size=20, max_size=80, draws=60, stratify=stratify))
    strata = dataset.y_pool if stratify else np.zeros(200, dtype=np.int64)
    counts, number, used = np.bincount(strata), 0, 0
    for j, size in enumerate(coalitions.sizes):
        take = np.bincount(strata[coalitions.members(j)], minlength=counts.size)
        assert take.sum() == size
        if np.any(used + take > counts):
            number, used = number + 1, 0
        used = used + take
        assert coalitions.passes[j] == number
    assert number > 3
    assert coalitions.passes.dtype == coalitions.sizes.dtype == np.int64


def test_a_pool_that_is_used_up_fills_its_pass() -> None:
    coalitions = Coalitions(toy_dataset(n=200), SamplingPlan(sizes=(50,), draws=9, stratify=False))
    assert coalitions.passes.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert sorted(np.concatenate([coalitions.members(j) for j in range(4)])) == list(range(200))


COUNTS = [(5,), (1, 1, 100), (1, 2, 3), (2, 2, 2, 90), (40, 1, 1, 7), (7, 7, 7), (3, 50, 11)]


@pytest.mark.parametrize("counts", COUNTS)
def test_quotas_are_the_whole_numbers_closest_to_the_shares(counts: tuple[int, ...]) -> None:
    have = np.array(counts)
    for size in range(have.size, min(have.sum(), 30) + 1):
        share, take = size * have / have.sum(), quotas(size, have)
        most = [range(1, min(count, size) + 1) for count in counts]
        possible = np.array([each for each in product(*most) if sum(each) == size])
        assert take.tolist() in possible.tolist()
        distance = ((possible - share) ** 2).sum(axis=1)
        assert ((take - share) ** 2).sum() <= distance.min() + 1e-9


def test_of_equal_claims_the_first_is_served_first() -> None:
    assert quotas(3, np.array([3, 3])).tolist() == [2, 1]
    assert [quotas(size, np.array([7, 7, 7])).tolist() for size in (4, 5)] == [[2, 1, 1], [2, 2, 1]]


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

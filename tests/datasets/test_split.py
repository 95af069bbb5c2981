"""Three-way splits: exact sizes, proportions, every row once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscale_core.datasets.split import three_way_split
from dscale_core.errors import ArgumentError, DataError

members_of_classes = st.lists(st.integers(3, 60), min_size=2, max_size=6)


@given(members=members_of_classes, valuation=st.floats(0.05, 0.4), test=st.floats(0.05, 0.4), seed=st.integers(0, 99))
def test_parts_are_disjoint_complete_and_hold_every_class(
    members: list[int], valuation: float, test: float, seed: int
) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(members)), members))
    try:
        split = three_way_split(y, "classification", valuation, test, seed)
    except ArgumentError:
        # Two fractions of nearly one half leave too few rows for every class.
        assert y.size * (1 - valuation - test) < len(members) + 1 or y.size < 5 * len(members)
        return
    parts = (split.pool, split.valuation, split.test)
    assert np.sort(np.concatenate(parts)).tolist() == list(range(y.size))
    assert all(set(y[part]) == set(range(len(members))) for part in parts)
    assert split.valuation.size == max(round(valuation * y.size), len(members))
    assert split.test.size == max(round(test * y.size), len(members))


def test_counts_are_exact_and_proportional() -> None:
    y = np.repeat([0, 1, 2], [700, 200, 100])
    split = three_way_split(y, "classification", 300, 200, 0)
    assert np.bincount(y[split.valuation]).tolist() == [210, 60, 30]
    assert np.bincount(y[split.test]).tolist() == [140, 40, 20]
    assert np.bincount(y[split.pool]).tolist() == [350, 100, 50]


@pytest.mark.parametrize(("valuation", "test"), [(18, 2), (2, 18)])
def test_a_large_part_never_takes_a_small_class_whole(valuation: int, test: int) -> None:
    y = np.repeat([0, 1], [3, 20])
    split = three_way_split(y, "classification", valuation, test, 0)
    assert np.bincount(y[split.valuation]).tolist() == [1, valuation - 1]
    assert np.bincount(y[split.test]).tolist() == [1, test - 1]
    assert np.bincount(y[split.pool]).tolist() == [1, 2]


def test_every_row_reaches_every_part_over_seeds() -> None:
    y = np.repeat([0, 1], [6, 6])
    splits = [three_way_split(y, "classification", 4, 4, seed) for seed in range(200)]
    for part in ("pool", "valuation", "test"):
        counts = np.bincount(np.concatenate([getattr(split, part) for split in splits]), minlength=12)
        # 200 draws of probability 1/3: five standard deviations are 33.
        assert np.abs(counts - 200 / 3).max() < 34


def test_seed_alone_decides() -> None:
    y = np.repeat([0, 1], 50)
    one, again, other = (three_way_split(y, "classification", 0.2, 0.2, seed) for seed in (3, 3, 4))
    assert one.pool.tolist() == again.pool.tolist()
    assert one.pool.tolist() != other.pool.tolist()


def test_regression_needs_no_classes() -> None:
    split = three_way_split(np.linspace(0, 1, 10), "regression", 0.2, 3, 0)
    assert (split.pool.size, split.valuation.size, split.test.size) == (5, 2, 3)


@pytest.mark.parametrize("bad", [0, -3, 0.0, 1.0, 1.5, True, None, "a", float("nan")])
def test_sizes_that_are_no_sizes(bad: object) -> None:
    y = np.repeat([0, 1], 50)
    with pytest.raises(ArgumentError, match=r"valuation must be a fraction between 0 and 1, or a row count"):
        three_way_split(y, "classification", bad, 0.2, 0)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"test must be a fraction"):
        three_way_split(y, "classification", 0.2, bad, 0)  # type: ignore[arg-type]


def test_sizes_that_leave_nothing() -> None:
    y = np.repeat([0, 1], 50)
    with pytest.raises(ArgumentError, match="leave at least 2 of the 100 rows for the pool"):
        three_way_split(y, "classification", 60, 39, 0)
    with pytest.raises(ArgumentError, match="at least one row of each of the 2 classes"):
        three_way_split(y, "classification", 1, 0.2, 0)
    with pytest.raises(DataError, match="3 usable rows"):
        three_way_split(np.arange(3.0), "regression", 1, 1, 0)


@pytest.mark.parametrize("seed", [-1, 0.5, True, None])
def test_seeds_that_are_none(seed: object) -> None:
    with pytest.raises(ArgumentError, match="seed must be a whole number"):
        three_way_split(np.repeat([0, 1], 9), "classification", 0.2, 0.2, seed)  # type: ignore[arg-type]

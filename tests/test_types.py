"""The records: draws know which coalition each row is of, whatever is taken from them, and refuse arrays that do not fit."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from dscale_core.errors import ArgumentError
from dscale_core.types import Draws, SamplingPlan

PLAN = SamplingPlan(min_size=5, max_size=9, draws=12, seed=4)
M, P = 4, 3


def draws(**changes: Any) -> Draws:
    """Four coalitions of twelve, three points."""
    delta = np.arange(M * P, dtype=np.float32).reshape(M, P)
    small = (np.array([5, 6, 7, 8]), np.array([0, 0, 1, 1]), np.array([2, 4, 6]), np.array([0.5, 0.4, 0.3, 0.2]))
    made = Draws(delta, *small, coalitions=np.array([1, 2, 8, 11]), plan=PLAN, utility="brier")
    return replace(made, **changes)


def test_coalitions_that_are_not_given_are_counted_from_0() -> None:
    made = draws(coalitions=None)
    assert made.coalitions.tolist() == [0, 1, 2, 3]
    assert made.coalitions.dtype == np.int64


def test_coalitions_that_are_given_are_kept() -> None:
    assert draws().coalitions.tolist() == [1, 2, 8, 11]


@pytest.mark.parametrize("name", ["sizes", "passes", "base_loss", "coalitions", "points"])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_wrong_length_is_refused_by_name(name: str, change: int) -> None:
    right = len(getattr(draws(), name))
    wrong = right + change
    with pytest.raises(ArgumentError, match=rf"^{name} must have shape \({right},\).*got \({wrong},\)") as refused:
        draws(**{name: np.arange(wrong)})
    assert refused.value.argument == name


@pytest.mark.parametrize("name", ["sizes", "passes", "base_loss", "coalitions", "points"])
def test_a_column_instead_of_a_vector_is_refused_by_name(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{name} must have shape"):
        draws(**{name: getattr(draws(), name)[:, None]})


def test_sizes_of_a_wrong_length_are_refused_where_coalitions_are_counted() -> None:
    with pytest.raises(ArgumentError, match=r"^sizes must"):
        draws(coalitions=None, sizes=np.arange(M + 1))


@pytest.mark.parametrize("delta", [np.zeros(M), np.zeros((M, P, 1))], ids=["vector", "cube"])
def test_what_is_no_matrix_is_refused(delta: np.ndarray) -> None:
    with pytest.raises(ArgumentError, match=r"^delta must be a matrix"):
        draws(delta=delta)


def test_a_matrix_turned_on_its_side_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"beside draws of 3 x 4"):
        draws(delta=draws().delta.T)


@pytest.mark.parametrize("at", [np.array([3, 0]), np.array([2]), np.arange(0), np.arange(M) % 2 == 1], ids=str)
def test_rows_are_coalitions_with_all_that_is_theirs(at: np.ndarray) -> None:
    whole = draws()
    some = whole.rows(at)
    for name in ("delta", "sizes", "passes", "base_loss", "coalitions"):
        np.testing.assert_array_equal(getattr(some, name), getattr(whole, name)[at])
    for name in ("points", "plan", "utility"):
        assert getattr(some, name) is getattr(whole, name)


def test_columns_are_points_with_all_that_is_theirs() -> None:
    whole, at = draws(), np.array([2, 0])
    some = whole.columns(at)
    np.testing.assert_array_equal(some.delta, whole.delta[:, at])
    assert some.points.tolist() == [6, 2]
    for field in fields(Draws):
        if field.name not in ("delta", "points"):
            assert getattr(some, field.name) is getattr(whole, field.name)

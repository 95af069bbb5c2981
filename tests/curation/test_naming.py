"""Naming the set that is trained on today: by a column, by rows of the source, from a file; wrong names are said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dscale_core as ds
from dscale_core.curation import columns_with_few_values, points_by_column, points_by_rows, read_row_ids
from dscale_core.errors import ArgumentError, DataError


@pytest.fixture(scope="module")
def dataset() -> ds.Dataset:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "age": rng.normal(size=120),
            "used": np.where(rng.random(120) < 0.4, "yes", "no"),
            "batch": rng.integers(0, 3, 120),
            "kind": ["a", "b"] * 60,
        }
    )
    return ds.read_table(frame, label="kind")


def test_by_a_column_of_yes_and_no_or_a_value(dataset: ds.Dataset) -> None:
    named = points_by_column(dataset, "used")
    expected = np.flatnonzero(dataset.records["used"] == "yes")
    np.testing.assert_array_equal(named.points, expected)
    assert named.source == f"The {expected.size} points whose used says yes."
    by_value = points_by_column(dataset, "batch", "2.0")
    np.testing.assert_array_equal(by_value.points, np.flatnonzero(dataset.records["batch"] == 2))
    assert by_value.source == f"The {by_value.points.size} points whose batch is 2.0."


def test_columns_that_can_name_a_set_are_those_of_few_values(dataset: ds.Dataset) -> None:
    assert columns_with_few_values(dataset) == {"used": ["no", "yes"], "batch": ["0", "1", "2"]}
    assert list(columns_with_few_values(dataset, most=2)) == ["used"]


def test_columns_and_values_that_are_not_there(dataset: ds.Dataset) -> None:
    with pytest.raises(ArgumentError, match=r"got 'uesd'. Did you mean 'used'"):
        points_by_column(dataset, "uesd")
    with pytest.raises(ArgumentError, match=r"value must be in the column 'batch'; got '7'. It holds 0, 1, 2"):
        points_by_column(dataset, "batch", "7")
    with pytest.raises(ArgumentError, match="hold yes and no alone"):
        points_by_column(dataset, "batch")


def test_by_rows_of_the_source(dataset: ds.Dataset) -> None:
    index = dataset.records.index.to_numpy()
    named = points_by_rows(dataset, index[[4, 2, 9]].tolist(), "mine")
    assert named.points.tolist() == [2, 4, 9]
    assert named.source == "3 points: mine."
    elsewhere = np.setdiff1d(np.arange(120), index)[:2]
    mixed = points_by_rows(dataset, np.concatenate([index[:5], elsewhere]))
    assert mixed.points.tolist() == [0, 1, 2, 3, 4]
    assert "2 more are valuation or test rows" in mixed.source


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([-1, 3], "got -1"),
        ([3, 100_000, 200_000], "got 100000, 200000"),
        ([], "got no row"),
        ([0.5], "whole numbers"),
    ],
)
def test_rows_that_cannot_be(dataset: ds.Dataset, rows: list[float], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        points_by_rows(dataset, rows)  # type: ignore[arg-type]


def test_rows_none_of_which_is_in_the_pool(dataset: ds.Dataset) -> None:
    elsewhere = np.setdiff1d(np.arange(120), dataset.records.index.to_numpy())
    with pytest.raises(ArgumentError, match="name points of the pool"):
        points_by_rows(dataset, elsewhere)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("3\n5\n\n9\n", [3, 5, 9]),
        ("row,name\r\n3,x\r\n12.0,y\r\n", [3, 12]),
        ("\ufeff4;a\n6;b\n", [4, 6]),
        ("id\tother\n8\t1\n", [8]),
    ],
)
def test_files_of_row_numbers(text: str, rows: list[int]) -> None:
    assert read_row_ids(text).tolist() == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "names no row"), ("row\n", "names no row"), ("row\n3\nx\n4.5\n", "line 3: 'x', line 4: '4.5'")],
)
def test_files_that_name_no_rows(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_row_ids(text)

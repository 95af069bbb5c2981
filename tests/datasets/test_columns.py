"""One column at a time: what is a number, what is missing, which cells are refused, and what part a column plays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dscale_core.datasets.columns import LABEL_MARKERS, Numbers, Words, check_finite, parse_column, role_of
from dscale_core.errors import DataError


def numbers(cells: pd.Series) -> Numbers:
    column = parse_column("c", cells)
    assert isinstance(column, Numbers)
    assert column.values.dtype == np.float64
    return column


def words(*cells: Any, **how: Any) -> Words:
    column = parse_column("c", pd.Series(list(cells), dtype=object), **how)
    assert isinstance(column, Words)
    assert column.kind == "text"
    assert column.codes.dtype == np.int64
    return column


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (pd.Series([True, False, True]), "boolean", [1, 0, 1]),
        (pd.Series([True, None, False], dtype="boolean"), "boolean", [1, np.nan, 0]),
        (pd.Series([3, -4]), "number", [3, -4]),
        (pd.Series([3, None], dtype="Int64"), "number", [3, np.nan]),
        (pd.Series([0.5, np.nan], dtype=np.float32), "number", [0.5, np.nan]),
        (pd.Series(["1970-01-02 12:00", "1969-12-31", None], dtype="datetime64[ns]"), "date", [1.5, -1, np.nan]),
        (pd.to_datetime(pd.Series(["2024-02-29 06:00+03:00"])), "date", [19782.125]),
        (pd.Series([pd.Timedelta(hours=-6), pd.Timedelta(days=2)]), "date", [-0.25, 2]),
        (pd.Series([" 1", "2.50 ", "?", None, "-3e2"], dtype=object), "number", [1, 2.5, np.nan, np.nan, -300]),
        (pd.Series(["7", 7, 7.0], dtype=object), "number", [7, 7, 7]),
        (pd.Series(["none", "NA", "", "--", None], dtype=object), "number", [np.nan] * 5),
        (pd.Series([], dtype=object), "number", []),
    ],
)
def test_cells_that_are_numbers(cells: pd.Series, kind: str, values: list[float]) -> None:
    column = numbers(cells)
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, np.array(values, dtype=float))
    np.testing.assert_array_equal(column.missing, np.isnan(values))
    assert column.n_unique == len({value for value in values if value == value})


def test_strings_are_codes_into_their_sorted_levels() -> None:
    column = words("pear", " apple", "?", "pear ", None, "fig")
    assert column.levels == ("apple", "fig", "pear")
    assert [type(level) for level in column.levels] == [str] * 3
    assert column.codes.tolist() == [2, 0, -1, 2, -1, 1]
    assert column.missing.tolist() == [False, False, True, False, True, False]
    assert column.n_unique == 3


def test_one_cell_that_is_no_number_makes_them_all_text() -> None:
    assert words("1", "2", "two").levels == ("1", "2", "two")
    assert words("True", "False").levels == ("False", "True")
    assert isinstance(parse_column("c", pd.Series([True, False], dtype="category")), Words)


def test_a_label_may_be_called_none() -> None:
    assert words("None", "some", "?", markers=LABEL_MARKERS).levels == ("None", "some")
    assert words("None", "some", "?").levels == ("some",)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([[1], [2]], "lists or mappings"),
        ([{"a": 1}], "lists or mappings"),
        ([b"ab", "text"], "raw bytes or tuples"),
        (["text", (1, 2)], "raw bytes or tuples"),
        ([frozenset({1})], "raw bytes or tuples"),
        ([1 + 2j, 3], "complex numbers"),
    ],
)
def test_cells_that_are_no_cells_are_refused_by_name(cells: list[Any], said: str) -> None:
    series = pd.Series(cells) if said == "complex numbers" else pd.Series(cells, dtype=object)
    with pytest.raises(DataError, match=f"Column 'odd' holds {said}"):
        parse_column("odd", series)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, np.nan, np.inf, -np.inf], r"infinite \(2, the first in row 2,"),
        ([1.0, -1.1e100], r"beyond ±1e\+100 \(1, the first in row 1,"),
        ([-2e100, np.inf], r"infinite \(2, the first in row 0,"),
    ],
)
def test_numbers_that_cannot_be_squared_are_refused(values: list[float], said: str) -> None:
    with pytest.raises(DataError, match=f"Column 'big' holds values that are {said}"):
        check_finite(Numbers("big", "number", np.array(values)))


def test_missing_cells_and_the_largest_number_are_finite_enough() -> None:
    check_finite(Numbers("c", "number", np.array([1e100, -1e100, np.nan])))
    check_finite(words("inf", "text"))


def column_of(values: Any, name: str = "c") -> Numbers:
    return Numbers(name, "number", np.asarray(values, dtype=np.float64))


ROWS = np.arange(11.0)


@pytest.mark.parametrize(
    ("column", "role"),
    [
        (column_of([np.nan] * 4), "constant"),
        (column_of([5.0] * 4), "constant"),
        (column_of([5.0, np.nan]), "numeric"),  # whether it is there says something
        (column_of([0.0, 1.0, 1.0]), "numeric"),
        # rows counted: in steps of one, without a gap, more than ten
        (column_of(ROWS + 7), "identifier"),
        (column_of(ROWS[:10]), "numeric"),
        (column_of(ROWS * 2), "numeric"),
        (column_of(ROWS[::-1]), "numeric"),
        (column_of(ROWS + 0.5), "numeric"),
        # named so, the order and the number of rows do not matter
        (column_of([30, 10, 20], "user_id"), "identifier"),
        (column_of([30, 10, 20], "userID"), "identifier"),
        (column_of([30, 10, 20], "valid"), "numeric"),
        (column_of([30, 10], "id"), "numeric"),
        (column_of([30, 10, 10], "id"), "numeric"),
        (column_of([30, 10, 20.5], "id"), "numeric"),
        (column_of([30, 10, 20, np.nan], "id"), "numeric"),
        (column_of([30, 10, np.inf], "id"), "numeric"),
        (Numbers("id", "date", np.array([30.0, 10.0, 20.0])), "numeric"),
    ],
)
def test_the_part_a_column_of_numbers_plays(column: Numbers, role: str) -> None:
    assert role_of(column) == role


def levels_of(n: int, form: str = "{:05d}") -> tuple[str, ...]:
    return tuple(form.format(j) for j in range(n))


def spread_over(rows: int, levels: tuple[str, ...], missing: int = 0) -> Words:
    """Words in which every level is used, in ``rows`` present cells, then missing ones."""
    return Words("c", np.r_[np.arange(rows) % len(levels), np.full(missing, -1)], levels)


PROSE = "w w w w w {:030d}"  # 40 characters, 6 words


@pytest.mark.parametrize(
    ("column", "role"),
    [
        (spread_over(0, (), missing=3), "constant"),
        (spread_over(4, ("x",)), "constant"),
        (spread_over(4, ("x",), missing=1), "category"),
        (spread_over(10, levels_of(10)), "category"),
        (spread_over(11, levels_of(11)), "identifier"),
        # more levels than nine tenths of the cells that are there
        (spread_over(20, levels_of(18)), "category"),
        (spread_over(20, levels_of(19)), "identifier"),
        (spread_over(20, levels_of(19), missing=80), "identifier"),
        # prose: more levels than a fifth of the cells, 40 characters and 6 words in the mean
        (spread_over(11, levels_of(11, PROSE)), "text"),
        (spread_over(10, levels_of(10, PROSE)), "category"),
        (spread_over(60, levels_of(12, PROSE)), "category"),
        (spread_over(60, levels_of(13, PROSE)), "text"),
        (spread_over(60, levels_of(13, PROSE), missing=40), "text"),
        (spread_over(60, levels_of(13, "w w w w w {:029d}")), "category"),
        (spread_over(60, levels_of(13, "w w w w {:032d}")), "category"),
        (spread_over(60, (*levels_of(12, PROSE), "w w w w w " + "0" * 29)), "category"),
        (spread_over(60, ("w w w w w " + "0" * 30, "w w w w w 1" + "0" * 28, *levels_of(11, PROSE))), "category"),
        (spread_over(2600, levels_of(1300, PROSE)), "text"),
    ],
)
def test_the_part_a_column_of_strings_plays(column: Words, role: str) -> None:
    assert role_of(column) == role

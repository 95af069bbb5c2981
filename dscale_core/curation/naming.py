"""Naming the points that are trained on today: by a column of the records, or by row numbers of the source.

A table is split into pool, valuation and test rows, so a list of training rows that was made before will name some that are
not in the pool. Those are left aside and counted; what could not be a row of the source at all is refused.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from dscale_core.errors import ArgumentError, DataError
from dscale_core.types import Dataset, IntVector

__all__ = ["NamedPoints", "columns_with_few_values", "points_by_column", "points_by_rows", "read_row_ids"]

_YES, _NO = ("yes", "true", "1", "1.0", "y", "t"), ("no", "false", "0", "0.0", "n", "f", "", "nan", "none")
_SHOWN = 5
_MOST_UNLABELLED = 0.1  # share of a table's rows that may have been left out for want of a label


@dataclass(frozen=True, eq=False)
class NamedPoints:
    """points : (s,) pool indices, sorted; source : where they come from, a sentence."""

    points: IntVector
    source: str


def columns_with_few_values(dataset: Dataset, most: int = 50) -> dict[str, list[str]]:
    """The columns of the records that hold from two to ``most`` values, and these, as `points_by_column` takes them.

    Not the label: a set that is named by it has one class.
    """
    found = {}
    for i, name in enumerate(dataset.records.columns):
        cells = dataset.records.iloc[:, i]
        if 2 <= cells.nunique() <= most and str(name) != dataset.label_name:
            found[str(name)] = sorted({str(cell).strip() for cell in cells})
    return found


def points_by_column(dataset: Dataset, column: str, value: str | None = None) -> NamedPoints:
    """The pool points whose record has this value in a column, or yes (true, 1) in a column of yes and no.

    Raises ArgumentError for a column or a value that is not there.
    """
    names = [str(name) for name in dataset.records.columns]
    if column not in names:
        close = get_close_matches(column, names, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else f"Choose one of {', '.join(names[:_SHOWN])}."
        raise ArgumentError("column", "be a column of the records", repr(column), remedy)
    cells = [str(cell).strip() for cell in dataset.records.iloc[:, names.index(column)]]
    if value is None:
        return NamedPoints(*_said_yes(column, cells))
    wanted = np.array([_same(cell, value) for cell in cells])
    if not wanted.any():
        known = ", ".join(sorted(set(cells))[:_SHOWN])
        raise ArgumentError("value", f"be in the column {column!r}", repr(value), f"It holds {known}.")
    return NamedPoints(np.flatnonzero(wanted), f"The {int(wanted.sum()):,} points whose {column} is {value}.")


def _same(cell: str, value: str) -> bool:
    try:
        return cell == value or float(cell) == float(value)
    except ValueError:
        return False


def _said_yes(column: str, cells: Sequence[str]) -> tuple[IntVector, str]:
    lower = [cell.lower() for cell in cells]
    if other := sorted(set(lower) - set(_YES) - set(_NO)):
        got = f"{other[0]!r} among others"
        raise ArgumentError("column", "hold yes and no alone where no value is named", got, "Name the value as well.")
    points = np.flatnonzero(np.isin(lower, _YES))
    if not points.size:
        raise ArgumentError("column", "hold yes for some points", "no for all", "Choose another column.")
    return points, f"The {points.size:,} points whose {column} says yes."


def points_by_rows(dataset: Dataset, rows: Sequence[int] | IntVector, origin: str = "the rows named") -> NamedPoints:
    """The pool points with these row numbers in the source (`Dataset.records.index`); ``origin`` names where they stand.

    Raises ArgumentError for what cannot be a row of the source, naming it, and where none is in the pool.
    """
    wanted = np.unique(np.asarray(rows))
    if wanted.size and wanted.dtype.kind not in "iu":
        got = f"an array of {wanted.dtype}"
        raise ArgumentError("rows", "be whole numbers", got, "Give row numbers of the source, counted from 0.")
    index = dataset.records.index.to_numpy()
    labelled = dataset.n_points + dataset.y_valuation.size + dataset.y_test.size
    last = max(int(index.max()), int(np.ceil(labelled / (1 - _MOST_UNLABELLED))) - 1)
    if (wrong := wanted[(wanted < 0) | (wanted > last)]).size:
        remedy = "Rows of the source count from 0, without its heading."
        raise ArgumentError("rows", f"lie between 0 and {last}", _named(wrong), remedy)
    points = np.flatnonzero(np.isin(index, wanted))
    aside = wanted[~np.isin(wanted, index)]
    if not points.size:
        got = _named(wanted) if wanted.size else "no row"
        remedy = "Name rows that are neither valuation nor test rows and have a label."
        raise ArgumentError("rows", "name points of the pool", got, remedy)
    said = f"{points.size:,} points: {origin}."
    if aside.size:
        said = f"{said[:-1]}; {aside.size:,} more are valuation or test rows, or have no label, and stay aside."
    return NamedPoints(points, said)


def _named(rows: IntVector) -> str:
    shown = ", ".join(str(int(row)) for row in rows[:_SHOWN])
    return f"{shown} and {rows.size - _SHOWN:,} more" if rows.size > _SHOWN else shown


def read_row_ids(text: str) -> IntVector:
    """Row numbers from the first column of a text or CSV file; one heading is passed over.

    Raises DataError that names the lines which hold no whole number.
    """
    separator = next((mark for mark in ("\t", ";") if mark in text.partition("\n")[0]), ",")
    cells = [(number, line[0].strip()) for number, line in enumerate(csv.reader(text.splitlines(), delimiter=separator), 1)
             if line and line[0].strip()]  # fmt: skip
    read = [(number, cell, _whole(cell)) for number, cell in cells]
    if read and read[0][2] is None:
        read = read[1:]
    if not read:
        raise DataError("The file names no row. Its first column must hold row numbers of the source, counted from 0.")
    if wrong := [f"line {number}: {cell[:20]!r}" for number, cell, found in read if found is None]:
        more = f" and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise DataError(f"Not a row number: {', '.join(wrong[:_SHOWN])}{more}. The first column must hold whole numbers.")
    return np.array([found for *_, found in read], dtype=np.int64)


def _whole(cell: str) -> int | None:
    try:
        number = float(cell.lstrip("\ufeff"))
    except ValueError:
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else None

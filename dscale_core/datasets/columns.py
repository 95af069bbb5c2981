"""Columns as they are read: numbers or categories, with missing cells known, and what role each seems to play.

A column of strings whose every present cell is a number is a column of numbers; `?`, empty cells and the usual NA markers
are missing cells. The role is a suggestion that `read_table` follows and the Data page shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dscale_core.errors import DataError
from dscale_core.types import FloatVector, IntVector

__all__ = [
    "LABEL_MARKERS",
    "MISSING_MARKERS",
    "Column",
    "Kind",
    "Numbers",
    "Role",
    "Words",
    "check_finite",
    "parse_column",
    "role_of",
]

LABEL_MARKERS = frozenset({"", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null"})
# A class may well be called "None", so that a label keeps it; among features it says that the cell is empty.
MISSING_MARKERS = LABEL_MARKERS | {"None", "none", "-", "--"}

Kind: TypeAlias = Literal["number", "boolean", "date", "text"]
Role: TypeAlias = Literal["numeric", "category", "identifier", "constant", "text"]

_LARGEST = 1e100  # beyond this the squares that every learner takes overflow
_IDENTIFIER_NAME = re.compile(r"(?i:(^|[\W_])(id|uuid|guid|index|row|rownum)$|^unnamed: \d+$)|[a-z]I[dD]$")


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers; NaN where the cell is missing. Dates are days since 1970, booleans 0 and 1."""

    name: str
    kind: Kind
    values: FloatVector  # (N,)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(N,) where the cell is missing."""
        return np.isnan(self.values)

    @property
    def n_unique(self) -> int:
        """Number of distinct values present."""
        return int(np.unique(self.values[~self.missing]).size)


@dataclass(frozen=True, eq=False)
class Words:
    """A column of strings: codes into sorted ``levels``, -1 where the cell is missing."""

    name: str
    codes: IntVector  # (N,)
    levels: tuple[str, ...]
    kind: Kind = "text"

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(N,) where the cell is missing."""
        return np.asarray(self.codes < 0)

    @property
    def n_unique(self) -> int:
        """Number of distinct strings present."""
        return len(self.levels)


Column: TypeAlias = Numbers | Words


def parse_column(name: str, cells: pd.Series, markers: frozenset[str] = MISSING_MARKERS) -> Column:
    """Read one column of a frame. Raises DataError where cells hold lists, mappings, bytes or complex numbers."""
    dtype = cells.dtype
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return Numbers(name, "boolean", cells.to_numpy(dtype=np.float64, na_value=np.nan))
    if pd.api.types.is_complex_dtype(dtype):
        raise DataError(f"Column {name!r} holds complex numbers: split it into real columns or leave it out.")
    if pd.api.types.is_numeric_dtype(dtype):
        return Numbers(name, "number", cells.to_numpy(dtype=np.float64, na_value=np.nan))
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return Numbers(name, "date", _days(cells))
    return _parsed_strings(name, cells, markers)


def _days(cells: pd.Series) -> FloatVector:
    plain = cells.dt.tz_convert(None) if isinstance(cells.dtype, pd.DatetimeTZDtype) else cells
    unit = "datetime64[s]" if plain.dtype.kind == "M" else "timedelta64[s]"
    seconds = plain.to_numpy().astype(unit)
    days = seconds.astype(np.int64) / 86_400.0
    return np.where(np.isnat(seconds), np.nan, days)


def _parsed_strings(name: str, cells: pd.Series, markers: frozenset[str]) -> Column:
    try:
        raw_codes, uniques = pd.factorize(cells)
    except TypeError:
        raise DataError(f"Column {name!r} holds lists or mappings: spread them over columns or leave it out.") from None
    present = list(uniques)
    if any(isinstance(value, bytes | bytearray | tuple | frozenset) for value in present):
        raise DataError(f"Column {name!r} holds raw bytes or tuples: turn them into text or numbers or leave it out.")
    # The work is done on distinct strings, of which there are far fewer than cells.
    strings = np.array([str(value).strip() for value in present] + [""], dtype=object)
    kept = np.array([string not in markers for string in strings])
    levels = sorted(set(strings[kept]))
    numbers = _as_numbers(levels)
    if numbers is not None:
        table = np.full(strings.size, np.nan)
        table[kept] = [numbers[string] for string in strings[kept]]
        return Numbers(name, "number", table[raw_codes])
    code_of = {level: code for code, level in enumerate(levels)}
    codes = np.array([code_of[string] if keep else -1 for string, keep in zip(strings, kept, strict=True)], dtype=np.int64)
    return Words(name, codes[raw_codes], tuple(levels))


def _as_numbers(levels: list[str]) -> dict[str, float] | None:
    if not levels:
        return {}
    numbers = pd.to_numeric(pd.Series(levels, dtype=object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return None if np.isnan(numbers).any() else dict(zip(levels, numbers.tolist(), strict=True))


def check_finite(column: Column) -> None:
    """Raises DataError naming the column and the first row where a number is infinite or too large to be squared."""
    if isinstance(column, Words):
        return
    bad = np.flatnonzero(np.abs(column.values) > _LARGEST)
    if bad.size:
        what = "infinite" if np.isinf(column.values[bad]).any() else f"beyond ±{_LARGEST:g}"
        raise DataError(
            f"Column {column.name!r} holds values that are {what} ({bad.size}, the first in row {bad[0]}, counted from 0): "
            "replace them, empty the cells or remove the rows."
        )


def role_of(column: Column) -> Role:
    """The part that a column seems to play; judged on all rows of the source."""
    n_present = int((~column.missing).sum())
    if column.n_unique == 0 or (column.n_unique == 1 and n_present == column.missing.size):
        return "constant"
    if isinstance(column, Numbers):
        return "identifier" if _numbers_rows(column) else "numeric"
    many = column.n_unique > max(10, 0.2 * n_present)
    if many and _reads_as_prose(column.levels):
        return "text"
    return "identifier" if column.n_unique > max(10, 0.9 * n_present) else "category"


def _numbers_rows(column: Numbers) -> bool:
    values = column.values
    if column.kind != "number" or values.size < 3 or column.n_unique != values.size:
        return False
    if not np.isfinite(values).all() or (values != np.floor(values)).any():
        return False
    named_so = bool(_IDENTIFIER_NAME.search(column.name))
    return named_so or (values.size > 10 and bool((np.diff(values) == 1).all()))


def _reads_as_prose(levels: tuple[str, ...]) -> bool:
    sample = levels[:: max(1, len(levels) // 500)]
    characters = np.mean([len(level) for level in sample])
    words = np.mean([level.count(" ") + 1 for level in sample])
    return bool(characters >= 40 and words >= 6)

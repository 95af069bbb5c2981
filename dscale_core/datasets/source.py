"""From a path or a frame to a checked frame: what the file is, whether it fits, what its columns are called.

A file is judged by its first bytes *and* by its name; where the two disagree nothing is guessed. Sizes are checked before
anything is read, decompressed bytes while they are read. Nothing is ever unpickled or evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dscale_core.datasets.text_file import read_text_table
from dscale_core.errors import ArgumentError, DataError

__all__ = ["MAX_FILE_BYTES", "Source", "read_source"]

MAX_FILE_BYTES = 500_000_000

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook: open it and save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: open it and save the table as CSV"),
    (b"BZh", "compressed with bzip2: unpack it or compress it with gzip"),
    (b"\xfd7zXZ\x00", "compressed with xz: unpack it or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it or compress it with gzip"),
    (b"SQLite format 3", "an SQLite database: export the table as CSV"),
    (b"%PDF", "a PDF document: export the table as CSV"),
)


@dataclass(frozen=True, eq=False)
class Source:
    """A table as it came, with string column names that are all different and a row index from 0."""

    frame: pd.DataFrame
    name: str
    notes: tuple[str, ...]


def read_source(path_or_frame: str | Path | pd.DataFrame) -> Source:
    """A DataFrame, or a file named .csv, .tsv (each also .gz) or .parquet.

    Raises ArgumentError for anything else, DataError for a file or frame that cannot be used as it is.
    """
    if isinstance(path_or_frame, pd.DataFrame):
        return _checked(path_or_frame, "table", ())
    if not isinstance(path_or_frame, str | Path):
        required = "be a path or a pandas DataFrame"
        raise ArgumentError(
            "path_or_frame", required, type(path_or_frame).__name__, "Save the table as CSV or load it with pandas."
        )
    path = Path(path_or_frame)
    start = _first_bytes(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    zipped = bool(suffixes) and suffixes[-1] == ".gz"
    kind = (suffixes[:-1] if zipped else suffixes)[-1:]
    name = path.name[: len(path.name) - sum(map(len, path.suffixes[-1 - zipped :]))] or path.name
    if kind == [".parquet"] and not zipped:
        if not start.startswith(b"PAR1"):
            raise DataError(f"{path.name} is named .parquet but is not Parquet{_what(start)}: check the file or its name.")
        from dscale_core.datasets.parquet import read_parquet_table

        return _checked(read_parquet_table(path), name, ())
    if not kind or kind[0] not in _SEPARATORS:
        required = "name a .csv, .csv.gz, .tsv, .tsv.gz or .parquet file"
        raise ArgumentError("path_or_frame", required, path.name, "Save the table as CSV.")
    _check_text_file(path, start, zipped)
    table = read_text_table(path, zipped, _SEPARATORS[kind[0]])
    return _checked(table.frame, name, table.notes)


def _first_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DataError(f"{path.name} is a folder: name the file in it.")
        if not path.is_file():
            raise DataError(f"There is no file {str(path)!r}: check the path.")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            limit = f"{MAX_FILE_BYTES // 1_000_000} MB"
            raise DataError(
                f"{path.name} has {size / 1e6:.0f} MB, more than the {limit} that are read: sample its rows first."
            )
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror}): check its permissions.") from error
    if not start:
        raise DataError(f"{path.name} is empty: bring a table with column names and rows.")
    return start


def _what(start: bytes) -> str:
    if start.startswith(b"\x1f\x8b"):
        return " but compressed with gzip"
    return next((f" but {what.split(':')[0]}" for magic, what in _FOREIGN if start.startswith(magic)), "")


def _check_text_file(path: Path, start: bytes, zipped: bool) -> None:
    gzip_inside = start.startswith(b"\x1f\x8b")
    if gzip_inside and not zipped:
        raise DataError(f"{path.name} is compressed with gzip, which its name does not say: add .gz to the name.")
    for magic, what in _FOREIGN:
        if start.startswith(magic):
            raise DataError(f"{path.name} is {what}.")
    if start.startswith(b"PAR1"):
        raise DataError(f"{path.name} is a Parquet file, which its name does not say: rename it to end in .parquet.")
    if zipped and not gzip_inside:
        raise DataError(f"{path.name} is not compressed with gzip, as its name says: remove .gz from the name.")


def _checked(frame: pd.DataFrame, name: str, notes: tuple[str, ...]) -> Source:
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError("The frame's column names have several levels: flatten them to one name a column.")
    names = [str(column) for column in frame.columns]
    repeated = sorted({column for column in names if names.count(column) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise DataError(f"Column name {repeated[0]!r} appears more than once: give every column its own name.")
    if not names or frame.empty:
        raise DataError(
            "The table has column names but no rows." if names else "The table has no columns: bring a table with rows."
        )
    if len(names) < 2:
        raise DataError(f"The table has one column, {names[0]!r}: a label and at least one feature are needed.")
    fresh = frame.copy(deep=False)
    fresh.columns = pd.Index(names)
    fresh.index = pd.RangeIndex(len(frame))
    return Source(fresh, name, notes)

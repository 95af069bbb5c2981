"""Delimited text to a frame, under a size limit, with the encoding found and the header checked before pandas sees it."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dscale_core.datasets.columns import LABEL_MARKERS
from dscale_core.errors import DataError

__all__ = ["MAX_COLUMNS", "MAX_TEXT_BYTES", "TextTable", "read_text_table"]

MAX_TEXT_BYTES = 200_000_000  # of decompressed text
MAX_COLUMNS = 20_000
_BLOCK = 1 << 22
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, eq=False)
class TextTable:
    """The rows of a delimited text file, and what reading it took."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def read_text_table(path: Path, zipped: bool, separator: str) -> TextTable:
    """Read delimited text in UTF-8, UTF-16 with a byte-order mark, or else Latin-1 (said in the notes).

    Raises DataError for damaged or oversized files, for binary content, repeated column names, another separator, and rows
    with more cells than there are columns.
    """
    raw = _content(path, zipped)
    encoding, notes = _encoding(raw, path.name)
    if encoding == "utf-16":
        raw, encoding = raw.decode("utf-16").encode("utf-8"), "utf-8"
    header = _header(raw, encoding, separator, path.name)
    frame = _parsed(raw, encoding, separator, path.name)
    if frame.empty:
        raise DataError(f"{path.name} has column names but no rows: bring the rows as well.")
    if len(header) == frame.shape[1]:
        frame.columns = pd.Index([title or f"Unnamed: {position}" for position, title in enumerate(header)])
    return TextTable(frame, notes)


def _content(path: Path, zipped: bool) -> bytes:
    limit = f"{MAX_TEXT_BYTES // 1_000_000} MB of text"
    too_large = DataError(f"{path.name} holds more than the {limit} that are read: sample its rows first.")
    if not zipped and path.stat().st_size > MAX_TEXT_BYTES:
        raise too_large
    blocks: list[bytes] = []
    size = 0
    try:
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            while block := file.read(_BLOCK):
                size += len(block)
                if size > MAX_TEXT_BYTES:
                    raise too_large
                blocks.append(block)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is damaged or cut short ({error}): fetch or save it again.") from error
    return b"".join(blocks)


def _encoding(raw: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            raw.decode("utf-16")
        except UnicodeDecodeError:
            raise DataError(f"{name} begins like UTF-16 but is not: save it as UTF-8.") from None
        return "utf-16", ("The file was read as UTF-16.",)
    if b"\x00" in raw or _CONTROL.search(raw, 0, 1 << 16):
        raise DataError(f"{name} holds binary data, not text: save the table as CSV in UTF-8.")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1", ("The file is not UTF-8 and was read as Latin-1: check accented letters.",)
    return ("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"), ()


def _header(raw: bytes, encoding: str, separator: str, name: str) -> list[str]:
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(raw), encoding, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        titles = [title.strip() for title in next((line for line in lines if any(map(str.strip, line))), [])]
    except csv.Error as error:
        raise DataError(f"{name} does not begin with a line of column names ({error}): save the table as CSV.") from error
    if not titles:
        raise DataError(f"{name} is empty: bring a table with column names and rows.")
    if len(titles) == 1:
        raise DataError(_one_column(titles[0], separator, name))
    if len(titles) > MAX_COLUMNS:
        raise DataError(f"{name} has {len(titles)} columns, more than the {MAX_COLUMNS} that are read: leave out columns.")
    repeated = [title for title, count in Counter(filter(None, titles)).items() if count > 1]
    if repeated:
        raise DataError(f"Column name {repeated[0]!r} appears more than once in {name}: give every column its own name.")
    return titles


def _one_column(title: str, separator: str, name: str) -> str:
    words = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
    other = max((mark for mark in words if mark != separator), key=title.count)
    if other in title:
        return f"{name} has one column, as its cells are separated by {words[other]}: save it with {words[separator]}."
    return f"{name} has one column, {title[:60]!r}: a label and a feature are needed, separated by {words[separator]}."


def _parsed(raw: bytes, encoding: str, separator: str, name: str) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            # A row longer than the header is cut with a mere warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame: pd.DataFrame = pd.read_csv(
                io.BytesIO(raw),
                sep=separator,
                encoding=encoding,
                na_values=sorted(LABEL_MARKERS),
                keep_default_na=False,
                skipinitialspace=True,
                index_col=False,
                low_memory=False,
            )
    except pd.errors.ParserWarning as error:
        raise DataError(
            f"{name} has rows with more cells than there are column names: quote cells that hold commas."
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, OverflowError, UnicodeDecodeError) as error:
        said = str(error).removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")
        raise DataError(f"{name} cannot be read as a table ({said}): check that line's quotes and separators.") from error
    return frame

"""Tables that leave the house: CSV whose text cells a spreadsheet will show and not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["export_csv"]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def export_csv(frame: pd.DataFrame) -> bytes:
    """The frame as UTF-8 CSV (RFC 4180), without its index, full precision.

    Text cells and headings that begin with = + - @, a tab or a line break get a leading apostrophe, which spreadsheets take
    as "this is text" (OWASP, CSV injection); numbers stay as they are.
    """
    safe = frame.copy()
    safe.columns = [_neutral(name) for name in safe.columns]
    for i, dtype in enumerate(frame.dtypes):
        if not (hasattr(dtype, "kind") and dtype.kind in "biufcmM"):
            safe.isetitem(i, [_neutral(cell) for cell in frame.iloc[:, i]])
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8")


def _neutral(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell

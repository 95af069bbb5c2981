"""Tables that leave the house: CSV whose text cells a spreadsheet will show and not run, Parquet, and JSON beside them."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["export_csv", "export_json", "export_parquet"]

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


def export_parquet(frame: pd.DataFrame) -> bytes:
    """The frame as Parquet, without its index; columns of several kinds of cells become text, as Parquet needs one kind."""
    plain = frame.copy()
    for i in range(frame.shape[1]):
        cells = frame.iloc[:, i]
        if cells.dtype.kind == "O" and {type(cell) for cell in cells[cells.notna()]} - {str, bool}:
            plain.isetitem(i, [str(cell) if known else None for cell, known in zip(cells, cells.notna(), strict=True)])
    buffer = io.BytesIO()
    plain.to_parquet(buffer, index=False)
    return buffer.getvalue()


def export_json(facts: Mapping[str, Any]) -> bytes:
    """Facts as UTF-8 JSON that every reader takes: NaN becomes null, infinity the word ``infinite``."""
    return (json.dumps(_plain(dict(facts)), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "infinite"
    return value

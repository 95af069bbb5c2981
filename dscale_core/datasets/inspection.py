"""A first look at a table, before anything is decided: what each column holds and what part it seems to play."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dscale_core.datasets.columns import Kind, Role, parse_column, role_of
from dscale_core.datasets.source import read_source
from dscale_core.datasets.target import suggest_label

__all__ = ["ColumnPreview", "TablePreview", "inspect_table"]

_HEAD_ROWS = 20


@dataclass(frozen=True)
class ColumnPreview:
    """One column: what it holds, how much of it is missing, and the role that `read_table` would give it as a feature."""

    name: str
    kind: Kind
    n_missing: int
    n_unique: int
    role: Role


@dataclass(frozen=True, eq=False)
class TablePreview:
    """A table's first 20 rows, its columns, and the column that is probably the label."""

    frame_head: pd.DataFrame
    n_rows: int
    columns: tuple[ColumnPreview, ...]
    suggested_label: str
    notes: tuple[str, ...] = ()


def inspect_table(path_or_frame: str | Path | pd.DataFrame) -> TablePreview:
    """What a table holds; reads it as `read_table` does and raises the same errors for files that cannot be read."""
    source = read_source(path_or_frame)
    columns = []
    for name in source.frame.columns:
        column = parse_column(name, source.frame[name])
        n_missing = int(column.missing.sum())
        columns.append(ColumnPreview(name, column.kind, n_missing, column.n_unique, role_of(column)))
    head = source.frame.head(_HEAD_ROWS)
    return TablePreview(head, len(source.frame), tuple(columns), suggest_label(list(source.frame.columns)), source.notes)

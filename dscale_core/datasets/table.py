"""Tables of the user's own: label, task, features and split from a file or a frame, every decision said in the notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dscale_core.datasets.assemble import assemble
from dscale_core.datasets.columns import LABEL_MARKERS, Column, Role, check_finite, parse_column, role_of
from dscale_core.datasets.encode import Encoded, encode, unique_names
from dscale_core.datasets.source import Source, read_source
from dscale_core.datasets.split import three_way_split
from dscale_core.datasets.target import check_column, read_target
from dscale_core.errors import ArgumentError, DataError
from dscale_core.types import Dataset, IntVector, Task

__all__ = ["MAX_MISSING_LABELS", "read_table"]

MAX_MISSING_LABELS = 0.1  # share of rows without a label that are dropped with a note; more is an error


def read_table(
    path_or_frame: str | Path | pd.DataFrame,
    label: str = "label",
    task: Task | None = None,
    text: str | None = None,
    valuation: float = 0.2,
    test: float = 0.2,
    seed: int = 0,
    name: str | None = None,
    ignore: Sequence[str] = (),
) -> Dataset:
    """A dataset from a .csv, .tsv (each also .gz) or .parquet file, or a pandas DataFrame.

    label : the column that is learned
    task : "classification" | "regression"; None: strings, booleans and at most 20 distinct whole numbers are classes
    text : a column of text, encoded by TF-IDF and a truncated SVD of at most 256 components on one common scale
    valuation, test : fractions of the rows in (0, 1), or row counts
    seed : of the split, and of the text reduction
    name : what the dataset is called; None: the file's name without its ending
    ignore : columns that are not learned from, such as one that says which rows are trained on today; they stay in
        ``records``, where a current set can be named by them (`curation.points_by_column`)

    Numbers are standardised (missing cells: the pool's median and an indicator column), categories become columns of 0
    and 1; all statistics are the pool's. Constant, identifier and unnamed text columns are left out; `notes` says so. Rows
    without a label are dropped where they are at most a tenth: a point is valued by its label. ``records`` are the pool's
    original rows; its index "row" counts the source's rows from 0.

    Raises ArgumentError for a call that cannot be served, DataError for data that cannot be used; both name the column.

    >>> import pandas as pd
    >>> rows = {"age": [23, 31, 47, 58] * 15, "town": ["Aarhus", "Bergen", "Chur"] * 20, "moved": ["yes", "no"] * 30}
    >>> dataset = read_table(pd.DataFrame(rows), label="moved")
    >>> dataset.feature_names, dataset.n_points
    (('age', 'town=Aarhus', 'town=Bergen', 'town=Chur'), 36)
    """
    _check_call(task, name)
    source = read_source(path_or_frame)
    names = list(source.frame.columns)
    check_column("label", label, names)
    if text is not None and check_column("text", text, names) == label:
        raise ArgumentError(
            "text", "be another column than the label", repr(text), "Choose the column that holds the texts."
        )
    unused = _ignored(ignore, (label, text), names)
    rows, dropped = _labelled_rows(source, label)
    target = read_target(_parsed(source, label, rows), task)
    split = three_way_split(target.y, target.task, valuation, test, seed)
    features = [column for column in names if column not in (label, text, *unused)]
    encoded = _encoded(source, features, text, rows, split.pool, seed)
    return assemble(
        name=source.name if name is None else name,
        X=encoded.X,
        y=target.y,
        split=split,
        feature_names=encoded.feature_names,
        class_names=target.class_names,
        records=source.frame.iloc[rows],
        label_name=label,
        notes=(*source.notes, target.note, *dropped, *_as_asked(unused), *encoded.notes),
        rows=rows,
    )


def _check_call(task: object, name: object) -> None:
    if task not in (None, "classification", "regression"):
        raise ArgumentError(
            "task", 'be "classification", "regression" or None', repr(task), "Leave it out to have it found."
        )
    if name is not None and not (isinstance(name, str) and name.strip()):
        raise ArgumentError("name", "be a word or two", repr(name), "Leave it out to use the file's name.")


def _ignored(ignore: Sequence[str], used: tuple[str | None, ...], names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(ignore, str):
        raise ArgumentError("ignore", "be a list of column names", repr(ignore), f"Write [{ignore!r}].")
    for name in ignore:
        if check_column("ignore", name, names) in used:
            raise ArgumentError("ignore", "name neither the label nor the text column", repr(name), "Leave it out.")
    return tuple(dict.fromkeys(ignore))


def _as_asked(unused: tuple[str, ...]) -> tuple[str, ...]:
    return (f"Not learned from, as asked: {', '.join(unused)}.",) if unused else ()


def _labelled_rows(source: Source, label: str) -> tuple[IntVector, tuple[str, ...]]:
    column = parse_column(label, source.frame[label], LABEL_MARKERS)
    check_finite(column)
    n_missing = int(column.missing.sum())
    if n_missing == column.missing.size:
        raise DataError(f"Label {label!r} is empty in every row: choose another label.")
    if n_missing > MAX_MISSING_LABELS * column.missing.size:
        raise DataError(
            f"Label {label!r} is missing in {n_missing} of {column.missing.size} rows, more than a tenth. A point is valued "
            "by its label, so rows without one cannot be candidates: label them, remove them or choose another label."
        )
    note = (f"Rows without a label in {label!r} were left out: {n_missing}.",) if n_missing else ()
    return np.flatnonzero(~column.missing).astype(np.int64), note


def _parsed(source: Source, label: str, rows: IntVector) -> Column:
    return parse_column(label, source.frame[label].iloc[rows], LABEL_MARKERS)


def _encoded(source: Source, names: Sequence[str], text: str | None, rows: IntVector, pool: IntVector, seed: int) -> Encoded:
    columns: list[Column] = []
    left_out: dict[Role, list[str]] = {"constant": [], "identifier": [], "text": []}
    for name in names:
        column = parse_column(name, source.frame[name])
        role = role_of(column)
        if role in left_out:
            left_out[role].append(name)
            continue
        check_finite(column)
        columns.append(parse_column(name, source.frame[name].iloc[rows]) if rows.size < len(source.frame) else column)
    notes = tuple(f"Left out, {why}: {', '.join(left_out[role])}." for role, why in _REASONS.items() if left_out[role])
    parts = [encode(columns, pool)] if columns else []
    if text is not None:
        from dscale_core.datasets.text import encode_text

        parts.append(encode_text(text, _texts(source, text, rows), pool, seed))
    if not any(part.feature_names for part in parts):
        raise DataError(_no_features(left_out))
    feature_names = unique_names([feature for part in parts for feature in part.feature_names])
    X = parts[0].X if len(parts) == 1 else np.hstack([part.X for part in parts])
    return Encoded(X, feature_names, (*notes, *(note for part in parts for note in part.notes)))


_REASONS: dict[Role, str] = {
    "constant": "the same in every row",
    "identifier": "names rows rather than describing them",
    "text": "free text (name one column with text= to use it)",
}


def _texts(source: Source, text: str, rows: IntVector) -> list[str]:
    cells = source.frame[text].iloc[rows]
    return ["" if absent else str(cell) for cell, absent in zip(cells, cells.isna(), strict=True)]


def _no_features(left_out: dict[Role, list[str]]) -> str:
    said = "; ".join(f"{', '.join(left_out[role])}: {why}" for role, why in _REASONS.items() if left_out[role])
    reason = f" ({said})" if said else ""
    remedy = "Name the text column with text=" if left_out["text"] else "Add a numeric or categorical column"
    return f"No column besides the label can serve as a feature{reason}. {remedy}."

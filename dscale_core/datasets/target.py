"""The label: which column it is, whether it names classes or measures something, and its codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscale_core.datasets.columns import Column, Words
from dscale_core.errors import ArgumentError, DataError
from dscale_core.types import Task

__all__ = ["MAX_INTEGER_CLASSES", "Target", "check_column", "read_target", "suggest_label"]

MAX_INTEGER_CLASSES = 20  # more distinct whole numbers than this are a measurement
_USUAL_NAMES = ("label", "target", "class", "y")


@dataclass(frozen=True, eq=False)
class Target:
    """The label of every row, and how the task was found."""

    task: Task
    y: NDArray[Any]  # (N,) int64 codes into class_names, or float64
    class_names: tuple[str, ...]
    note: str


def suggest_label(names: Sequence[str]) -> str:
    """The first of label, target, class, y among ``names`` whatever its case, else the last name."""
    lowered = {name.lower(): name for name in reversed(names)}
    return next((lowered[usual] for usual in _USUAL_NAMES if usual in lowered), names[-1])


def check_column(argument: str, name: object, names: Sequence[str]) -> str:
    """``name`` where it is one of the columns. Raises ArgumentError that names the closest columns."""
    if isinstance(name, str) and name in names:
        return name
    lowered = {column.lower(): column for column in names}
    close = [lowered[match] for match in get_close_matches(str(name).lower(), lowered, n=3)]
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    remedy = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"The columns are: {shown}."
    if all(_is_number(column) for column in names):
        remedy = "The first line looks like data: put a line of column names above it."
    raise ArgumentError(argument, "name a column of the table", repr(name), remedy)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_target(column: Column, task: Task | None) -> Target:
    """Codes or values of a label column without missing cells.

    ``task`` None: strings, booleans and at most 20 distinct whole numbers are classes, all else is regressed. Class names
    stand in the sorted order of the labels, numbers by value. Raises DataError for one class only, a class of fewer than 3
    rows, a constant target; ArgumentError where strings are to be regressed.
    """
    found, why = (task, "as asked") if task is not None else _found_task(column)
    if found == "regression":
        return _regression(column, why)
    if isinstance(column, Words):
        used, y = np.unique(column.codes, return_inverse=True)
        class_names = tuple(column.levels[level] for level in used)
    else:
        values, y = np.unique(column.values, return_inverse=True)
        class_names = tuple(_class_name(value, column.kind) for value in values.tolist())
    _check_classes(column.name, y, class_names)
    note = f"Task: classification into {len(class_names)} classes, {why}."
    return Target("classification", y.astype(np.int64), class_names, note)


def _found_task(column: Column) -> tuple[Task, str]:
    if isinstance(column, Words):
        return "classification", f"because {column.name!r} holds text"
    if column.kind == "boolean":
        return "classification", f"because {column.name!r} holds true and false"
    whole = column.kind == "number" and bool((column.values == np.floor(column.values)).all())
    if whole and column.n_unique <= MAX_INTEGER_CLASSES:
        return "classification", f"because {column.name!r} holds {column.n_unique} distinct whole numbers"
    return "regression", f"because {column.name!r} holds {column.n_unique} distinct numbers"


def _regression(column: Column, why: str) -> Target:
    if isinstance(column, Words):
        shown = column.levels[int(column.codes[0])]
        required = f"suit the label: column {column.name!r} holds text such as {shown[:40]!r}"
        raise ArgumentError("task", required, "'regression'", "Ask for classification or choose a numeric label.")
    if column.n_unique < 2:
        raise DataError(
            f"Label {column.name!r} has the same value in every row, so nothing can be learned: choose another label."
        )
    return Target("regression", column.values, (), f"Task: regression, {why}.")


def _class_name(value: float, kind: str) -> str:
    if kind == "boolean":
        return str(bool(value))
    return str(int(value)) if value == int(value) else repr(value)


def _check_classes(name: str, y: NDArray[Any], class_names: tuple[str, ...]) -> None:
    if len(class_names) < 2:
        raise DataError(
            f"Label {name!r} has one class only, {class_names[0]!r}: two or more are needed. Choose another label."
        )
    members = np.bincount(y)
    small = np.flatnonzero(members < 3)
    if small.size:
        first = f"{class_names[small[0]][:60]!r} with {members[small[0]]}"
        which = f"the class {first}" if small.size == 1 else f"{small.size} classes, the first {first}"
        raise DataError(
            f"Label {name!r}: fewer than 3 rows in {which}, and each of the three sets (pool, valuation, test) needs one. "
            "Remove or merge such classes, or choose another label or task."
        )

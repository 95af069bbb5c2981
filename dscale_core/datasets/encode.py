"""From columns to the feature matrix, with every statistic taken from the pool's rows alone.

Numbers: missing cells become the pool's median, an indicator column says where, then the column is standardised.
Categories: one column of 0 and 1 a level; missing cells are a level of their own; rare levels share the level "other", which
also takes levels that the pool does not have. Constant columns carry nothing and are named in the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dscale_core.datasets.columns import Column, Numbers, Words
from dscale_core.datasets.scaling import is_constant, standardise
from dscale_core.errors import DataError
from dscale_core.types import FloatMatrix, FloatVector, IntVector

__all__ = ["MAX_LEVELS", "MIN_LEVEL_ROWS", "MIN_LEVEL_SHARE", "Encoded", "encode", "unique_names"]

MAX_LEVELS = 50  # columns that one category may become, "other" and "missing" not counted
MIN_LEVEL_ROWS = 2  # a level with fewer pool rows is rare ...
MIN_LEVEL_SHARE = 0.001  # ... and so is one with less than this share of the pool
_MAX_ENCODED_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class Encoded:
    """The features of all rows, and what was done to them."""

    X: FloatMatrix  # (N, d)
    feature_names: tuple[str, ...]  # d names, all different
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Block:
    X: FloatMatrix  # (N, width); width 0 where the column is left out
    names: tuple[str, ...]
    note: str = ""


def encode(columns: Sequence[Column], pool: IntVector) -> Encoded:
    """Encode all rows of ``columns`` by the statistics of the rows ``pool``.

    Raises DataError where the features would take more than a gibibyte.
    """
    blocks: list[_Block] = []
    size = 0
    for column in columns:
        block = _number_block(column, pool) if isinstance(column, Numbers) else _category_block(column, pool)
        size += block.X.nbytes
        if size > _MAX_ENCODED_BYTES:
            raise DataError(f"With column {column.name!r} the features exceed 1 GiB: leave out columns or sample the rows.")
        blocks.append(block)
    n_rows = columns[0].missing.size if columns else 0
    X = np.hstack([block.X for block in blocks]) if blocks else np.empty((n_rows, 0))
    names = unique_names([name for block in blocks for name in block.names])
    constant = [column.name for column, block in zip(columns, blocks, strict=True) if not block.names]
    left_out = (f"Left out, constant in the pool: {', '.join(constant)}.",) if constant else ()
    return Encoded(np.ascontiguousarray(X), names, (*(block.note for block in blocks if block.note), *left_out))


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names in order, a repeated one with (2), (3), ... behind it."""
    taken: dict[str, None] = {}
    for name in names:
        candidate, count = name, 1
        while candidate in taken:
            count += 1
            candidate = f"{name} ({count})"
        taken[candidate] = None
    return tuple(taken)


def _number_block(column: Numbers, pool: IntVector) -> _Block:
    missing = column.missing
    present = column.values[pool][~missing[pool]]
    parts: list[FloatVector] = []
    names: list[str] = []
    if present.size == 0:
        return _Block(np.empty((missing.size, 0)), ())
    filled = np.where(missing, np.median(present), column.values)
    if not is_constant(filled[pool]):
        parts.append(standardise(filled[:, None], pool)[:, 0])
        names.append(column.name)
    n_missing = int(missing.sum())
    if missing[pool].any():
        parts.append(missing.astype(np.float64))
        names.append(f"{column.name} is missing")
    note = (
        f"{column.name}: missing cells ({n_missing}) became the pool's median {np.median(present):g}." if n_missing else ""
    )
    return _Block(np.column_stack(parts) if parts else np.empty((missing.size, 0)), tuple(names), note)


def _category_block(column: Words, pool: IntVector) -> _Block:
    # Position 0 counts the missing cells, position i + 1 level i.
    counts = np.bincount(column.codes[pool] + 1, minlength=len(column.levels) + 1)
    kept = _kept_levels(counts[1:], pool.size)
    grouped = counts[1:].sum() > counts[1:][kept].sum()
    names = [column.levels[level] for level in kept]
    target = np.full(counts.size, len(kept) if grouped else -1)
    target[kept + 1] = np.arange(kept.size)
    names += ["other"] if grouped else []
    if counts[0]:
        target[0] = len(names)
        names.append("missing")
    if len(names) < 2:
        return _Block(np.empty((column.codes.size, 0)), ())
    place = target[column.codes + 1]
    X = np.zeros((column.codes.size, len(names)))
    known = np.flatnonzero(place >= 0)
    X[known, place[known]] = 1.0
    return _Block(X, tuple(f"{column.name}={name}" for name in names), _category_note(column, kept, grouped, int(counts[0])))


def _kept_levels(counts: IntVector, n_pool: int) -> IntVector:
    """Levels with a column of their own, ascending: the most frequent that are not rare."""
    frequent = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
    enough = counts[frequent] >= max(MIN_LEVEL_ROWS, MIN_LEVEL_SHARE * n_pool)
    return np.sort(frequent[enough])


def _category_note(column: Words, kept: IntVector, grouped: bool, n_missing: int) -> str:
    said = []
    if grouped:
        said.append(f'rare levels ({len(column.levels) - kept.size}) share "other"')
    if n_missing:
        said.append(f'missing cells ({n_missing} in the pool) are the level "missing"')
    return f"{column.name}: {'; '.join(said)}." if said else ""

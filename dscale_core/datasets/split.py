"""Three-way splits: pool, valuation set, test set, in exact sizes, stratified by class.

Each class gets its proportional share of the valuation and test rows by largest remainders, never less than one row in any
of the three parts. Part sizes are exact, so a split can be stated in row counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError, DataError
from dscale_core.types import IntVector, Task

__all__ = ["Split", "three_way_split"]


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of the three parts, each ascending; together they are all rows, each once."""

    pool: IntVector  # (n,)
    valuation: IntVector  # (v,)
    test: IntVector  # (t,)


def three_way_split(y: NDArray[Any], task: Task, valuation: float, test: float, seed: int) -> Split:
    """Split rows with labels ``y`` (N,), stratified where ``task`` is classification (codes 0..C-1, each at least 3 times).

    ``valuation`` and ``test`` are fractions in (0, 1) or row counts. A fraction that would leave a class out is raised to
    one row a class. Raises ArgumentError for sizes that cannot be served, DataError for fewer than 4 rows.
    """
    codes = y if task == "classification" else np.zeros(y.size, dtype=np.int64)
    if y.size < 4:
        raise DataError(f"The table has {y.size} usable rows; a three-way split needs at least 4. Bring more rows.")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ArgumentError("seed", "be a whole number, zero or positive", repr(seed), "Use a seed such as 0.")
    members = np.bincount(codes)
    n_valuation = _rows("valuation", valuation, y.size, members.size)
    n_test = _rows("test", test, y.size, members.size)
    left, needed = y.size - n_valuation - n_test, max(members.size, 2)
    if left < needed:
        got = f"{n_valuation} valuation and {n_test} test rows of {y.size}"
        required = f"leave at least {needed} of the {y.size} rows for the pool"
        raise ArgumentError("valuation and test", required, got, "Lower one of the two.")
    of_test = _shares(members, n_test, members - 2)
    of_valuation = _shares(members, n_valuation, members - of_test - 1)
    return _drawn(codes, of_valuation, of_test, seed)


def _rows(argument: str, asked: float, n_rows: int, n_classes: int) -> int:
    remedy = "Use a fraction such as 0.2 or a row count such as 200."
    required = "be a fraction between 0 and 1, or a row count of at least 1"
    if isinstance(asked, bool) or not isinstance(asked, Real):
        raise ArgumentError(argument, required, repr(asked), remedy)
    if isinstance(asked, Integral):
        if asked < 1:
            raise ArgumentError(argument, required, asked, remedy)
        if asked < n_classes:
            required = f"hold at least one row of each of the {n_classes} classes"
            raise ArgumentError(argument, required, asked, "Ask for more rows.")
        return int(asked)
    if not 0 < asked < 1:
        raise ArgumentError(argument, required, asked, remedy)
    return max(round(float(asked) * n_rows), n_classes)


def _shares(members: IntVector, total: int, most: IntVector) -> IntVector:
    """Rows of each class, (C,): proportional to ``members``, between 1 and ``most``, summing to ``total``."""
    quota = total * members / members.sum()
    shares: IntVector = np.clip(np.floor(quota).astype(np.int64), 1, most)
    while (lacking := total - int(shares.sum())) != 0:
        step = 1 if lacking > 0 else -1
        open_to_change = shares < most if step > 0 else shares > 1
        gap = np.where(open_to_change, step * (quota - shares), -np.inf)
        shares[np.argsort(-gap, kind="stable")[: min(abs(lacking), int(open_to_change.sum()))]] += step
    return shares


def _drawn(codes: NDArray[Any], of_valuation: IntVector, of_test: IntVector, seed: int) -> Split:
    random = np.random.default_rng(seed)
    parts: tuple[list[IntVector], list[IntVector], list[IntVector]] = ([], [], [])
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(of_test.size + 1))
    for label, (v, t) in enumerate(zip(of_valuation, of_test, strict=True)):
        rows = random.permutation(order[starts[label] : starts[label + 1]])
        for part, chosen in zip(parts, np.split(rows, [rows.size - v - t, rows.size - t]), strict=True):
            part.append(chosen)
    pool, valuation, test = (np.sort(np.concatenate(part)).astype(np.int64) for part in parts)
    return Split(pool, valuation, test)

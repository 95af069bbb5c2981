"""A list as a table: the order and what was promised, beside each point's law and its original record."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dscale_core.curation.choice import Choice
from dscale_core.curation.ranking import records_beside
from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, FloatVector, IntVector, Laws

__all__ = ["list_table"]


def list_table(choice: Choice, dataset: Dataset, laws: Laws | None = None) -> pd.DataFrame:
    """A row a point of the list, in order: order, action, point, row, label, gain, promise, promise_low, promise_high; with
    laws psi, psi_low, psi_high at the size k of the set, psi_after once the list is carried out, c, alpha, alpha_low,
    alpha_high, status; then the record's own columns (a clash gets the prefix ``record_``).

    gain : when chosen, on the rows that chose, too high for a promise; promise : of this point and all above it together,
    with its 90 % interval; unit of the utility, positive helps. Points without a law have NaN.
    """
    points = choice.points
    if points.size and points.max() >= dataset.n_points:
        got = f"point {int(points.max())} with a pool of {dataset.n_points}"
        raise ArgumentError("choice", "be of this dataset's pool", got, "Pass the dataset that it was chosen from.")
    kept = choice.to_frame()
    table = kept[["order", "action", "point"]].copy()
    table["row"] = dataset.records.index.to_numpy()[points]
    table["label"] = dataset.labels(points)
    for name in ("gain", "promise", "promise_low", "promise_high"):
        table[name] = kept[name]
    if laws is not None:
        for name, values in _of_laws(choice, laws, dataset.n_points).items():
            table[name] = values
    return records_beside(table, dataset, points)


def _of_laws(choice: Choice, laws: Laws, n_points: int) -> dict[str, FloatVector | np.ndarray]:
    at = _positions(laws, choice.points, n_points)
    k = float(np.mean([members.size for members in choice.sets]))
    after = k + float((~choice.dropped).sum()) - float(choice.dropped.sum())
    low, high = laws.psi_interval(k)
    numbers = {
        "psi": laws.psi(k), "psi_low": low, "psi_high": high, "psi_after": laws.psi(max(after, 1.0)), "c": laws.c,
        "alpha": laws.alpha, "alpha_low": laws.alpha_low, "alpha_high": laws.alpha_high,
    }  # fmt: skip
    found: dict[str, FloatVector | np.ndarray] = {
        name: np.where(at >= 0, np.append(values, np.nan)[at], np.nan) for name, values in numbers.items()
    }
    found["status"] = np.array([str(laws.status[i]) if i >= 0 else "not fitted" for i in at], dtype=object)
    return found


def _positions(laws: Laws, points: IntVector, n_points: int) -> IntVector:
    """Where points stand in the laws' arrays, -1 where they were not fitted."""
    of_pool = np.full(n_points, -1, dtype=np.int64)
    of_pool[laws.points] = np.arange(laws.points.size)
    return of_pool[points]

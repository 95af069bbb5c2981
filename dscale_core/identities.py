"""Which labelled rows are one record: the same features and the same label."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from dscale_core.arrays import IntVector
from dscale_core.types import Dataset

__all__ = ["row_identities"]

_known: WeakKeyDictionary[Dataset, IntVector] = WeakKeyDictionary()


def row_identities(dataset: Dataset) -> IntVector:
    """A number for every row of the valuation set and then the pool, (v + n,), the same where features and label are."""
    if dataset not in _known:
        v = dataset.y_valuation.size
        rows = np.empty((v + dataset.n_points, dataset.n_features + 1))
        rows[:v, :-1], rows[:v, -1] = dataset.X_valuation, dataset.y_valuation
        rows[v:, :-1], rows[v:, -1] = dataset.X_pool, dataset.y_pool
        rows += 0.0  # one zero, not two: rows are compared by their bytes
        as_bytes = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
        _known[dataset] = np.unique(as_bytes, return_inverse=True)[1].astype(np.int64)
    return _known[dataset]

"""What an engine settles before it works: in which precision, at which kernel width, and how many rows together."""

from __future__ import annotations

from typing import Any

import numpy as np

from dscale_core.types import Dataset, IntVector

__all__ = ["blocks", "radial_width", "working_precision"]

# float32 has seven digits: logits of features this large keep four behind the point, and those decide a contribution
_SINGLE_LIMIT = 64.0


def working_precision(dataset: Dataset) -> type[np.floating[Any]]:
    """float32 for features of the usual size, float64 where one of pool or valuation set is beyond 64 in magnitude."""
    largest = max(float(np.abs(dataset.X_pool).max()), float(np.abs(dataset.X_valuation).max()))
    return np.float32 if largest <= _SINGLE_LIMIT else np.float64


def radial_width(gamma: float | str, dataset: Dataset) -> float:
    """gamma of k(x, y) = exp(-gamma |x - y|^2): the number given, or for ``"scale"`` 1 / (d Var(pool)).

    scikit-learn's ``"scale"`` looks at the coalition instead; a width that followed it would change with every point.
    """
    if gamma != "scale":
        return float(gamma)
    variance = float(dataset.X_pool.var())
    return 1.0 / (dataset.n_features * variance) if variance > 0 else 1.0


def blocks(rows: IntVector, size: int) -> list[IntVector]:
    """``rows`` in order, at most ``size`` together."""
    return [rows[start : start + size] for start in range(0, rows.size, size)]

"""Correlation of two quantities over the pairs of which both are finite: Pearson's of the values, Spearman's of the ranks.

Both are NaN where fewer than two such pairs are left, or where either quantity does not vary over them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["pearson", "spearman"]

# of the largest magnitude, a root mean square: values that differ by less are one value that was rounded differently
_ROUNDING = 1e-14
Floats = NDArray[np.float64]


def pearson(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's r of two equally long vectors, in [-1, 1]; of any scale, as nothing overflows or vanishes on the way."""
    return _r(*_finite_pairs(x, y))


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's ρ of two equally long vectors, in [-1, 1]: Pearson's r of their ranks, where equal values share a rank."""
    from scipy.stats import rankdata

    a, b = _finite_pairs(x, y)
    return _r(rankdata(a), rankdata(b))


def _finite_pairs(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    return a[both], b[both]


def _r(a: Floats, b: Floats) -> float:
    if a.size == 0:
        return float("nan")
    one, other = _direction(a), _direction(b)
    if one is None or other is None:
        return float("nan")
    # of vectors of length one: rounding alone can bring it beyond 1
    return min(max(float(one @ other), -1.0), 1.0)


def _direction(values: Floats) -> Floats | None:
    """Deviations from the mean, of length one; None where there are none."""
    largest = float(np.abs(values).max())
    scaled = values / largest if largest > 0 else values
    deviations = scaled - scaled.mean()
    length = float(np.sqrt(deviations @ deviations))
    return deviations / length if length > _ROUNDING * np.sqrt(values.size) else None

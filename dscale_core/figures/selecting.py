"""From what was brushed on a chart to stable point ids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dscale_core.figures.style import MAX_MARKS
from dscale_core.types import FloatVector, IntVector

__all__ = ["is_dense", "points_between", "points_in_box", "selected_mask"]


def is_dense(n_points: int) -> bool:
    """True where a scatter of `n_points` is drawn as a density map, on which only boxes select."""
    return n_points > MAX_MARKS


def points_between(values: FloatVector, points: IntVector, ends: Sequence[float]) -> tuple[int, ...]:
    """Ids of the points whose value lies between the two `ends` (in either order, both included)."""
    inside = _inside(values, ends)
    return tuple(int(i) for i in points[inside])


def points_in_box(
    x: FloatVector, y: FloatVector, points: IntVector, x_ends: Sequence[float], y_ends: Sequence[float]
) -> tuple[int, ...]:
    """Ids of the points inside the box; the ends come in either order (a box's y runs from high to low)."""
    inside = _inside(x, x_ends) & _inside(y, y_ends)
    return tuple(int(i) for i in points[inside])


def selected_mask(points: IntVector, selected: Sequence[int] | None) -> NDArray[np.bool_] | None:
    """Which of `points` are selected; None where nothing is, so that nothing is greyed."""
    if not selected:
        return None
    return np.isin(points, np.asarray(selected, dtype=np.int64))


def _inside(values: FloatVector, ends: Sequence[float]) -> NDArray[np.bool_]:
    low, high = min(ends), max(ends)
    finite = np.isfinite(values)
    safe = np.where(finite, values, 0.0)
    return finite & (safe >= low) & (safe <= high)

"""Draws gathered by size: the means that laws are held against.

Listed sizes are their own groups; a continuous range of sizes is cut into geometric groups of equal width in log k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["GroupMeans", "SizeGroups", "determination", "group_means", "size_groups"]

# Draws looked at together, 16 MB as doubles; speed and memory alone: test_grouping.py::test_means_match_plain_loops
_BLOCK = 2_000_000


@dataclass(frozen=True, eq=False)
class SizeGroups:
    """size (g,): geometric mean size of each group, ascending; index: the group of each draw, of the shape of the sizes."""

    size: FloatVector
    index: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GroupMeans:
    """Mean contribution of each point in each size group.

    mean (g, p) in the unit of the loss, NaN where a point has no finite draw; standard_error (g, p) of that mean, NaN
    below two draws; count (g, p) of finite draws.
    """

    mean: FloatMatrix
    standard_error: FloatMatrix
    count: NDArray[np.int64]


def size_groups(sizes: ArrayLike, n_groups: int = 10) -> SizeGroups:
    """Group sizes, (m,) or (m, p): each distinct size where there are at most ``n_groups``, else geometric groups.

    Empty groups are left out. Raises ArgumentError where there is no size, a size below 1, or n_groups below 1.
    """
    k = np.asarray(sizes, dtype=np.float64)
    if n_groups < 1:
        raise ArgumentError("n_groups", "be at least 1", n_groups, "Ask for 10 groups.")
    if k.size == 0 or not np.all(np.isfinite(k)) or k.min() < 1:
        raise ArgumentError("sizes", "be finite and at least 1", f"shape {k.shape}", "Pass the size of each coalition.")
    distinct, index = np.unique(k, return_inverse=True)
    if distinct.size > n_groups:
        edges = np.geomspace(distinct[0], distinct[-1], n_groups + 1)[1:-1]
        _, index = np.unique(np.searchsorted(edges, k.ravel(), side="right"), return_inverse=True)
    index = index.reshape(-1)
    log_size = np.bincount(index, np.log(k.ravel())) / np.bincount(index)
    return SizeGroups(np.exp(log_size), index.reshape(k.shape).astype(np.int64))


def group_means(delta: NDArray[Any], groups: SizeGroups) -> GroupMeans:
    """Means of delta (m, p) by size group; draws that are not finite count as missing.

    Raises ArgumentError where the groups were made of another number of draws.
    """
    delta = np.asarray(delta)
    shared = groups.index.ndim == 1
    expected = delta.shape[:1] if shared else delta.shape
    if delta.ndim != 2 or groups.index.shape != expected:
        got = f"delta {delta.shape} with groups of {groups.index.shape}"
        raise ArgumentError("groups", "be made of the sizes of these draws", got, "Call size_groups with their sizes.")
    g, p = groups.size.size, delta.shape[1]
    mean, error = np.full((g, p), np.nan), np.full((g, p), np.nan)
    count = np.zeros((g, p), dtype=np.int64)
    width = max(1, _BLOCK // max(1, delta.shape[0]))
    for start in range(0, p, width):
        columns = slice(start, start + width)
        for i in range(g):
            if shared:
                part, inside = delta[groups.index == i, columns], None
            else:
                part, inside = delta[:, columns], groups.index[:, columns] == i
            mean[i, columns], error[i, columns], count[i, columns] = _mean_and_error(part, inside)
    return GroupMeans(mean, error, count)


def _mean_and_error(
    part: NDArray[Any], inside: NDArray[np.bool_] | None
) -> tuple[FloatVector, FloatVector, NDArray[np.int64]]:
    """Mean, standard error and count over rows; values are scaled by their largest so that squares cannot overflow."""
    present = np.isfinite(part)
    if inside is not None:
        present &= inside
    count = present.sum(axis=0)
    value = np.where(present, part, 0.0).astype(np.float64)
    scale = np.abs(value).max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    value /= scale
    mean = np.divide(value.sum(axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)
    squares = np.where(present, value - mean, 0.0)
    np.square(squares, out=squares)
    variance = np.divide(squares.sum(axis=0), count * (count - 1.0), out=np.full(count.shape, np.nan), where=count > 1)
    return mean * scale, np.sqrt(variance) * scale, count


def determination(mean: FloatMatrix, psi: FloatMatrix) -> FloatVector:
    """R² = 1 − Σ(mean − ψ)² / Σ(mean − mean of means)² down each column, over the rows where both are finite.

    NaN where fewer than two rows remain or the means do not vary.
    """
    both = np.isfinite(mean) & np.isfinite(psi)
    scale = np.maximum(np.abs(np.where(both, mean, 0.0)).max(axis=0), np.finfo(np.float64).tiny)
    count = both.sum(axis=0)
    with np.errstate(over="ignore"):
        seen = np.where(both, mean, 0.0) / scale
        error = np.where(both, seen - np.where(both, psi, 0.0) / scale, 0.0)
        residual = np.square(error).sum(axis=0)
    centre = np.divide(seen.sum(axis=0), count, out=np.zeros(count.shape), where=count > 0)
    total = np.square(np.where(both, seen - centre, 0.0)).sum(axis=0)
    # Means are at most 1 here, so that rounding spreads them by some 1e-16: a spread below 1e-14 is not theirs.
    # test_grouping.py::test_two_means_suffice_and_a_spread_of_rounding_is_none
    defined = (count > 1) & (total > 1e-28 * count)
    return np.asarray(1.0 - np.divide(residual, total, out=np.full(count.shape, np.nan), where=defined))

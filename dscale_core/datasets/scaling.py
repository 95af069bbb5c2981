"""Standardisation by the pool's statistics alone: the valuation and test rows must not shape what is learned."""

from __future__ import annotations

import numpy as np

from dscale_core.types import FloatMatrix, FloatVector, IntVector

__all__ = ["is_constant", "on_one_scale", "standardise"]

_TINY = 1e-100  # a spread below this is no information, and dividing by it would overflow


def standardise(X: FloatMatrix, pool: IntVector) -> FloatMatrix:
    """Columns of ``X`` (N, d) less the pool's mean, over the pool's standard deviation (of the n rows, not n - 1).

    Columns without spread in the pool are only centred.
    """
    centred = X - X[pool].mean(axis=0)
    inside = centred[pool]
    # Dividing by the reach first keeps the squares of very large and very small columns representable.
    reach = np.abs(inside).max(axis=0)
    flat = reach < _TINY
    reach[flat] = 1.0
    scale = reach * (inside / reach).std(axis=0)
    scale[flat] = 1.0
    return np.ascontiguousarray(centred / scale)


def on_one_scale(X: FloatMatrix, pool: IntVector) -> FloatMatrix:
    """Columns of ``X`` (N, d) less the pool's mean, all over one number: their mean variance in the pool is then 1.

    For columns whose strengths say how much they tell, such as components of a decomposition. Columns without any spread in
    the pool are only centred.
    """
    centred = X - X[pool].mean(axis=0)
    reach = np.abs(centred[pool]).max(initial=0.0)
    if reach < _TINY:
        return np.ascontiguousarray(centred)
    return np.ascontiguousarray(centred / (reach * np.sqrt(np.mean((centred[pool] / reach) ** 2))))


def is_constant(values: FloatVector) -> bool:
    """Whether finite ``values`` (n,) are all equal up to rounding."""
    low, high = float(values.min()), float(values.max())
    return high - low <= max(1e-12 * max(abs(low), abs(high)), _TINY)

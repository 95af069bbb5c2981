"""Intervals that also hold on other valuation rows: what neither draws nor guide can see is added to both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dscale_core.types import Laws, RowDeviation

__all__ = ["with_other_rows"]

_SIZES = 9  # at which the deviation is kept where the law has no curve beside it; as many as such a curve has


def with_other_rows(laws: Laws, rows: RowDeviation) -> Laws:
    """The laws with the deviation of other rows in the intervals of ψ_k; exponents are those of the rows at hand."""
    n = laws.curve.shape[1] or _SIZES
    sizes = np.geomspace(laws.min_size, laws.max_size, n)
    curve, own = laws.curve, laws.curve_deviation
    if not laws.curve.size:
        curve, own = np.zeros((laws.c.size, n)), np.stack([laws.law_deviation(k) for k in sizes], axis=1)
        curve[~np.isfinite(laws.c)] = np.nan
    beside = np.stack([rows.at(k) for k in sizes], axis=1)
    return replace(laws, curve=curve, curve_deviation=np.hypot(own, beside))

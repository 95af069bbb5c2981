"""Intervals that also hold on other valuation rows: what these would change is told of some points, and read for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dscale_core.types import FloatMatrix, IntVector, Laws, RowDeviation

__all__ = ["with_other_rows"]


def with_other_rows(laws: Laws, columns: IntVector, rows: RowDeviation) -> Laws:
    """The laws with what other rows would change, measured at the points of some ``columns``; ψ_k and exponents stay.

    Where points were left out, each has the same share of its draws' deviation at each size: the median of those measured.
    """
    if columns.size == laws.c.size:
        return replace(laws, rows=rows)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        of_draws: FloatMatrix = laws.sigma * rows.sizes[:, None] ** (-0.5 * laws.beta)
        shares = rows.deviation / of_draws[:, columns]
    shares[~np.isfinite(shares)] = np.nan
    known = np.isfinite(shares).any(axis=1)
    if not known.any():
        return laws
    deviation = np.nanmedian(shares[known], axis=1)[:, None] * of_draws[known]
    return replace(laws, rows=RowDeviation(rows.sizes[known], np.nan_to_num(deviation, posinf=0.0)))

"""Points in the order of their expected contribution at one size, beside their law and their original record."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, IntVector, Laws

__all__ = ["LAW_COLUMNS", "rank_points", "records_beside"]

LAW_COLUMNS = (
    "rank",
    "point",
    "row",
    "label",
    "c",
    "alpha",
    "alpha_low",
    "alpha_high",
    "psi",
    "psi_low",
    "psi_high",
    "status",
)


def rank_points(
    laws: Laws, dataset: Dataset, k: float = 1000, chosen: IntVector | None = None, highest_first: bool = True
) -> pd.DataFrame:
    """Rank laws by ψ_k: columns LAW_COLUMNS, then the record's own (a clash gets the prefix ``record_``).

    chosen: positions in the laws' arrays, all by default. Ties keep the order of the pool; points without a law come last.
    point is the pool index, row the record's row in its source; psi, psi_low and psi_high (90 %) in the unit of the loss.
    """
    if laws.points.size and laws.points.max() >= dataset.n_points:
        got = f"point {int(laws.points.max())} with a pool of {dataset.n_points}"
        raise ArgumentError("laws", "be fitted to this dataset's pool", got, "Pass the dataset that was sampled.")
    chosen = np.arange(laws.c.size) if chosen is None else chosen
    psi = laws.psi(k)
    low, high = laws.psi_interval(k)
    key = np.where(np.isnan(psi), np.inf, -psi if highest_first else psi)[chosen]
    order = chosen[np.lexsort((laws.points[chosen], key))]
    points = laws.points[order]
    columns = (
        np.arange(1, order.size + 1),
        points,
        dataset.records.index.to_numpy()[points],
        dataset.labels(points),
        *(v[order] for v in (laws.c, laws.alpha, laws.alpha_low, laws.alpha_high, psi, low, high)),
        laws.status[order].astype(object),
    )
    table = pd.DataFrame(dict(zip(LAW_COLUMNS, columns, strict=True)))
    return records_beside(table, dataset, points)


def records_beside(table: pd.DataFrame, dataset: Dataset, points: IntVector) -> pd.DataFrame:
    """A table of points with their records' own columns to its right; a clash gets the prefix ``record_``."""
    records = dataset.records.iloc[points].reset_index(drop=True)
    records.columns = pd.Index(_unclashed([str(name) for name in records.columns], set(table.columns)))
    return pd.concat([table, records], axis=1)


def _unclashed(names: list[str], taken: set[str]) -> list[str]:
    result = []
    for name in names:
        while name in taken:
            name = f"record_{name}"
        taken.add(name)
        result.append(name)
    return result

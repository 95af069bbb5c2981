"""Tables of points and of statuses, as frames that a page shows as they stand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dscale_core.errors import NotFoundError
from dscale_core.types import Dataset, Laws, LawStatus

__all__ = ["filter_points", "point_record", "points_table", "status_table"]


def points_table(laws: Laws, dataset: Dataset, k: float) -> pd.DataFrame:
    """One row a valued point, the most useful at size k first; points without a law come last and have no rank.

    Columns: rank (nullable), point, row (in the source), label, psi, psi_low, psi_high (unit of the loss, at size k,
    90 % interval), alpha, alpha_low, alpha_high, c, lack_of_fit, n_draws, status.
    """
    low, high = laws.psi_interval(k)
    frame = pd.DataFrame(
        {
            "point": laws.points,
            "row": dataset.records.index.to_numpy()[laws.points],
            "label": dataset.labels(laws.points),
            "psi": laws.psi(k),
            "psi_low": low,
            "psi_high": high,
        }
        | {name: getattr(laws, name) for name in ("alpha", "alpha_low", "alpha_high", "c", "lack_of_fit", "n_draws")}
        | {"status": laws.status.astype(str)}
    )
    frame = frame.sort_values(["psi", "point"], ascending=[False, True], na_position="last", ignore_index=True)
    rank = frame["psi"].rank(method="min", ascending=False).astype("Int64")
    frame.insert(0, "rank", rank)
    return frame


def filter_points(
    table: pd.DataFrame,
    labels: Sequence[str] = (),
    statuses: Sequence[str] = (),
    sign: str = "any",
    points: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Rows of a points table that pass every filter; an empty filter passes all.

    sign : ``"any"``, ``"helps"`` (psi > 0) or ``"hurts"`` (psi < 0); points : keep these ids alone
    """
    keep = np.ones(len(table), dtype=bool)
    if labels:
        keep &= table["label"].astype(str).isin(list(labels)).to_numpy()
    if statuses:
        keep &= table["status"].isin(list(statuses)).to_numpy()
    if sign == "helps":
        keep &= (table["psi"] > 0).to_numpy()
    elif sign == "hurts":
        keep &= (table["psi"] < 0).to_numpy()
    elif sign != "any":
        raise NotFoundError(f"There is no sign filter {sign!r}. Choose any, helps or hurts.")
    if points is not None:
        keep &= table["point"].isin(list(points)).to_numpy()
    return table[keep].reset_index(drop=True)


def point_record(dataset: Dataset, point: int) -> pd.DataFrame:
    """The original record of one pool point: columns field and value, both text. Raises NotFoundError for no such point."""
    if not 0 <= point < dataset.n_points:
        raise NotFoundError(f"The pool has no point {point}. Pick one from 0 to {dataset.n_points - 1}.")
    record = dataset.records.iloc[point]
    return pd.DataFrame({"field": [str(name) for name in record.index], "value": [str(value) for value in record]})


def status_table(laws: Laws) -> pd.DataFrame:
    """How the fits ended: status, points (count), share (0 to 1), and cause with remedy; the most frequent first."""
    statuses, counts = np.unique(laws.status.astype(str), return_counts=True)
    frame = pd.DataFrame({"status": statuses, "points": counts, "share": counts / max(laws.status.size, 1)})
    frame["explanation"] = [LawStatus(status).explanation for status in statuses]
    return frame.sort_values("points", ascending=False, ignore_index=True)

"""Fitted laws: one .npz of arrays each, and a row that says how the fit went."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path

import numpy as np

from dscale_core.errors import NotFoundError
from dscale_core.store.catalog import Catalog
from dscale_core.store.files import check_id, load_arrays, new_id, now, save_arrays
from dscale_core.store.records import FitRecord
from dscale_core.types import Laws, RowDeviation

__all__ = ["Fits"]

_LAW = ("c", "alpha", "sigma", "beta", "alpha_low", "alpha_high", "n_draws", "lack_of_fit", "covariance", "points")
_ARRAYS = (*_LAW, "misfit", "curve", "curve_deviation", "curve_sizes")
_ROWS = ("row_sizes", "row_deviation")  # of the fits that know what other valuation rows would change
_SCALARS = ("center", "min_size", "max_size", "form", "guided")


class Fits:
    """Save and load the laws of a study."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def save(self, study_id: str, role: str, laws: Laws, n_coalitions: int, seconds: float) -> FitRecord:
        """Write the arrays, then register them; returns the record."""
        counts = dict(sorted(Counter(str(status) for status in laws.status).items()))
        record = FitRecord(new_id(), laws.method, role, now(), n_coalitions, counts, seconds)
        arrays = {name: np.asarray(getattr(laws, name)) for name in _ARRAYS}
        arrays["status"] = np.asarray([str(status) for status in laws.status], dtype=np.str_)
        if laws.rows is not None:
            arrays |= dict(zip(_ROWS, (laws.rows.sizes, laws.rows.deviation), strict=True))
        digest = save_arrays(self._path(study_id, record.id), arrays)
        scalars = {
            "center": float(laws.center),
            "min_size": int(laws.min_size),
            "max_size": int(laws.max_size),
            "form": laws.form,
            "guided": bool(laws.guided),
        }
        with self._catalog.transaction() as db:
            values = (record.id, study_id, role, laws.method, record.created, n_coalitions, json.dumps(counts), seconds)
            db.execute("INSERT INTO fits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, json.dumps(scalars), digest))
        return record

    def records(self, study_id: str) -> list[FitRecord]:
        """All fits of a study, newest first."""
        return [_record(row) for row in self._rows(study_id)]

    def record(self, study_id: str, method: str | None = None, fit_id: str | None = None) -> FitRecord:
        """The newest fit, of one estimator where it is named, or the one of that id. Raises NotFoundError."""
        return _record(self._row(study_id, method, fit_id))

    def load(self, study_id: str, method: str | None = None, fit_id: str | None = None) -> Laws:
        """The laws of the fit that `record` finds. Raises NotFoundError, and StoreError where damaged."""
        row = self._row(study_id, method, fit_id)
        arrays = load_arrays(self._path(study_id, row["id"]), row["sha256"])
        scalars = json.loads(row["scalars"])
        known = {name: scalars[name] for name in _SCALARS if name in scalars}
        if arrays.pop("r2", None) is not None:  # a fit of an earlier version, which kept that instead
            arrays["lack_of_fit"] = np.full(arrays["c"].size, np.nan)
        kept = [arrays.pop(name) for name in _ROWS if name in arrays]
        rows = RowDeviation(*kept) if kept else None
        return Laws(method=row["method"], rows=rows, **arrays, **known)  # type: ignore[arg-type]

    def _row(self, study_id: str, method: str | None, fit_id: str | None) -> sqlite3.Row:
        for row in self._rows(study_id):
            if method in (None, row["method"]) and fit_id in (None, row["id"]):
                return row
        if fit_id is not None:
            raise NotFoundError(f"This study has no fit {fit_id!r}. Choose one from the list of its fits.")
        wanted = "no fit" if method is None else f"no fit by {method!r}"
        raise NotFoundError(f"This study has {wanted} yet. Fit the laws first.")

    def _rows(self, study_id: str) -> list[sqlite3.Row]:
        return self._catalog.rows("SELECT * FROM fits WHERE study_id = ? ORDER BY created DESC, rowid DESC", (study_id,))

    def _path(self, study_id: str, fit_id: str) -> Path:
        return self._catalog.folder / "studies" / check_id(study_id, "study") / "fits" / f"{check_id(fit_id, 'fit')}.npz"


def _record(row: sqlite3.Row) -> FitRecord:
    return FitRecord(
        id=row["id"],
        method=row["method"],
        role=row["role"],
        created=row["created"],
        n_coalitions=row["n_coalitions"],
        status_counts=json.loads(row["status_counts"]),
        seconds=row["seconds"],
    )

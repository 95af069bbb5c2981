"""Computed values: one .npz of arrays each, and a row that says what they were computed from."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, fields
from pathlib import Path

from dscale_core.errors import NotFoundError
from dscale_core.store.catalog import Catalog
from dscale_core.store.files import check_id, load_arrays, new_id, now, save_arrays
from dscale_core.store.records import FitRecord, ValueRecord
from dscale_core.types import Values

__all__ = ["PointValues"]

_ARRAYS = ("points", "value", "error")
_COLUMNS = tuple(field.name for field in fields(ValueRecord))


class PointValues:
    """Save and load the values of a study's points."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def save(
        self,
        study_id: str,
        values: Values,
        fit: FitRecord | None,
        n_coalitions: int,
        min_size: int,
        max_size: int,
        seed: int,
    ) -> ValueRecord:
        """Write the arrays, then register them; returns the record."""
        record = ValueRecord(
            id=new_id(),
            name=values.name,
            created=now(),
            fit_id=None if fit is None else fit.id,
            method=None if fit is None else fit.method,
            n_coalitions=n_coalitions,
            min_size=min_size,
            max_size=max_size,
            seed=seed,
            seconds=values.cost,
        )
        digest = save_arrays(self._path(study_id, record.id), {name: getattr(values, name) for name in _ARRAYS})
        columns = (*_COLUMNS, "study_id", "unit", "sha256")
        sql = f"INSERT INTO point_values ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        with self._catalog.transaction() as db:
            db.execute(sql, (*astuple(record), study_id, values.unit, digest))
        return record

    def records(self, study_id: str) -> list[ValueRecord]:
        """All values of a study, newest first."""
        return [ValueRecord(**{name: row[name] for name in _COLUMNS}) for row in self._rows(study_id)]

    def load(self, study_id: str, name: str | None = None, value_id: str | None = None) -> Values:
        """The newest values, of one name where it is given, or those of one id.

        Raises NotFoundError, and StoreError where damaged.
        """
        for row in self._rows(study_id):
            if name in (None, row["name"]) and value_id in (None, row["id"]):
                arrays = load_arrays(self._path(study_id, row["id"]), row["sha256"])
                return Values(row["name"], **arrays, unit=row["unit"], cost=row["seconds"])
        wanted = f"value {value_id!r}" if value_id is not None else "value" if name is None else f"value {name!r}"
        raise NotFoundError(f"This study has no {wanted} yet. Compute it first, or choose one from the list of its values.")

    def _rows(self, study_id: str) -> list[sqlite3.Row]:
        return self._catalog.rows(
            "SELECT * FROM point_values WHERE study_id = ? ORDER BY created DESC, rowid DESC", (study_id,)
        )

    def _path(self, study_id: str, value_id: str) -> Path:
        folder = self._catalog.folder / "studies" / check_id(study_id, "study") / "values"
        return folder / f"{check_id(value_id, 'value')}.npz"

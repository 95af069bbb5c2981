"""Current sets, lists chosen for them, their verifications, and additions to random sets: a row each, and one .npz of arrays
for all but the first.

What is in a list is not known here: it comes and goes as arrays and plain facts.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from dscale_core.errors import NotFoundError
from dscale_core.store.begun_lists import BegunLists
from dscale_core.store.catalog import Catalog
from dscale_core.store.files import check_id, load_arrays, new_id, now, save_arrays
from dscale_core.store.records import AdditionRecord, ChoiceRecord, CurrentSet, Kept, VerificationRecord
from dscale_core.types import IntVector

__all__ = ["Lists"]

_CHOICE = tuple(field.name for field in fields(ChoiceRecord))
_VERIFICATION = tuple(field.name for field in fields(VerificationRecord))
_ADDITION = tuple(field.name for field in fields(AdditionRecord))


class Lists:
    """Save and load what a study knows of lists; ``begun``: those that are not whole yet."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.begun = BegunLists(catalog)

    def save_current(self, study_id: str, points: IntVector, source: str) -> CurrentSet:
        """Make these points the study's current set; the one before stays, for the lists that were chosen for it."""
        kept = CurrentSet(new_id(), points, source, now())
        values = (kept.id, study_id, json.dumps(points.tolist()), source, kept.created)
        with self._catalog.transaction() as db:
            db.execute("INSERT INTO current_sets (id, study_id, points, source, created) VALUES (?, ?, ?, ?, ?)", values)
        return kept

    def current(self, study_id: str, set_id: str | None = None) -> CurrentSet | None:
        """The newest current set, or the one of that id; None where there is none. Raises NotFoundError for an id."""
        rows = self._rows("current_sets", "study_id", study_id)
        for row in rows:
            if set_id in (None, row["id"]):
                points = np.array(json.loads(row["points"]), dtype=np.int64)
                return CurrentSet(row["id"], points, row["source"], row["created"])
        if set_id is not None:
            raise NotFoundError(f"This study has no current set {set_id!r}. Name the rows trained on today again.")
        return None

    def save_choice(self, study_id: str, kept: Kept, **said: Any) -> ChoiceRecord:
        """Write a list's arrays, then register it; ``said`` are the other fields of its record."""
        record = ChoiceRecord(id=new_id(), created=now(), **said)
        self._save("choices", self._path(study_id, "choices", record.id), asdict(record) | {"study_id": study_id}, kept)
        return record

    def choices(self, study_id: str) -> list[ChoiceRecord]:
        """Records of all lists of a study, newest first."""
        return [ChoiceRecord(**{name: row[name] for name in _CHOICE}) for row in self._rows("choices", "study_id", study_id)]

    def load_choice(self, study_id: str, choice_id: str) -> Kept:
        """One list. Raises NotFoundError, and StoreError where its file is damaged."""
        for row in self._rows("choices", "study_id", study_id):
            if row["id"] == choice_id:
                return self._load(self._path(study_id, "choices", choice_id), row)
        raise NotFoundError(f"This study has no list {choice_id!r}. Choose one from its lists, or have one chosen.")

    def save_verification(self, study_id: str, kept: Kept, **said: Any) -> VerificationRecord:
        """Write a verification's arrays, then register it with its list; ``said`` are the other fields of its record."""
        record = VerificationRecord(id=new_id(), created=now(), **said)
        self._save("verifications", self._path(study_id, "verifications", record.id), asdict(record), kept)
        return record

    def verifications(self, choice_id: str) -> list[VerificationRecord]:
        """Records of all verifications of a list, newest first."""
        rows = self._rows("verifications", "choice_id", choice_id)
        return [VerificationRecord(**{name: row[name] for name in _VERIFICATION}) for row in rows]

    def load_verification(self, study_id: str, choice_id: str) -> Kept:
        """The newest verification of a list. Raises NotFoundError, and StoreError where its file is damaged."""
        for row in self._rows("verifications", "choice_id", choice_id):
            return self._load(self._path(study_id, "verifications", row["id"]), row)
        raise NotFoundError(f"The list {choice_id!r} has no verification yet. Verify it on the test set first.")

    def save_addition(self, study_id: str, kept: Kept, **said: Any) -> AdditionRecord:
        """Write an addition experiment's arrays, then register it; ``said`` are the other fields of its record."""
        record = AdditionRecord(id=new_id(), created=now(), **said)
        self._save("additions", self._path(study_id, "additions", record.id), asdict(record) | {"study_id": study_id}, kept)
        return record

    def additions(self, study_id: str) -> list[AdditionRecord]:
        """Records of all addition experiments of a study, newest first."""
        rows = self._rows("additions", "study_id", study_id)
        return [AdditionRecord(**{name: row[name] for name in _ADDITION}) for row in rows]

    def load_addition(self, study_id: str, addition_id: str | None = None) -> Kept:
        """The newest addition experiment, or the one of that id. Raises NotFoundError, StoreError where it is damaged."""
        for row in self._rows("additions", "study_id", study_id):
            if addition_id in (None, row["id"]):
                return self._load(self._path(study_id, "additions", row["id"]), row)
        raise NotFoundError("This study has no such addition experiment. Have one measured first.")

    def _save(self, table: str, path: Path, columns: Mapping[str, Any], kept: Kept) -> None:
        digest = save_arrays(path, kept.arrays)
        row = {**columns, "facts": json.dumps(dict(kept.facts)), "sha256": digest}
        sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        with self._catalog.transaction() as db:
            db.execute(sql, tuple(row.values()))

    def _load(self, path: Path, row: sqlite3.Row) -> Kept:
        return Kept(load_arrays(path, row["sha256"]), json.loads(row["facts"]))

    def _rows(self, table: str, column: str, value: str) -> list[sqlite3.Row]:
        return self._catalog.rows(f"SELECT * FROM {table} WHERE {column} = ? ORDER BY created DESC, rowid DESC", (value,))

    def _path(self, study_id: str, what: str, file_id: str) -> Path:
        folder = self._catalog.folder / "studies" / check_id(study_id, "study") / what
        return folder / f"{check_id(file_id, 'list')}.npz"

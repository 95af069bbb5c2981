"""Studies, their sample sets, audits and selections: rows of the catalogue."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dscale_core.errors import NotFoundError, StoreError
from dscale_core.store.catalog import Catalog
from dscale_core.store.datasets import Datasets
from dscale_core.store.files import check_id, new_id, now
from dscale_core.store.jobs import log_path
from dscale_core.store.records import SampleSet, Selection, StudyRow, StudySummary
from dscale_core.types import Dataset, SamplingPlan

__all__ = ["Studies"]

_STUDY = """SELECT s.*, d.name AS dataset_name, d.task, d.n_points FROM studies s
    JOIN datasets d ON d.fingerprint = s.fingerprint"""
_SUMMARY = """SELECT s.*, d.name AS dataset_name, d.task, d.n_points, p.plan,
    (SELECT COALESCE(SUM(stop - start), 0) FROM shards WHERE set_id = p.id) AS done,
    (SELECT json_group_array(DISTINCT method) FROM fits WHERE study_id = s.id) AS methods
    FROM studies s JOIN datasets d ON d.fingerprint = s.fingerprint
    JOIN sample_sets p ON p.study_id = s.id AND p.role = 'fit'"""


class Studies:
    """Create, list and delete studies; add sample sets; keep audits and selections."""

    def __init__(self, catalog: Catalog, datasets: Datasets) -> None:
        self._catalog = catalog
        self._datasets = datasets

    def create(
        self,
        dataset: Dataset,
        learner: str,
        learner_params: Mapping[str, Any],
        utility: str,
        name: str,
        plan: SamplingPlan,
        learner_entry: Mapping[str, Any] | None = None,
    ) -> str:
        """Save the dataset, then the study and its ``fit`` sample set in one transaction; returns the study's id.

        learner_entry : a learner from outside as its registry writes it down; None for dscale's own
        """
        entry = None if learner_entry is None else json.dumps(dict(learner_entry), ensure_ascii=False)
        study_id, params = new_id(), json.dumps(dict(learner_params), ensure_ascii=False)
        self._datasets.save(dataset)
        with self._catalog.transaction() as db:
            self._datasets.register(db, dataset)
            db.execute(
                """INSERT INTO studies (id, name, fingerprint, learner, learner_params, utility, created, learner_entry)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                (study_id, name, dataset.fingerprint, learner, params, utility, now(), entry),
            )
            _insert_set(db, study_id, "fit", plan)
        return study_id

    def get(self, study_id: str) -> StudyRow:
        """One study. Raises NotFoundError."""
        found = self._catalog.rows(f"{_STUDY} WHERE s.id = ?", (check_id(study_id, "study"),))
        if not found:
            raise NotFoundError(f"There is no study {study_id!r} here. Choose one from the list, or create one.")
        row = dict(found[0])
        entry = None if row["learner_entry"] is None else json.loads(row["learner_entry"])
        return StudyRow(**(row | {"learner_params": _params(row["learner_params"]), "learner_entry": entry}))

    def summaries(self, study_id: str | None = None) -> list[StudySummary]:
        """All studies, newest first, or the one asked for."""
        where, values = ("WHERE s.id = ?", (check_id(study_id, "study"),)) if study_id is not None else ("", ())
        rows = self._catalog.rows(f"{_SUMMARY} {where} ORDER BY s.created DESC, s.rowid DESC", values)
        return [_summary(row) for row in rows]

    def delete(self, study_id: str) -> None:
        """Remove a study and all that is its own; its dataset goes with the last study that uses it.

        Raises NotFoundError where there is none, StoreError while one of its jobs runs.
        """
        study = self.get(study_id)
        trash: list[Path] = []
        with self._catalog.transaction() as db:
            jobs = db.execute("SELECT id, state FROM jobs WHERE study_id = ?", (study_id,)).fetchall()
            if any(job["state"] == "running" for job in jobs):
                raise StoreError(f"Study {study_id} has a running job. Cancel the job, then delete the study.")
            db.execute("DELETE FROM studies WHERE id = ?", (study_id,))
            trash += [log_path(self._catalog.folder, job["id"]) for job in jobs]
            trash.append(_set_aside(self.folder(study_id)))
            if not db.execute("SELECT 1 FROM studies WHERE fingerprint = ?", (study.fingerprint,)).fetchall():
                db.execute("DELETE FROM datasets WHERE fingerprint = ?", (study.fingerprint,))
                trash.append(_set_aside(self._datasets.folder(study.fingerprint)))
        for path in trash:
            _discard(path)

    def add_set(self, study_id: str, role: str, plan: SamplingPlan) -> None:
        """Add a sample set, or give the one of that role a new plan."""
        with self._catalog.transaction() as db:
            known = db.execute("SELECT id FROM sample_sets WHERE study_id = ? AND role = ?", (study_id, role)).fetchone()
            if known is None:
                _insert_set(db, study_id, role, plan)
            else:
                db.execute("UPDATE sample_sets SET plan = ? WHERE id = ?", (json.dumps(asdict(plan)), known["id"]))

    def sets(self, study_id: str) -> tuple[SampleSet, ...]:
        """The study's sample sets, oldest first."""
        query = "SELECT id, study_id, role, plan FROM sample_sets WHERE study_id = ? ORDER BY rowid"
        rows = self._catalog.rows(query, (study_id,))
        return tuple(SampleSet(row["id"], row["study_id"], row["role"], _plan(row["plan"])) for row in rows)

    def save_audit(self, study_id: str, report: Mapping[str, Any]) -> None:
        """Keep an audit's report."""
        with self._catalog.transaction() as db:
            sql = "INSERT INTO audits (study_id, report, created) VALUES (?, ?, ?)"
            db.execute(sql, (study_id, json.dumps(dict(report)), now()))

    def last_audit(self, study_id: str) -> dict[str, Any] | None:
        """The newest audit's report, or None."""
        rows = self._catalog.rows("SELECT report FROM audits WHERE study_id = ? ORDER BY id DESC LIMIT 1", (study_id,))
        return json.loads(rows[0]["report"]) if rows else None

    def save_selection(self, study_id: str, selection: Selection) -> str:
        """Keep a selection; returns its id."""
        selection_id = new_id()
        with self._catalog.transaction() as db:
            values = (selection_id, study_id, json.dumps(selection.points), selection.primary, now())
            db.execute("INSERT INTO selections VALUES (?, ?, ?, ?, ?)", values)
        return selection_id

    def load_selection(self, study_id: str, selection_id: str) -> Selection:
        """A kept selection of this study. Raises NotFoundError."""
        query = "SELECT points, primary_point FROM selections WHERE id = ? AND study_id = ?"
        rows = self._catalog.rows(query, (check_id(selection_id, "selection"), study_id))
        if not rows:
            raise NotFoundError(f"There is no selection {selection_id!r} in this study. Select points again.")
        return Selection(tuple(json.loads(rows[0]["points"])), rows[0]["primary_point"])

    def folder(self, study_id: str) -> Path:
        """Where a study's files lie."""
        return self._catalog.folder / "studies" / check_id(study_id, "study")


def _insert_set(db: sqlite3.Connection, study_id: str, role: str, plan: SamplingPlan) -> None:
    values = (new_id(), study_id, role, json.dumps(asdict(plan)), now())
    db.execute("INSERT INTO sample_sets VALUES (?, ?, ?, ?, ?)", values)


def _plan(text: str) -> SamplingPlan:
    # plans kept before there was a choice were valued on the one valuation set
    return SamplingPlan(**({"valuation": "fixed"} | json.loads(text)))


def _params(text: str) -> dict[str, Any]:
    # JSON knows no tuples; a learner's parameters are immutable, so its lists were tuples
    return {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()}


def _summary(row: sqlite3.Row) -> StudySummary:
    fields, plan = dict(row), _plan(row["plan"])
    for name in ("plan", "fingerprint", "methods", "learner_entry"):
        del fields[name]
    fields["learner_params"] = _params(row["learner_params"])
    return StudySummary(
        **fields,
        n_valued=row["n_points"] if isinstance(plan.points, str) else len(plan.points),
        min_size=plan.min_size,
        max_size=plan.max_size,
        valuation=plan.valuation,
        valued_on=plan.valued_on,
        total=plan.n_coalitions,
        fits=tuple(json.loads(row["methods"])),
    )


def _set_aside(folder: Path) -> Path:
    # renamed inside the transaction: whoever saves the same data next finds the name free, never a half-empty folder
    trash = folder.with_name(f"tmp-{new_id()}")
    if folder.exists():
        folder.rename(trash)
    return trash


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

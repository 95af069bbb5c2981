"""The queue's rows. Each change of state is one conditional UPDATE, so two processes can never both win it.

``queued -> running -> done | failed | cancelled | interrupted``; the last three may be queued again. A row that is running
carries its worker's process id and that process's start time: only that process may change it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dscale_core.errors import JobError, NotFoundError
from dscale_core.store.catalog import Catalog
from dscale_core.store.files import check_id, now

__all__ = ["Job", "JobState", "Jobs", "Process", "log_path"]

JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
_MAX_LAUNCHES = 3


@dataclass(frozen=True)
class Process:
    """A process that no other can be mistaken for: its id and when it began (seconds since the epoch)."""

    pid: int
    created: float


@dataclass(frozen=True)
class Job:
    """A job as the catalogue holds it.

    Times are ISO 8601 in UTC; ``rate`` is in contributions a second, ``pace`` in steps a second.
    """

    id: int
    study_id: str
    kind: str
    params: dict[str, Any]
    state: JobState
    done: int
    total: int
    rate: float
    pace: float
    message: str
    error: str
    created: str
    started: str | None
    finished: str | None
    heartbeat: str | None
    cancel_requested: bool
    process: Process | None  # who runs it, or ran it last
    entries: dict[str, Any] = field(default_factory=dict)  # what it needs from outside, as registries write it down


def log_path(folder: Path, job_id: int) -> Path:
    """Where a job's log lies in the cache folder."""
    return folder / "logs" / f"job-{job_id}.log"


class Jobs:
    """Enqueue, claim, watch and end jobs."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def enqueue(self, study_id: str, kind: str, params: Mapping[str, Any], entries: Mapping[str, Any] | None = None) -> Job:
        """Queue a job; the same job of the same study, where it waits or runs already, is returned instead.

        entries : what the job needs that was registered from outside, as registries write it down
        """
        text, moment = json.dumps(dict(params), sort_keys=True), now()
        with self._catalog.transaction() as db:
            same = "study_id = ? AND kind = ? AND params = ? AND state IN ('queued', 'running') AND cancel_requested = 0"
            known = db.execute(f"SELECT id FROM jobs WHERE {same}", (study_id, kind, text)).fetchone()
            if known is None:
                sql = """INSERT INTO jobs (study_id, kind, params, state, created, queued, entries)
                    VALUES (?, ?, ?, 'queued', ?, ?, ?)"""
                kept = json.dumps(dict(entries or {}), ensure_ascii=False)
                job_id = db.execute(sql, (check_id(study_id, "study"), kind, text, moment, moment, kept)).lastrowid
            else:
                job_id = known["id"]
            return _job(db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone())

    def get(self, job_id: int) -> Job:
        """One job. Raises NotFoundError."""
        rows = self._catalog.rows("SELECT * FROM jobs WHERE id = ?", (_checked(job_id),))
        if not rows:
            raise NotFoundError(f"There is no job {job_id}. List the jobs to see what there is.")
        return _job(rows[0])

    def list(self, study_id: str | None = None, active_only: bool = False) -> list[Job]:
        """Jobs, newest first."""
        conditions, values = ["1"], []
        if study_id is not None:
            conditions.append("study_id = ?")
            values.append(check_id(study_id, "study"))
        if active_only:
            conditions.append("state IN ('queued', 'running')")
        where = " AND ".join(conditions)
        return [_job(row) for row in self._catalog.rows(f"SELECT * FROM jobs WHERE {where} ORDER BY id DESC", values)]

    def claim(self, process: Process) -> Job | None:
        """Take the next job in the queue's order, unless one is running; None where there is nothing to take.

        A worker that gets None must end: it is struck off the workers in the same transaction, so whoever queues a job
        afterwards knows that a new one is needed. With a job, the job's own row says that the worker is there.
        """
        moment = now()
        with self._catalog.transaction() as db:
            taken = db.execute(
                """UPDATE jobs SET state = 'running', pid = ?, pid_created = ?, started = ?, heartbeat = ?, finished = NULL,
                    message = '', error = '', launches = 0, rate = 0, pace = 0
                WHERE id = (SELECT id FROM jobs WHERE state = 'queued' ORDER BY queued, id LIMIT 1) AND state = 'queued'
                    AND NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'running') RETURNING *""",
                (process.pid, process.created, moment, moment),
            ).fetchall()
            db.execute("DELETE FROM workers WHERE pid = ?", (process.pid,))
            return _job(taken[0]) if taken else None

    def beat(self, job_id: int, process: Process) -> bool:
        """Say that the worker lives; False where the job is no longer its own."""
        return self._change("heartbeat = ?", (now(),), job_id, process)

    def progress(self, job_id: int, process: Process, done: int, total: int, rate: float, pace: float, message: str) -> bool:
        """Say how far the work is; False where the job is no longer the worker's own."""
        values = (done, total, rate, pace, message, now())
        return self._change("done = ?, total = ?, rate = ?, pace = ?, message = ?, heartbeat = ?", values, job_id, process)

    def must_stop(self, job_id: int, process: Process) -> bool:
        """True where the user asked to cancel, or the job is no longer the worker's own."""
        rows = self._catalog.rows("SELECT cancel_requested FROM jobs WHERE id = ? AND " + _OWN, (job_id, *_owner(process)))
        return not rows or bool(rows[0]["cancel_requested"])

    def finish(self, job_id: int, process: Process, state: JobState, error: str = "") -> bool:
        """End a running job, in its worker's name; False where it was no longer that worker's."""
        return self._change("state = ?, error = ?, finished = ?", (state, error, now()), job_id, process)

    def request_cancel(self, job_id: int) -> Job:
        """Cancel at once what waits or was interrupted, ask a running job to stop, leave a finished one as it is."""
        with self._catalog.transaction() as db:
            db.execute(
                """UPDATE jobs SET cancel_requested = 1,
                    finished = CASE WHEN state = 'running' THEN finished ELSE ? END,
                    state = CASE WHEN state = 'running' THEN 'running' ELSE 'cancelled' END
                WHERE id = ? AND state IN ('queued', 'running', 'interrupted')""",
                (now(), _checked(job_id)),
            )
        return self.get(job_id)

    def requeue(self, job_id: int) -> Job:
        """Put a job that was interrupted, failed or cancelled at the end of the queue again. Raises JobError otherwise."""
        with self._catalog.transaction() as db:
            changed = db.execute(
                """UPDATE jobs SET state = 'queued', queued = ?, error = '', message = '', cancel_requested = 0,
                    launches = 0, started = NULL, finished = NULL
                WHERE id = ? AND state IN ('interrupted', 'failed', 'cancelled')""",
                (now(), _checked(job_id)),
            ).rowcount
        job = self.get(job_id)
        if not changed:
            raise JobError(f"Job {job_id} is {job.state}: only an interrupted, failed or cancelled job can be resumed.")
        return job

    def launch(self, is_alive: Callable[[Process], bool], start: Callable[[], Process]) -> bool:
        """Start a worker if something waits, nothing runs and no other worker is on its way; True where one was started.

        All in one transaction, so that however many ask at once, one worker starts. A job for which workers ended again
        and again before they could take it fails.
        """
        if not self._catalog.rows("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1"):
            return False
        with self._catalog.transaction() as db:
            if db.execute("SELECT 1 FROM jobs WHERE state = 'running'").fetchone():
                return False
            for row in db.execute("SELECT pid, pid_created FROM workers").fetchall():
                if is_alive(Process(*row)):
                    return False
                db.execute("DELETE FROM workers WHERE pid = ? AND pid_created = ?", tuple(row))
            error = "The worker ended before it could take this job. Read the log, then resume the job."
            db.execute(
                "UPDATE jobs SET state = 'failed', error = ?, finished = ? WHERE state = 'queued' AND launches >= ?",
                (error, now(), _MAX_LAUNCHES),
            )
            head = db.execute("SELECT id FROM jobs WHERE state = 'queued' ORDER BY queued, id LIMIT 1").fetchone()
            if head is None:
                return False
            worker = start()
            db.execute("UPDATE jobs SET launches = launches + 1 WHERE id = ?", (head["id"],))
            db.execute("INSERT OR REPLACE INTO workers VALUES (?, ?, ?)", (worker.pid, worker.created, now()))
        return True

    def _change(self, changes: str, values: tuple[object, ...], job_id: int, process: Process) -> bool:
        with self._catalog.transaction() as db:
            sql = f"UPDATE jobs SET {changes} WHERE id = ? AND {_OWN}"
            return db.execute(sql, (*values, job_id, *_owner(process))).rowcount == 1


_OWN = "state = 'running' AND pid = ? AND pid_created = ?"


def _owner(process: Process) -> tuple[int, float]:
    return process.pid, process.created


def _checked(job_id: int) -> int:
    if isinstance(job_id, bool) or not isinstance(job_id, int):
        raise NotFoundError(f"There is no job {job_id!r}: job ids are whole numbers. List the jobs to see what there is.")
    return job_id


def _job(row: sqlite3.Row) -> Job:
    fields = dict(row)
    for name in ("queued", "launches"):
        del fields[name]
    pid, created = fields.pop("pid"), fields.pop("pid_created")
    fields |= {name: json.loads(row[name]) for name in ("params", "entries")}
    fields["cancel_requested"] = bool(row["cancel_requested"])
    return Job(**fields, process=None if pid is None else Process(pid, created))

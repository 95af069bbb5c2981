"""The queue as callers see it: submit, look, cancel, resume. Every look first finds out what is really running."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dscale_core.errors import JobError, StoreError
from dscale_core.jobs import launcher
from dscale_core.jobs.kinds import check_job
from dscale_core.jobs.taken_along import entries_of
from dscale_core.store import Job, JobState, Process, Store, log_path

if TYPE_CHECKING:
    from dscale_core.study import Study

__all__ = [
    "HEARTBEAT_LIMIT",
    "Job",
    "cancel",
    "get_job",
    "job_log",
    "list_jobs",
    "recover",
    "resume",
    "seconds_left",
    "submit",
]

HEARTBEAT_LIMIT = 60.0  # seconds after which a silent worker is no longer believed
_INTERRUPTED = "The worker ended before the job did. Resume it to go on where it stopped."


def submit(study: Study, kind: str, params: Mapping[str, Any] | None = None) -> Job:
    """Queue a job and make sure that a worker runs. The same job, where it is waiting or running already, is returned.

    ``params``: ``{"role": "fit", "n_jobs": 2}`` for ``sample``, ``{"method": "likelihood"}`` for ``fit``,
    ``{"pairs": 24}`` for ``audit``, ``{"name": "law_shapley"}`` and what else `Study.value` takes for ``value``;
    ``{"goal": "add", "n": 100}`` and what else `Study.choose` takes for ``choose``, with ``current_id`` for a current set;
    ``{"choice": id}`` for ``verify``. Raises ArgumentError or NotFoundError for what could not run.
    """
    wanted = dict(params or {})
    check_job(study, kind, wanted)
    store = Store(study.cache)
    row = store.jobs.enqueue(study.id, kind, wanted, entries_of(study, kind, wanted))
    _attend(store)
    return store.jobs.get(row.id)


def list_jobs(cache: str | Path | None = None, study_id: str | None = None, active_only: bool = False) -> list[Job]:
    """Jobs, newest first; ``active_only`` leaves those that wait or run. Starts a worker where one is missing."""
    store = Store(cache)
    _attend(store)
    return store.jobs.list(study_id, active_only)


def get_job(job_id: int, cache: str | Path | None = None) -> Job:
    """One job as it stands. Raises NotFoundError."""
    store = Store(cache)
    _attend(store)
    return store.jobs.get(job_id)


def cancel(job_id: int, cache: str | Path | None = None, force: bool = False) -> Job:
    """Cancel a job: at once where it waits, between two chunks where it runs; a finished one stays as it is.

    With ``force`` the worker of a running job is ended with all its processes; chunks it has finished are kept.
    Raises NotFoundError, and JobError where the worker cannot be ended.
    """
    store = Store(cache)
    row = store.jobs.request_cancel(job_id)
    if force and row.state == "running" and row.process is not None:
        if not launcher.kill(row.process):
            raise JobError(f"The worker of job {job_id} (process {row.process.pid}) could not be ended. End it by hand.")
        store.jobs.finish(job_id, row.process, "cancelled")
    _attend(store)
    return store.jobs.get(job_id)


def resume(job_id: int, cache: str | Path | None = None) -> Job:
    """Queue an interrupted, failed or cancelled job again; it goes on where it stopped. Raises JobError otherwise."""
    store = Store(cache)
    _attend(store)
    row = store.jobs.get(job_id)
    # a worker that fell silent was given up, but may still hold the sample set
    if row.state == "interrupted" and row.process is not None and not launcher.kill(row.process):
        raise JobError(f"The old worker of job {job_id} (process {row.process.pid}) still runs. End it, then resume.")
    store.jobs.requeue(job_id)
    _attend(store)
    return store.jobs.get(job_id)


def job_log(job_id: int, cache: str | Path | None = None, tail: int = 200) -> str:
    """The last ``tail`` lines of a job's log; of the worker's own where the job has not begun."""
    store = Store(cache)
    store.jobs.get(job_id)
    for path in (log_path(store.folder, job_id), store.folder / "logs" / "worker.log"):
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                return "".join(deque(file, maxlen=max(tail, 0)))
    return ""


def seconds_left(job: Job) -> float | None:
    """Seconds until a running job is done at its present pace; None where that is not known."""
    return (job.total - job.done) / job.pace if job.state == "running" and job.pace > 0 else None


def recover(store: Store) -> None:
    """Mark a running job whose process is gone, or silent for too long, as interrupted."""
    for row in store.jobs.list(active_only=True):
        if row.state == "running" and row.process is not None and not _is_live(row):
            launcher.end_orphans(row.process)
            # cancelling it was what the user last wanted
            state: JobState = "cancelled" if row.cancel_requested else "interrupted"
            _give_up(store, row.id, row.process, state)


def _give_up(store: Store, job_id: int, process: Process, state: JobState) -> None:
    error = _INTERRUPTED if state == "interrupted" else ""
    try:
        store.jobs.finish(job_id, process, state, error)
    except StoreError:
        # a process that was stopped within a write keeps the catalogue locked for as long as it lives
        if not launcher.is_alive(process) or not launcher.kill(process):
            raise
        store.jobs.finish(job_id, process, state, error)


def _attend(store: Store) -> None:
    recover(store)
    launcher.ensure_worker(store)


def _is_live(row: Job) -> bool:
    if row.process is None or row.heartbeat is None or not launcher.is_alive(row.process):
        return False
    return (datetime.now(UTC) - datetime.fromisoformat(row.heartbeat)).total_seconds() < HEARTBEAT_LIMIT

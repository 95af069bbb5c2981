"""The state machine of a job, seen from its callers."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dscale_core import jobs
from dscale_core.errors import ArgumentError, JobError, NotFoundError
from dscale_core.jobs import launcher
from dscale_core.jobs.queue import HEARTBEAT_LIMIT
from dscale_core.store import Process, Store, log_path

MakeJob = Callable[[str], int]
ME = launcher.this_process()
GONE = Process(ME.pid, ME.created - 1000)  # this process's id, but an earlier process: it no longer exists


def _age_heartbeat(store: Store, job_id: int, seconds: float) -> None:
    moment = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    with store.jobs._catalog.transaction() as db:
        db.execute("UPDATE jobs SET heartbeat = ? WHERE id = ?", (moment, job_id))


def test_submit_queues_and_starts_one_worker(bare_study: Any, started: list[Path]) -> None:
    job = jobs.submit(bare_study, "audit", {"pairs": 3})
    assert (job.state, job.kind, job.params, job.study_id) == ("queued", "audit", {"pairs": 3}, bare_study.id)
    assert (job.done, job.total, job.rate, job.error, job.started) == (0, 0, 0.0, "", None)
    assert jobs.seconds_left(job) is None
    jobs.submit(bare_study, "audit", {"pairs": 4})
    jobs.list_jobs()
    assert started == [bare_study.cache]


def test_the_same_job_is_not_queued_twice(bare_study: Any, store: Store, started: list[Path]) -> None:
    first = jobs.submit(bare_study, "sample", {"role": "fit", "n_jobs": 2})
    again = jobs.submit(bare_study, "sample", {"n_jobs": 2, "role": "fit"})
    other = jobs.submit(bare_study, "sample", {"role": "validation"})
    assert (first.id == again.id, first.id == other.id) == (True, False)
    owner = launcher.this_process()
    assert store.jobs.claim(owner).id == first.id  # type: ignore[union-attr]
    assert jobs.submit(bare_study, "sample", {"role": "fit", "n_jobs": 2}).id == first.id
    store.jobs.finish(first.id, owner, "done")
    assert jobs.submit(bare_study, "sample", {"role": "fit", "n_jobs": 2}).id != first.id
    assert started == [bare_study.cache] * len(started)


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("dance", {}, "kind must be one of sample, fit, audit"),
        ("sample", {"jobs": 2}, "params must hold only n_jobs, role; got jobs"),
        ("sample", {"n_jobs": 0}, "n_jobs must be a whole number"),
        ("audit", {"pairs": True}, "pairs must be a whole number"),
        ("audit", {"pairs": "12"}, "pairs must be a whole number"),
    ],
)
def test_what_could_not_run_is_refused(
    bare_study: Any, started: list[Path], kind: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        jobs.submit(bare_study, kind, params)
    assert jobs.list_jobs() == []
    assert started == []


def test_jobs_are_claimed_in_order_and_one_at_a_time(bare_study: Any, store: Store, started: list[Path]) -> None:
    ids = [jobs.submit(bare_study, "audit", {"pairs": pairs}).id for pairs in (1, 2, 3)]
    claimed = []
    for _ in ids:
        job = store.jobs.claim(ME)
        assert job is not None
        assert store.jobs.claim(Process(1, 1.0)) is None
        assert store.jobs.finish(job.id, ME, "done")
        claimed.append(job.id)
    assert claimed == ids
    assert store.jobs.claim(ME) is None
    assert [job.id for job in jobs.list_jobs()] == ids[::-1]
    assert len(started) == 1


_AFTER_CANCEL = {
    "queued": "cancelled",
    "running": "running",
    "interrupted": "cancelled",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(("before", "after"), _AFTER_CANCEL.items())
def test_cancel(make_job: MakeJob, before: str, after: str) -> None:
    job = jobs.cancel(make_job(before))
    assert job.state == after
    assert job.cancel_requested == (before in ("queued", "running", "interrupted"))
    assert (job.finished is None) == (after == "running")


@pytest.mark.parametrize("before", _AFTER_CANCEL)
def test_resume(make_job: MakeJob, before: str, started: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    # the job's old worker passes for this process, which must not be ended
    monkeypatch.setattr(launcher, "kill", lambda _process: True)
    job_id = make_job(before)
    if before in ("queued", "running", "done"):
        with pytest.raises(JobError, match=f"is {before}: only"):
            jobs.resume(job_id)
        assert jobs.get_job(job_id).state == before
        return
    jobs.cancel(job_id)
    job = jobs.resume(job_id)
    assert (job.id, job.state, job.cancel_requested, job.error, job.finished) == (job_id, "queued", False, "", None)
    assert len(started) == 1


def test_a_resumed_job_waits_its_turn(bare_study: Any, store: Store, started: list[Path]) -> None:
    first, second = (jobs.submit(bare_study, "audit", {"pairs": pairs}).id for pairs in (1, 2))
    jobs.cancel(first)
    jobs.resume(first)
    claimed = store.jobs.claim(ME)
    assert claimed is not None
    assert claimed.id == second
    assert len(started) == 1


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("process", "silence", "cancelled", "after"),
    [
        (ME, 0, False, "running"),
        (ME, HEARTBEAT_LIMIT / 2, False, "running"),
        (ME, HEARTBEAT_LIMIT + 1, False, "interrupted"),
        (GONE, 0, False, "interrupted"),
        (GONE, 0, True, "cancelled"),
    ],
)
def test_running_is_believed_only_of_a_live_worker(
    store: Store, bare_study: Any, process: Process, silence: float, cancelled: bool, after: str
) -> None:
    job_id = store.jobs.enqueue(bare_study.id, "audit", {}).id
    store.jobs.claim(process)
    _age_heartbeat(store, job_id, silence)
    if cancelled:
        store.jobs.request_cancel(job_id)
    assert jobs.list_jobs()[0].state == after
    assert jobs.get_job(job_id).state == after
    assert ("Resume it" in jobs.get_job(job_id).error) == (after == "interrupted")
    assert len(jobs.list_jobs(active_only=True)) == (after == "running")


@pytest.mark.usefixtures("started")
def test_a_silent_worker_that_keeps_the_catalogue_locked_is_ended(
    store: Store, bare_study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = store.jobs.enqueue(bare_study.id, "audit", {}).id
    holds = "import sqlite3, sys; input(); db = sqlite3.connect(sys.argv[1]); db.execute('BEGIN IMMEDIATE'); "
    holds += "print('held', flush=True); input()"
    locked = [sys.executable, "-c", holds, str(store.folder / "dscale.sqlite3")]
    with subprocess.Popen(locked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        store.jobs.claim(Process(child.pid, launcher.psutil.Process(child.pid).create_time()))
        _age_heartbeat(store, job_id, HEARTBEAT_LIMIT + 1)
        child.stdin.write(b"\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"held\n"
        monkeypatch.setattr("dscale_core.store.catalog._WAIT", 0.1)
        assert jobs.get_job(job_id).state == "interrupted"
        assert child.wait(timeout=10) == -signal.SIGKILL


def test_an_ended_process_that_nobody_waited_for_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = Process(child.pid, launcher.psutil.Process(child.pid).create_time())
    assert launcher.is_alive(process)
    assert not launcher.is_alive(replace(process, created=process.created - 10))
    assert child.stdin is not None
    child.stdin.close()
    launcher.psutil.Process(child.pid)
    for _ in range(1000):
        if launcher.psutil.Process(child.pid).status() == launcher.psutil.STATUS_ZOMBIE:
            break
        launcher.time.sleep(0.01)
    assert not launcher.is_alive(process)
    child.wait()
    assert not launcher.is_alive(process)


def test_kill_refuses_a_process_that_leads_no_group() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not launcher.kill(Process(child.pid, launcher.psutil.Process(child.pid).create_time()))
        assert child.poll() is None
    finally:
        child.kill()
        child.communicate()


def test_only_the_owner_may_change_a_running_job(store: Store, make_job: MakeJob) -> None:
    job_id, stranger = make_job("running"), Process(ME.pid, ME.created - 1000)
    assert not store.jobs.beat(job_id, stranger)
    assert not store.jobs.progress(job_id, stranger, 5, 9, 1.0, 1.0, "no")
    assert not store.jobs.finish(job_id, stranger, "done")
    assert store.jobs.must_stop(job_id, stranger)
    assert not store.jobs.must_stop(job_id, ME)
    assert store.jobs.progress(job_id, ME, 3, 9, 70.0, 2.0, "on its way")
    job = jobs.get_job(job_id)
    assert (job.done, job.total, job.rate, job.message, job.state) == (3, 9, 70.0, "on its way", "running")
    assert jobs.seconds_left(job) == 3.0
    store.jobs.request_cancel(job_id)
    assert store.jobs.must_stop(job_id, ME)


def test_a_worker_that_died_on_its_way_is_replaced_and_in_the_end_the_job_fails(
    bare_study: Any, started: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Path] = []

    def start_and_die(cache: Path) -> Process:
        counted.append(cache)
        return GONE

    monkeypatch.setattr(launcher, "_start", start_and_die)
    job = jobs.submit(bare_study, "audit")
    states = [jobs.get_job(job.id).state for _ in range(4)]
    assert states == ["queued", "queued", "failed", "failed"]
    assert len(counted) == 3
    assert "Read the log" in jobs.get_job(job.id).error
    monkeypatch.setattr(launcher, "_start", lambda cache: (started.append(cache), ME)[1])
    assert jobs.resume(job.id).state == "queued"
    assert len(started) == 1


def test_no_wakeup_is_lost(bare_study: Any, store: Store, started: list[Path]) -> None:
    jobs.submit(bare_study, "audit", {"pairs": 1})
    job = store.jobs.claim(ME)
    assert job is not None
    store.jobs.finish(job.id, ME, "done")
    assert store.jobs.claim(ME) is None  # the worker has looked for the last time, but has not ended yet
    jobs.submit(bare_study, "audit", {"pairs": 2})
    assert len(started) == 2


def test_log_tail(store: Store, make_job: MakeJob, started: list[Path]) -> None:
    job_id = make_job("running")
    assert jobs.job_log(job_id) == ""
    logs = store.folder / "logs"
    logs.mkdir()
    (logs / "worker.log").write_text("before it began\n")
    assert jobs.job_log(job_id) == "before it began\n"
    log_path(store.folder, job_id).write_text("".join(f"line {i}\n" for i in range(9)))
    assert jobs.job_log(job_id, tail=2) == "line 7\nline 8\n"
    assert started == []


@pytest.mark.parametrize("bad", [99, "1", True, "../1", None])
def test_unknown_jobs(store: Store, make_job: MakeJob, bad: Any) -> None:
    make_job("done")
    for call in (jobs.get_job, jobs.cancel, jobs.resume, jobs.job_log):
        with pytest.raises(NotFoundError, match="There is no job"):
            call(bad)
    assert len(store.jobs.list()) == 1


def test_looking_at_an_absent_cache_creates_nothing(tmp_path: Path) -> None:
    assert jobs.list_jobs(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


_RACER = """
import sys, time
from dscale_core.jobs.launcher import this_process
from dscale_core.store import Store
store, me = Store(sys.argv[1]), this_process()
print("ready", flush=True)
sys.stdin.readline()
job = store.jobs.claim(me)
print(job.id if job else "none", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("n_queued", [1, 3])
def test_of_several_processes_exactly_one_claims(store: Store, bare_study: Any, n_queued: int) -> None:
    ids = [store.jobs.enqueue(bare_study.id, "audit", {"pairs": pairs}).id for pairs in range(1, n_queued + 1)]
    command, root = [sys.executable, "-c", _RACER, str(store.folder)], Path(__file__).parents[2]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(6)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        answers = [racer.stdout.readline().strip() for racer in racers if racer.stdout is not None]
    finally:
        for racer in racers:
            racer.communicate("end\n", timeout=30)
    assert sorted(answers) == sorted([str(ids[0])] + ["none"] * 5)
    assert [job.state for job in store.jobs.list()] == ["queued"] * (n_queued - 1) + ["running"]

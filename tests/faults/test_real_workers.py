"""Real worker processes: killed, cancelled, ended by force, and kept in order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from dscale_core import jobs
from dscale_core.jobs import Job
from dscale_core.store import Store
from dscale_core.study import Study
from dscale_core.types import Draws

Wait = Callable[[int, Callable[[Job], bool]], Job]
MakeStudy = Callable[..., Study]


def _worker(study: Study, job: Job) -> psutil.Process:
    process = Store(study.cache).jobs.get(job.id).process
    assert process is not None
    return psutil.Process(process.pid)


def _under_way(job: Job) -> bool:
    assert job.state in ("queued", "running"), job
    return job.done > 0


def _ended(job: Job) -> bool:
    return job.state not in ("queued", "running")


def _computes(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait_until_gone(processes: list[psutil.Process]) -> None:
    deadline = time.monotonic() + 10
    while left := [process for process in processes if _computes(process)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def test_a_killed_worker_is_noticed_and_its_job_resumes(
    make_study: MakeStudy, undisturbed: Draws, same_draws: Callable[[Draws, Draws], None], wait_until: Wait
) -> None:
    study = make_study()
    job = wait_until(jobs.submit(study, "sample", {"role": "fit", "n_jobs": 2}).id, _under_way)
    worker = _worker(study, job)
    children = worker.children(recursive=True)
    assert len(children) >= 2
    assert os.getpgid(worker.pid) == worker.pid != os.getpgid(0)
    worker.kill()
    stopped = wait_until(job.id, _ended)
    assert stopped.state == "interrupted"
    _wait_until_gone(children)
    kept = study.progress().done
    assert 0 < kept < 60
    assert study.draws().sizes.size == kept
    resumed = jobs.resume(job.id)
    assert (resumed.id, resumed.state) == (job.id, "queued")
    done = wait_until(job.id, _ended)
    assert (done.state, done.done, done.total, done.error) == ("done", 60, 60, "")
    same_draws(study.draws(), undisturbed)
    log = jobs.job_log(job.id)
    assert log.count("begins") == 2
    assert log.rstrip().endswith("done")


def test_a_running_job_is_cancelled_between_chunks(
    make_study: MakeStudy, undisturbed: Draws, same_draws: Callable[[Draws, Draws], None], wait_until: Wait
) -> None:
    study = make_study()
    job = wait_until(jobs.submit(study, "sample", {"n_jobs": 2}).id, _under_way)
    assert job.rate > 0
    seconds_left = jobs.seconds_left(job)
    assert seconds_left is not None
    assert seconds_left > 0
    assert jobs.cancel(job.id).cancel_requested
    stopped = wait_until(job.id, _ended)
    assert stopped.state == "cancelled"
    assert stopped.done == study.progress().done < 60
    same_draws(study.sample(n_jobs=2), undisturbed)


def test_force_ends_the_worker_and_its_processes(make_study: MakeStudy, wait_until: Wait) -> None:
    study = make_study(draws=400)
    job = wait_until(jobs.submit(study, "sample", {"n_jobs": 2}).id, _under_way)
    family = [_worker(study, job), *_worker(study, job).children(recursive=True)]
    assert len(family) > 1
    waiting = jobs.submit(study, "fit", {"method": "likelihood"})
    assert jobs.cancel(job.id, force=True).state == "cancelled"
    _wait_until_gone(family)
    assert study.progress().done >= job.done
    # what was behind it in the queue goes on
    assert wait_until(waiting.id, _ended).state == "done"
    assert study.fits()[0].n_coalitions == study.progress().done


def test_the_queue_goes_in_order_with_one_worker(make_study: MakeStudy, wait_until: Wait) -> None:
    first, second = make_study(draws=6), make_study(draws=8)
    queued = [
        jobs.submit(first, "fit", {"method": "likelihood"}),  # before there are draws: fails, and the queue goes on
        jobs.submit(first, "sample"),
        jobs.submit(second, "sample"),
        jobs.submit(second, "fit", {"method": "likelihood"}),
        jobs.submit(second, "audit", {"pairs": 2}),
    ]
    wait_until(queued[-1].id, _ended)
    ended = [jobs.get_job(job.id) for job in queued]
    assert [job.state for job in ended] == ["failed", "done", "done", "done", "done"]
    assert ended[0].error == "There are no draws to fit yet. Sample the study first, then fit."
    assert "JobError" in jobs.job_log(queued[0].id)
    times = [moment for job in ended for moment in (job.started, job.finished)]
    assert None not in times
    assert times == sorted(times)  # type: ignore[type-var]
    assert (first.progress().done, second.progress().done) == (6, 8)
    assert second.last_audit() is not None
    assert ended[4].message == second.last_audit().verdict  # type: ignore[union-attr]
    workers = (study_log for study_log in (first.cache / "logs").iterdir() if study_log.name.startswith("worker"))
    assert [log.read_text() for log in workers] == [""]


def test_a_silent_worker_is_given_up_and_ended_before_the_job_resumes(
    make_study: MakeStudy, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(draws=24)
    job = wait_until(jobs.submit(study, "sample").id, _under_way)
    worker = _worker(study, job)
    with Store(study.cache).jobs._catalog.transaction():  # so that it is not within a write itself
        os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(0.2)
    monkeypatch.setattr("dscale_core.jobs.queue.HEARTBEAT_LIMIT", 0.1)
    assert jobs.get_job(job.id).state == "interrupted"
    monkeypatch.undo()
    monkeypatch.setenv("DSCALE_CACHE", str(study.cache))
    assert worker.is_running()
    jobs.resume(job.id)
    assert not _computes(worker)
    assert wait_until(job.id, _ended).state == "done"


def test_a_job_of_a_deleted_dataset_fails_with_a_sentence(make_study: MakeStudy, wait_until: Wait) -> None:
    study = make_study(draws=3)
    for path in (study.cache / "datasets").rglob("X_pool.npy"):
        path.write_bytes(b"damaged")
    job = wait_until(jobs.submit(study, "sample").id, _ended)
    assert job.state == "failed"
    assert "X_pool.npy is damaged" in job.error
    assert "Traceback" not in job.error
    assert "Traceback" in jobs.job_log(job.id)

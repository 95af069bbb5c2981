"""Lists chosen by real worker processes: killed and resumed, cancelled and asked for again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from dscale_core import choose, jobs
from dscale_core.jobs import Job
from dscale_core.store import Store
from dscale_core.study import Study

Wait = Callable[[int, Callable[[Job], bool]], Job]
MakeStudy = Callable[..., Study]
ASKED: dict[str, Any] = {"n": 3, "k": 60, "most_candidates": 120, "shares": "free"}


def _begun(study: Study) -> list[Path]:
    return list((study.cache / "studies" / study.id / "begun").glob("*/*.begun"))


def _ended(job: Job) -> bool:
    return job.state not in ("queued", "running")


def _wait_for_a_beginning(study: Study, job: Job) -> psutil.Process:
    """Until a part is on disk; the worker's process."""
    deadline = time.monotonic() + 60
    while not _begun(study):
        assert time.monotonic() < deadline, jobs.job_log(job.id)
        time.sleep(0.02)
    process = Store(study.cache).jobs.get(job.id).process
    assert process is not None
    return psutil.Process(process.pid)


def _gone(processes: list[psutil.Process]) -> None:
    deadline = time.monotonic() + 20
    while left := [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_a_killed_list_goes_on_with_other_workers_to_the_same_list(make_study: MakeStudy, wait_until: Wait) -> None:
    study = make_study()
    job = jobs.submit(study, "choose", ASKED | {"n_jobs": 2})
    worker = _wait_for_a_beginning(study, job)
    children = worker.children(recursive=True)
    assert len(children) >= 2
    worker.kill()
    assert wait_until(job.id, _ended).state == "interrupted"
    _gone(children)
    assert study.lists.records() == []
    kept = {path: path.read_bytes() for path in _begun(study)}
    assert kept
    damaged = next(iter(kept))
    damaged.write_bytes(b"damaged")
    jobs.resume(job.id)
    done = wait_until(job.id, _ended)
    assert (done.state, done.error) == ("done", "")
    assert _begun(study) == []
    found = study.lists.load()
    expected = choose(study.dataset, study.learner, found.sets[0], n=3, most_candidates=120, shares="free")
    assert found.points.tolist() == expected.points.tolist()
    np.testing.assert_array_equal(found.promise, expected.promise)


def test_a_list_is_cancelled_within_its_workers(make_study: MakeStudy, wait_until: Wait) -> None:
    study = make_study()
    job = jobs.submit(study, "choose", ASKED | {"n": 100, "n_jobs": 2})
    children = _wait_for_a_beginning(study, job).children(recursive=True)
    jobs.cancel(job.id)
    assert wait_until(job.id, _ended).state == "cancelled"
    _gone(children)
    assert study.lists.records() == []
    assert _begun(study)

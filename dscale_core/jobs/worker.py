"""The worker process: ``python -m dscale_core.jobs.worker --cache DIR`` takes jobs in order until none waits, then ends."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from dscale_core.errors import DscaleError, StoreError
from dscale_core.jobs.kinds import KINDS
from dscale_core.jobs.launcher import this_process
from dscale_core.jobs.queue import recover
from dscale_core.store import Job, JobState, Process, Store, log_path

__all__ = ["drain", "main"]

_BEAT = 2.0  # seconds between heartbeats


class _Reporter:
    """Writes a job's progress, and its speed since the work went on: what was drawn before does not count."""

    def __init__(self, store: Store, job: Job, process: Process, n_valued: int) -> None:
        self._store, self._job, self._process, self._n_valued = store, job, process, n_valued
        self._first: int | None = None
        self._started = time.monotonic()
        self._stopped = self._complete = False

    def report(self, done: int, total: int, message: str = "") -> None:
        """Write how far the job is; the first report is where it stands at its start."""
        if self._first is None:
            self._first, self._started = done, time.monotonic()
        elapsed = time.monotonic() - self._started
        pace = (done - self._first) / elapsed if done > self._first and elapsed > 0 else 0.0
        rate = pace * self._n_valued if self._job.kind == "sample" else 0.0
        self._complete = done >= total
        self._store.jobs.progress(self._job.id, self._process, done, total, rate, pace, message)

    def should_stop(self) -> bool:
        """True once the job was cancelled or taken away."""
        self._stopped = self._stopped or self._store.jobs.must_stop(self._job.id, self._process)
        return self._stopped

    def state(self) -> JobState:
        """How the job ended: work that was complete before the wish to cancel was seen is done."""
        return "cancelled" if self._stopped and not self._complete else "done"


def drain(store: Store, process: Process) -> int:
    """Run jobs in the queue's order until none can be taken; returns how many were run."""
    n_run = 0
    recover(store)
    while (job := store.jobs.claim(process)) is not None:
        with _output_to(log_path(store.folder, job.id)), _heartbeat(store, job.id, process):
            _run(store, job, process)
        n_run += 1
    return n_run


def _run(store: Store, job: Job, process: Process) -> None:
    from dscale_core.jobs.taken_along import adopt
    from dscale_core.study import Study

    _say(f"job {job.id} ({job.kind}) of study {job.study_id} begins")
    state: JobState = "failed"
    error = ""
    try:
        adopt(job.entries)
        study = Study.open(job.study_id, store.folder)
        reporter = _Reporter(store, job, process, study.summary().n_valued)
        KINDS[job.kind](study, job.params, reporter.report, reporter.should_stop)
        state = reporter.state()
    except DscaleError as failure:
        traceback.print_exc()
        error = str(failure)
    except Exception as failure:
        traceback.print_exc()
        error = f"{type(failure).__name__}: {failure} (see the log)"
    _say(f"job {job.id}: {state}")
    store.jobs.finish(job.id, process, state, error)


def _say(message: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}", flush=True)


@contextmanager
def _heartbeat(store: Store, job_id: int, process: Process) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT):
            # a full disk must not end the work: the next beat may succeed
            with suppress(StoreError):
                store.jobs.beat(job_id, process)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _output_to(path: Path) -> Iterator[None]:
    # the descriptors themselves are redirected, so that compiled code and child processes write here too
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with path.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, target in zip(kept, (1, 2), strict=True):
            os.dup2(descriptor, target)
            os.close(descriptor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Drain the queue of one cache folder; the exit status is 0 once nothing waits."""
    parser = argparse.ArgumentParser(prog="dscale_core.jobs.worker", description="Runs the queued jobs of a cache folder.")
    parser.add_argument("--cache", required=True, help="the cache folder")
    drain(Store(parser.parse_args(arguments).cache), this_process())
    return 0


if __name__ == "__main__":
    sys.exit(main())

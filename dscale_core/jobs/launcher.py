"""Worker processes from the outside: start one, see whether one lives, end one with all its children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from dscale_core.errors import JobError
from dscale_core.store import Process, Store

__all__ = ["end_orphans", "ensure_worker", "is_alive", "kill", "this_process"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_SOURCE = Path(__file__).resolve().parents[2]
_CLOCK = 2.0  # seconds by which two readings of one process's start may differ
_children: list[subprocess.Popen[bytes]] = []


def this_process() -> Process:
    """The calling process."""
    return Process(os.getpid(), psutil.Process().create_time())


def is_alive(process: Process) -> bool:
    """True while that very process exists: not a later one under the same id, and not one that has ended unwaited for."""
    found = _find(process)
    return found is not None and not _is_zombie(found)


def ensure_worker(store: Store) -> bool:
    """Start a worker where a job waits, none runs and no worker is on its way; True where one was started."""
    _reap()
    return store.jobs.launch(is_alive, lambda: _start(store.folder))


def kill(process: Process, wait: float = 10.0) -> bool:
    """End a worker and the processes it started (its process group); True once it is gone, or where it was before."""
    deadline = time.monotonic() + wait
    while is_alive(process):
        try:
            # a worker leads its own group: anything else must never be signalled as one
            if os.getpgid(process.pid) != process.pid or time.monotonic() > deadline:
                return False
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        time.sleep(0.05)
        _reap()
    return True


def end_orphans(process: Process) -> None:
    """End what a worker that is gone has left: its own worker processes wait for it without end.

    Only members of the session that it led are touched, and only while its id is not in use again.
    """
    found = _find(process)
    if psutil.pid_exists(process.pid) and (found is None or not _is_zombie(found)):
        return
    for other in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            in_session = os.getsid(other.pid) == os.getpgid(other.pid) == process.pid != other.pid
            if in_session and other.create_time() > process.created - _CLOCK:
                other.kill()


def _find(process: Process) -> psutil.Process | None:
    try:
        found = psutil.Process(process.pid)
        return found if abs(found.create_time() - process.created) < _CLOCK else None
    except psutil.NoSuchProcess:
        return None


def _is_zombie(found: psutil.Process) -> bool:
    try:
        return found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _start(cache: Path) -> Process:
    log_file = cache / "logs" / "worker.log"
    # one thread a process: the parallelism is over coalitions
    environment = os.environ | dict.fromkeys(_THREADS, "1") | {"PYTHONPATH": _search_path(), "PYTHONUNBUFFERED": "1"}
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "dscale_core.jobs.worker", "--cache", str(cache)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise JobError(f"The worker could not be started: {error}. The job waits; look again to try once more.") from error
    _children.append(worker)
    return Process(worker.pid, psutil.Process(worker.pid).create_time())


def _search_path() -> str:
    """Where this process imports from, in its order: what it can import, such as a notebook's neighbour, its worker can."""
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    entries = [os.path.abspath(entry or os.curdir) for entry in sys.path] + [entry for entry in named if entry]
    if str(_SOURCE) not in entries:
        entries.insert(0, str(_SOURCE))
    return os.pathsep.join(entry for entry in dict.fromkeys(entries) if os.pathsep not in entry)


def _reap() -> None:
    # an ended child stays in the process table until its parent asks how it ended
    _children[:] = [child for child in _children if child.poll() is None]

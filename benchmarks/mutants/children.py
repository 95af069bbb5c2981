"""Child processes: each runs one function on a copy of this process, a few at a time, and hands back its answer."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

__all__ = ["Ended", "Task", "run_tasks"]

_PAUSE = 0.01  # seconds between looks at the children
_BLINK = 1.0  # more seconds than these between two looks were slept through, by a machine that was paused: they do not count


@dataclass(frozen=True)
class Task:
    """What a child is to do, and how long it may wait or sleep over it."""

    run: Callable[[], dict[str, Any]]
    limit: float  # seconds


@dataclass(frozen=True)
class Ended:
    """How a child ended: its answer, or None where it had none to give."""

    number: int  # of its task
    answer: dict[str, Any] | None
    output: str


@dataclass
class _Child:
    number: int
    left: float  # seconds
    answer: IO[bytes]
    output: IO[bytes]

    def ended(self) -> Ended:
        """Read what a child that is gone has left."""
        text = []
        for file in (self.answer, self.output):
            file.seek(0)
            text.append(file.read().decode("utf-8", "replace"))
            file.close()
        return Ended(self.number, json.loads(text[0]) if text[0] else None, text[1])


def run_tasks(tasks: Sequence[Task], jobs: int) -> Iterator[Ended]:
    """Run all tasks, at most ``jobs`` at a time; yields them as they end."""
    waiting, children = list(enumerate(tasks))[::-1], dict[int, _Child]()
    looked = time.monotonic()
    try:
        while waiting or children:
            while waiting and len(children) < jobs:
                number, task = waiting.pop()
                pid, child = _start(number, task)
                children[pid] = child
            time.sleep(_PAUSE)
            passed, looked = min(time.monotonic() - looked, _BLINK), time.monotonic()
            for pid, child in list(children.items()):
                child.left -= passed
                if child.left < 0:
                    _end(pid)
                if os.waitpid(pid, os.WNOHANG)[0]:
                    del children[pid]
                    _end(pid)  # whatever it started itself
                    yield child.ended()
    finally:
        for pid in children:
            _end(pid)
            os.waitpid(pid, 0)


def _start(number: int, task: Task) -> tuple[int, _Child]:
    answer, output = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 (closed when they have been read)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid, _Child(number, task.limit, answer, output)
    try:
        os.setpgid(0, 0)
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        answer.write(json.dumps(task.run()).encode())
        answer.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)

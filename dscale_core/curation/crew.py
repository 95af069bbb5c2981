"""Parts of a choice carried out here or by worker processes: the same calls, and a beat between them that may end it all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from dscale_core.curation.parts import Begun, Checkpoint, Parts, Told

__all__ = ["Call", "Crew", "Report", "at_work"]

_BEAT = 0.5  # seconds between two looks at whether to go on
_SLICE = 1.0  # seconds that a list goes on before it is kept; speed alone


@dataclass(frozen=True)
class Call:
    """A method of `Parts` and its arguments."""

    method: str
    arguments: tuple[Any, ...]


class Report:
    """Turns steps of lists, and calls that follow them, into the share done: the lists are 19 twentieths of it."""

    def __init__(self, on_progress: Callable[[float], object] | None, n_parts: int, n_steps: int) -> None:
        self._on_progress, self._n_steps = on_progress, n_steps
        self._lists, self._rest = np.zeros(n_parts), 0.0

    def list_at(self, part: int, steps: int, ended: bool = False) -> None:
        """A list has so many steps."""
        self._lists[part] = max(1.0 if ended else steps / self._n_steps, self._lists[part])
        self.beat()

    def rest_at(self, share: float) -> None:
        """So much of what follows the lists is done."""
        self._rest = share
        self.beat()

    def beat(self) -> None:
        """Say the share done once more; whoever is told may raise, and ends the work."""
        if self._on_progress:
            self._on_progress(0.95 * float(self._lists.mean()) + 0.05 * self._rest)


class Crew:
    """Carries out calls, so many at a time as there are workers."""

    def __init__(self, parts: Parts, executor: Executor | None, n_jobs: int, report: Report) -> None:
        self._parts, self._executor, self._n_jobs, self._report = parts, executor, n_jobs, report

    def lists(self, checkpoint: Checkpoint | None = None) -> list[Begun]:
        """All lists to their ends, from where ``checkpoint`` has them, where each is kept every few seconds."""
        kept = {part: checkpoint.load(part) if checkpoint else None for part in range(len(self._parts))}
        for part, begun in kept.items():
            if begun is not None:
                self._report.list_at(part, begun.points.size, begun.ended)
        found = {part: begun for part, begun in kept.items() if begun is not None and begun.ended}
        waiting = deque(
            (part, Call("advanced", (part, begun, _SLICE))) for part, begun in kept.items() if part not in found
        )  # fmt: skip
        for part, begun in self._carried_out(waiting, self._report.list_at):
            if checkpoint:
                checkpoint.save(part, begun)
            self._report.list_at(part, begun.points.size, begun.ended)
            if begun.ended:
                found[part] = begun
            else:
                waiting.appendleft((part, Call("advanced", (part, begun, _SLICE))))
        return [found[part] for part in range(len(self._parts))]

    def results(self, calls: Sequence[Call]) -> list[Any]:
        """What the calls return, in their order."""
        found: dict[int, Any] = {}
        for number, result in self._carried_out(deque(enumerate(calls)), lambda *_: self._report.beat()):
            found[number] = result
            self._report.rest_at(len(found) / len(calls))
        return [found[number] for number in range(len(calls))]

    def _carried_out(
        self, waiting: deque[tuple[int, Call]], told: Callable[[int, int], object]
    ) -> Iterator[tuple[int, Any]]:
        """Each call's number and result as it gets done; what is put in the queue meanwhile is carried out too."""
        pending: dict[Future[Any], int] = {}
        while waiting or pending:
            while waiting and len(pending) < self._n_jobs:
                number, call = waiting.popleft()
                pending[self._begin(number, call, told)] = number
            done, _ = wait(pending, timeout=_BEAT, return_when=FIRST_COMPLETED)
            self._report.beat()
            for future in done:
                yield pending.pop(future), future.result()

    def _begin(self, number: int, call: Call, told: Callable[[int, int], object]) -> Future[Any]:
        if self._executor is not None:
            return self._executor.submit(_carry_out, call)
        done: Future[Any] = Future()
        done.set_result(_called(self._parts, call, partial(told, number)))
        return done


@contextmanager
def at_work(parts: Parts, n_jobs: int, report: Report) -> Iterator[Crew]:
    """A crew for the parts. Workers end with the block; at once where an error leaves it."""
    if n_jobs == 1:
        yield Crew(parts, None, 1, report)
        return
    from joblib.externals.loky import ProcessPoolExecutor

    executor = ProcessPoolExecutor(n_jobs, initializer=_take, initargs=(_lean(parts),))
    try:
        yield Crew(parts, executor, n_jobs, report)
    except BaseException:
        executor.shutdown(wait=True, kill_workers=True)
        raise
    executor.shutdown(wait=True)


_taken: list[Parts] = []  # in a worker: what its calls are about, sent once


def _take(parts: Parts) -> None:
    _taken[:] = [parts]


def _carry_out(call: Call) -> Any:
    return _called(_taken[0], call, None)


def _called(parts: Parts, call: Call, told: Told | None) -> Any:
    return getattr(parts, call.method)(*call.arguments, told=told)


def _lean(parts: Parts) -> Parts:
    """Without what workers never read."""
    dataset = parts.task.dataset
    nothing = np.empty((0, dataset.n_features))
    lean = replace(dataset, records=None, X_test=nothing, y_test=dataset.y_test[:0])  # type: ignore[arg-type]
    return replace(parts, task=replace(parts.task, dataset=lean))

"""Independent pieces of work, one after the other or shared among processes; the results are the same."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TypeVar, cast

from threadpoolctl import threadpool_limits

__all__ = ["done_by_each"]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_AT_MOST = 40  # tasks together: progress is told after each lot
_PER_WORKER = 4  # lots, at least: nobody waits long for the last one


def done_by_each(
    work: Callable[[_Task], _Result],
    tasks: Sequence[_Task],
    n_jobs: int = 1,
    on_progress: Callable[[float], object] | None = None,
) -> list[_Result]:
    """``work`` of every task, in order; each on one thread, so that no result depends on the number of processes.

    work : what can be sent to a process, where n_jobs is not 1
    on_progress : receives the share done, in [0, 1]
    """
    found: list[_Result] = []
    told = on_progress or (lambda _: None)
    if n_jobs == 1:
        with threadpool_limits(limits=1):
            for task in tasks:
                found.append(work(task))
                told(len(found) / len(tasks))
        return found
    from joblib import Parallel, delayed

    size = max(1, min(_AT_MOST, len(tasks) // (_PER_WORKER * max(n_jobs, 2))))
    lots = [tasks[start : start + size] for start in range(0, len(tasks), size)]
    # closing it stops the workers where whoever is told ends the work
    shared = Parallel(n_jobs=n_jobs, return_as="generator")(delayed(_lot)(work, lot) for lot in lots)
    with closing(cast("Generator[list[_Result]]", shared)) as finished:
        for results in finished:
            found += results
            told(len(found) / len(tasks))
    return found


def _lot(work: Callable[[_Task], _Result], lot: Sequence[_Task]) -> list[_Result]:
    with threadpool_limits(limits=1):
        return [work(task) for task in lot]

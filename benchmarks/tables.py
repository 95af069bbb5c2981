"""What benchmarks share: timing on one thread and a plain table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

__all__ = ["best_seconds", "print_table"]


def best_seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Shortest of some runs, in seconds: the machine is shared, and noise only ever adds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns aligned, the first to the left, the others to the right."""
    table = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    for number, row in enumerate(table):
        cells = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        print("  ".join(cells))
        if number == 0:
            print("  ".join("-" * w for w in widths))

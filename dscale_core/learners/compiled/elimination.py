"""Gaussian elimination of small systems, compiled: a call to LAPACK would cost more than the solution."""

from __future__ import annotations

from typing import Any

from numba import njit

__all__ = ["eliminate"]


@njit(cache=True)
def eliminate(system: Any, n: int, exchange: bool) -> None:
    """Solve the leading n x n part of ``system`` with column n as right side, in place; the solution replaces that column.

    exchange : take the largest pivot of each column; a positive definite system needs no exchange of rows
    """
    for a in range(n):
        if exchange:
            pivot = a
            for b in range(a + 1, n):
                if abs(system[b, a]) > abs(system[pivot, a]):
                    pivot = b
            if pivot != a:
                for c in range(a, n + 1):
                    system[a, c], system[pivot, c] = system[pivot, c], system[a, c]
        for b in range(a + 1, n):
            factor = system[b, a] / system[a, a]
            for c in range(a, n + 1):
                system[b, c] -= factor * system[a, c]
    for a in range(n - 1, -1, -1):
        for c in range(a + 1, n):
            system[a, n] -= system[a, c] * system[c, n]
        system[a, n] /= system[a, a]

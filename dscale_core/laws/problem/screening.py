"""Bad points set aside with a reason, the others in blocks of clean, scaled, centred numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.problem.arguments import Problem
from dscale_core.types import FloatMatrix, FloatVector, IntVector, LawStatus

__all__ = ["Block", "Screen", "blocks", "screen"]

_MIN_DRAWS = 4  # the law has four parameters: test_screening.py::test_points_are_set_aside_with_the_deepest_reason
_SCREEN_ELEMENTS = 2_000_000  # draws looked at together, 16 MB as doubles; speed and memory alone, as the same test holds
_WIDTH = len(max(LawStatus, key=len))
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Screen:
    """What can be fitted: status, n_draws and scale (largest magnitude of the finite draws), each (p,)."""

    status: NDArray[np.str_]
    n_draws: IntVector
    scale: FloatVector

    @property
    def usable(self) -> IntVector:
        """Columns that an estimator is to fit."""
        return np.flatnonzero(self.status == LawStatus.OK.value)


@dataclass(frozen=True, eq=False)
class Block:
    """Some points' draws as float64 in scaled, centred units, one row a point.

    columns (b,); y (b, m), zero where missing; present (b, m) of 0 and 1, or None where nothing is missing; x (m,) shared
    or (b, m); n (b,) finite draws; sum_x (b,) sum of x over them; spread_x (b,) half the sum of (x - mean x)²: the
    information that the draws hold on β.
    """

    columns: IntVector
    y: FloatMatrix
    present: FloatMatrix | None
    x: FloatVector | FloatMatrix
    n: FloatVector
    sum_x: FloatVector
    spread_x: FloatVector

    def take(self, rows: IntVector | Mask) -> Block:
        """The same for some rows."""
        return Block(
            self.columns[rows],
            self.y[rows],
            None if self.present is None else self.present[rows],
            self.x if self.x.ndim == 1 else self.x[rows],
            self.n[rows],
            self.sum_x[rows],
            self.spread_x[rows],
        )


def screen(problem: Problem, min_draws: int = _MIN_DRAWS) -> Screen:
    """Set aside the points that no law can be fitted to, with the reason; the others are ``ok``."""
    p = problem.n_points
    status = np.full(p, LawStatus.OK.value, dtype=f"<U{_WIDTH}")
    n_draws, scale = np.zeros(p, dtype=np.int64), np.zeros(p)
    width = max(1, _SCREEN_ELEMENTS // problem.delta.shape[0])
    for start in range(0, p, width):
        part = slice(start, start + width)
        d = problem.delta[:, part]
        x = problem.x[:, part] if problem.x.ndim == 2 else problem.x[:, None]
        finite = np.isfinite(d)
        n_draws[part] = finite.sum(axis=0)
        scale[part] = np.abs(np.where(finite, d, 0.0)).max(axis=0)
        spread = np.where(finite, x, -np.inf).max(axis=0) > np.where(finite, x, np.inf).min(axis=0)
        reasons = (
            (~spread, LawStatus.ONE_SIZE),
            (scale[part] == 0, LawStatus.NO_SIGNAL),
            (n_draws[part] < min_draws, LawStatus.TOO_FEW_DRAWS),
            (np.isinf(d).any(axis=0), LawStatus.NOT_FINITE),
        )
        for where, reason in reasons:  # the later reason is the deeper one
            status[part][where] = reason.value
    return Screen(status, n_draws, scale)


def blocks(problem: Problem, screened: Screen, width: int) -> Iterator[Block]:
    """The usable points, at most ``width`` at a time."""
    usable = screened.usable
    for start in range(0, usable.size, width):
        columns = usable[start : start + width]
        y = np.ascontiguousarray(problem.delta[:, columns].T, dtype=np.float64)
        y /= screened.scale[columns, None]
        x = np.ascontiguousarray(problem.x[:, columns].T) if problem.x.ndim == 2 else problem.x
        n = screened.n_draws[columns].astype(np.float64)
        present = None
        if n.min() < y.shape[1]:
            finite = np.isfinite(y)
            y[~finite] = 0.0
            present = finite.astype(np.float64)
        weight = np.ones_like(y) if present is None else present
        sum_x = (weight * x).sum(axis=1)
        spread_x = 0.5 * ((weight * x * x).sum(axis=1) - sum_x**2 / n)
        yield Block(columns, y, present, x, n, sum_x, spread_x)

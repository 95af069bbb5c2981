"""Half of the draws of some of the points: what is held out when an estimator judges itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dscale_core.laws.problem.arguments import Problem
from dscale_core.laws.problem.screening import Screen
from dscale_core.types import IntVector

__all__ = ["evenly_spaced", "halves", "sample_columns", "select"]

# Halves of fewer passes are too unlike: test_halving.py::test_with_fewer_than_eight_passes_draws_are_the_units
_FEWEST_UNITS = 8
_SEED = 0  # any; judgements are to be the same each time: test_halving.py::test_halves_are_the_same_each_time


def evenly_spaced(n: int, most: int) -> IntVector:
    """At most ``most`` of n positions, evenly spaced."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def sample_columns(screened: Screen, most: int = 400) -> IntVector:
    """At most ``most`` evenly spaced usable points."""
    usable = screened.usable
    return usable[evenly_spaced(usable.size, most)]


def halves(problem: Problem, splits: int) -> Iterator[tuple[IntVector, IntVector, IntVector]]:
    """Rows to train on, rows held out and the latter's units, both ways round for each split.

    Passes are the units, or draws where there are fewer than eight passes. A half that spans less than half of the sizes
    is left out. Reproducible.
    """
    m = problem.delta.shape[0]
    unit = np.arange(m) if problem.passes is None else problem.passes
    if unit.max() + 1 < _FEWEST_UNITS:
        unit = np.arange(m)
    rng = np.random.default_rng(_SEED)
    for _ in range(splits):
        half = (rng.permutation(int(unit.max()) + 1) % 2)[unit]
        for side in (0, 1):
            train, test = np.flatnonzero(half == side), np.flatnonzero(half != side)
            # less says nothing of a slope: test_halving.py::test_a_half_that_spans_less_than_half_of_the_sizes_is_left_out
            if min(np.ptp(problem.x[train]), np.ptp(problem.x[test])) >= 0.5 * np.ptp(problem.x):
                yield train, test, unit[test]


def select(problem: Problem, rows: IntVector, columns: IntVector) -> Problem:
    """The problem of some draws and points; its centre stays."""
    return replace(
        problem,
        delta=problem.delta[np.ix_(rows, columns)],
        sizes=problem.sizes[rows],
        x=problem.x[rows],
        passes=None if problem.passes is None else np.unique(problem.passes[rows], return_inverse=True)[1],
        groups=None if problem.groups is None else problem.groups[columns],
        features=None if problem.features is None else problem.features[columns],
        targets=None if problem.targets is None else problem.targets[columns],
        guide=None if problem.guide is None else problem.guide.take(columns, rows),
    )

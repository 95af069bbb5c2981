"""Would the values come out the same again? The correlation over points that a second measurement of ψ_k would have.

A second measurement has other coalitions and other valuation rows of the same kind. It is told from one by halves: where
rows are drawn anew for each coalition, half of the coalitions (and so of all rows) against the other half; where all share
one set, half of its rows against the other half. A half knows less than the whole, which Spearman and Brown's formula allows
for: with f times the material, r becomes f r / (1 + (f − 1) r).

For one set the noise of coalitions must not count. Means over two halves of the coalitions on the same rows have the rows in
common, on different halves of the rows nothing: the ratio of these two correlations is what other rows leave.
Source: Spearman, *Correlation calculated from faulty data*, 1910; Brown, *Some experimental results*, 1910.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.correlation import pearson
from dscale_core.errors import ArgumentError
from dscale_core.types import FloatMatrix, FloatVector, IntVector

__all__ = ["RELIABLE", "Reliability", "halves_by_size", "reliability_of_draws", "reliability_of_rows", "stepped_up"]

RELIABLE = 0.8  # from which on a list of the best would be much the same


@dataclass(frozen=True, eq=False)
class Reliability:
    """The correlation to be expected between ψ_k and ψ_k measured again, at each size (g,); NaN where it cannot be told.

    kind : ``"fresh"``: with other coalitions and rows; ``"fixed"``: with another valuation set as large as this one
    between_halves : as measured, before the step to the whole
    amount : draws (fresh) or rows of the valuation set (fixed) that there are
    needed : how many there must be for a correlation of .8; infinite where halves do not agree at all
    """

    kind: Literal["fresh", "fixed"]
    size: FloatVector
    between_halves: FloatVector
    expected: FloatVector
    amount: int
    needed: FloatVector
    n_points: int


def reliability_of_draws(first: FloatMatrix, second: FloatMatrix, sizes: ArrayLike, n_draws: int) -> Reliability:
    """From ψ_k (g, p) of laws fitted to either half of ``n_draws`` coalitions, each valued on rows of its own."""
    if np.shape(first) != np.shape(second) or np.ndim(first) != 2 or len(first) != np.size(sizes):
        got = f"{np.shape(first)} and {np.shape(second)} for {np.size(sizes)} sizes"
        raise ArgumentError("first, second", "have one row a size and one column a point", got, "Ask both halves for ψ.")
    between = np.array([pearson(one, other) for one, other in zip(first, second, strict=True)])
    return _judged("fresh", sizes, between, n_draws, first.shape[1])


def reliability_of_rows(means: NDArray[np.float64], sizes: ArrayLike, n_rows: int) -> Reliability:
    """From mean contributions (g, 2, b, p) over either half of some coalitions on each of b equal blocks of one set.

    Every way to halve the blocks counts, four of them have three; b is even. Raises ArgumentError for other shapes.
    """
    if means.ndim != 4 or means.shape[1] != 2 or means.shape[2] % 2 or means.shape[0] != np.size(sizes):
        required = f"have shape ({np.size(sizes)}, 2, an even number of blocks, points)"
        raise ArgumentError("means", required, means.shape, "Halve the coalitions and cut the rows into four blocks.")
    between = np.array([_between_rows(of_size) for of_size in means])
    return _judged("fixed", sizes, between, n_rows, means.shape[3])


def stepped_up(r: ArrayLike, times: float) -> FloatVector:
    """What a correlation of ``r`` becomes with so many times the material; below zero it counts as zero."""
    known = np.clip(np.asarray(r, dtype=np.float64), 0.0, 1.0)
    return np.asarray(times * known / (1 + (times - 1) * known))


def halves_by_size(sizes: IntVector) -> tuple[IntVector, IntVector]:
    """Positions of two halves of some coalitions that are alike in size: one of each pair of neighbours, by lot."""
    order = np.argsort(sizes, kind="stable")
    pairs = order[: order.size // 2 * 2].reshape(-1, 2)
    swap = np.random.default_rng(0).random(len(pairs)) < 0.5
    pairs[swap] = pairs[swap, ::-1]
    return np.sort(pairs[:, 0]), np.sort(pairs[:, 1])


def _between_rows(means: NDArray[np.float64]) -> float:
    """Correlation of half the rows with the other half, free of the coalitions' noise; the mean over all ways to halve."""
    b = means.shape[1]
    shared, apart = [], []
    for half in _halves(b):
        on_rows = [means[:, half].mean(axis=1), means[:, np.setdiff1d(np.arange(b), half)].mean(axis=1)]
        shared += [pearson(rows[0], rows[1]) for rows in on_rows]
        apart += [pearson(on_rows[0][0], on_rows[1][1]), pearson(on_rows[0][1], on_rows[1][0])]
    signal = float(np.mean(shared))
    return float(np.clip(np.mean(apart) / signal, -1.0, 1.0)) if signal > 0 else float("nan")


def _halves(b: int) -> list[IntVector]:
    """Every half of b blocks that holds the first; at most ten of them, for many blocks."""
    from itertools import combinations, islice

    return [np.array([0, *rest]) for rest in islice(combinations(range(1, b), b // 2 - 1), 10)]


def _judged(
    kind: Literal["fresh", "fixed"], sizes: ArrayLike, between: FloatVector, amount: int, n_points: int
) -> Reliability:
    expected = stepped_up(between, 2.0)
    with np.errstate(divide="ignore"):
        times = RELIABLE * (1 - expected) / ((1 - RELIABLE) * expected)
    return Reliability(kind, np.asarray(sizes, dtype=np.float64), between, expected, amount, amount * times, n_points)

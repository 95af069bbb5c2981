"""Sums over draws on a grid of exponents, from which likelihoods at every (α, β) of the grid follow without the draws.

On a grid α_i = i h, β_j = j s h with an integer stride s, the exponents β − α and β − 2α of the sums

    B = Σ y e^((β−α)x),   A = Σ e^((β−2α)x),   C = Σ y² e^(βx)

fall on a few multiples of h, so that all cells share one matrix product (or, where draws differ in size or are missing,
one running product).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.problem.screening import Block
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["Grid", "GridSums", "grid_sums"]


@dataclass(frozen=True)
class Grid:
    """α = 0, h, …, (n_alpha − 1) h and β = 0, s h, …, (n_beta − 1) s h."""

    n_alpha: int
    n_beta: int
    step: float
    stride: int = 1

    @property
    def alpha(self) -> FloatVector:
        """(n_alpha,)"""
        return self.step * np.arange(self.n_alpha, dtype=np.float64)

    @property
    def beta(self) -> FloatVector:
        """(n_beta,)"""
        return self.step * self.stride * np.arange(self.n_beta, dtype=np.float64)

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.n_alpha * self.n_beta


@dataclass(frozen=True, eq=False)
class GridSums:
    """A (1 or b, n_alpha, n_beta), B (b, n_alpha, n_beta) and C (b, n_beta) of the module's docstring."""

    A: NDArray[np.float64]
    B: NDArray[np.float64]
    C: FloatMatrix


def grid_sums(block: Block, grid: Grid, weight: FloatVector | None = None) -> GridSums:
    """The sums of every cell of the grid for the points of a block; ``weight`` (m,) counts a draw several times or not."""
    i = np.arange(grid.n_alpha)[:, None]
    j = grid.stride * np.arange(grid.n_beta)[None, :]
    mean_exponent, signal_exponent = j - i, j - 2 * i
    low, high = 2 * (1 - grid.n_alpha), grid.stride * (grid.n_beta - 1)
    first_mean, noise = 1 - grid.n_alpha, np.arange(0, high + 1, grid.stride)
    count = 1.0 if block.present is None else block.present
    if weight is not None:
        count = count * weight
    if block.x.ndim == 1:
        powers = np.exp(grid.step * np.arange(low, high + 1) * block.x[:, None])  # (m, exponents)
        signal = np.broadcast_to(count, (1, block.x.size) if block.present is None else block.y.shape) @ powers
        weighted = block.y if weight is None else block.y * weight
        mean = weighted @ powers[:, first_mean - low :]
        square = (weighted * block.y) @ powers[:, noise - low]
    else:
        signal, mean, square = _running(block, np.broadcast_to(count, block.y.shape), grid.step, low, high)
        mean, square = mean[:, first_mean - low :], square[:, noise - low]
    return GridSums(signal[:, signal_exponent - low], mean[:, mean_exponent - first_mean], square)


def _running(
    block: Block, count: FloatMatrix, step: float, low: int, high: int
) -> tuple[FloatMatrix, FloatMatrix, FloatMatrix]:
    """Sums of the draws' counts, of y and of y², times e^(exponent x), for every multiple of the step from low to high."""
    ratio = np.exp(step * block.x)
    power = np.exp(step * low * block.x) * count
    y, square = block.y, block.y * block.y
    sums = np.empty((3, y.shape[0], high - low + 1))
    for e in range(high - low + 1):
        sums[0, :, e] = power.sum(axis=1)
        sums[1, :, e] = np.einsum("bm,bm->b", power, y)
        sums[2, :, e] = np.einsum("bm,bm->b", power, square)
        power *= ratio
    return sums[0], sums[1], sums[2]

"""How far laws are from the means beyond what their intervals say: measured on passes that a fit did not see.

A power law is not the truth, and draws that share coalitions mislead all points at once, so posteriors are too sure where
the law bends away: at the ends of the sizes. Here the passes are halved a few times; each half is predicted by the laws of
the other. In units of a draw's own standard deviation s, a low polynomial in log k is fitted to each point's held-out
deviations. At a size where that curve has the value r, and the law of the half the variance V, the share κ that intervals
lack is what would let 90 % of the points satisfy

    r² ≤ z² (V / s² + n + κ),      z = 1.645,

n being the variance that noise gives the curve: its leverage, times how much less than independent draws whole passes vary
when their signs are drawn at random; draws of one pass are disjoint, and so steadier than independent ones. Points share
these draws, so that n is uncertain: part of its standard deviation over the random signs, as a share, is not deducted.
Intervals then add κ s² (`Laws.misfit`).

There is one κ for all points, since a point's own misfit cannot be told from its noise; and it is a quantile, since draws
have heavy tails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.halving import halves, sample_columns, select
from dscale_core.laws.prepare import Problem, Screen
from dscale_core.types import FloatMatrix, FloatVector, IntVector, Laws

__all__ = ["measure_misfit"]

_FEWEST_POINTS, _FEWEST_DRAWS = 30, 12
_AMPLE_DRAWS = 80  # from which a curve may have four terms instead of three
_FLIPS = 4
_DOUBT = 0.3  # of the relative standard deviation of the noise
_MEDIAN_OF_SQUARE = 0.455  # of a standard normal
_MEDIAN_OF_MEAN_SQUARE = 0.839  # median of the mean of four squared standard normals
_LARGEST_CONDITION = 1e4
_GRID = np.linspace(-1.0, 1.0, 7)
_LEVEL = 0.9
_Z90 = NormalDist().inv_cdf(0.5 + _LEVEL / 2)


@dataclass(frozen=True, eq=False)
class _Curves:
    """Held-out deviations at the grid, each (7, points): r² / z², V / s² and leverage; noise (flips, 7, points): squared
    curves of the same deviations under random signs."""

    square: FloatMatrix
    own: FloatMatrix
    leverage: FloatMatrix
    noise: NDArray[np.float64]


def measure_misfit(
    problem: Problem,
    screened: Screen,
    laws: Laws,
    refit: Callable[[Problem], Laws],
    n_points: int = 400,
    splits: int = 4,
) -> FloatMatrix:
    """(2, g): sizes and κ there; no columns where points are too few to tell, or where each has sizes of its own.

    Fewer than twelve draws cannot be halved: κ is then the variance of a line through as many draws of unit variance.


    refit : fits half the draws of at most ``n_points`` points, twice for each of the ``splits``
    """
    m = problem.delta.shape[0]
    if problem.x.ndim == 2 or screened.usable.size < _FEWEST_POINTS:
        return np.empty((2, 0))
    grid = problem.center * np.exp(problem.x.min() + 0.5 * (_GRID + 1) * np.ptp(problem.x))
    if m < _FEWEST_DRAWS:
        return np.array([grid, (1 + 3 * _GRID**2) / m])
    columns = sample_columns(screened, n_points)
    part = select(problem, np.arange(m), columns)
    log_sd = _log_sd(laws, columns, problem.sizes)
    found = []
    rng = np.random.default_rng(0)
    for train, test, unit in halves(part, splits):
        trained = refit(select(part, train, np.arange(columns.size)))
        found.append(_held_out(part, trained, test, unit, log_sd, grid, rng))
    if not found:
        return np.empty((2, 0))
    return np.array([grid, _share(found)])


def _log_sd(laws: Laws, columns: IntVector, sizes: FloatVector) -> FloatMatrix:
    """Log standard deviation of one draw, (sizes, columns)."""
    return np.asarray(np.log(laws.sigma[columns]) - 0.5 * laws.beta[columns] * np.log(sizes)[:, None])


def _held_out(
    part: Problem,
    trained: Laws,
    rows: IntVector,
    unit: IntVector,
    log_sd: FloatMatrix,
    grid: FloatVector,
    rng: np.random.Generator,
) -> _Curves:
    """The curves of some draws about laws that did not see them."""
    position = 2 * (part.x - part.x.min()) / np.ptp(part.x) - 1
    terms = 4 if part.x.size >= _AMPLE_DRAWS else 3
    basis, at_grid = (np.polynomial.legendre.legvander(u, terms - 1) for u in (position[rows], _GRID))
    seen = np.isfinite(part.delta[rows])
    every = np.arange(part.n_points)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        psi = np.stack([trained.psi(k) for k in part.sizes[rows]])
        z = np.where(seen, (part.delta[rows] - psi) * np.exp(-log_sd[rows]), 0.0)
        ends = (trained.psi_interval(float(k), _LEVEL) for k in grid)
        half_width = np.stack([(high - low) / 2 for low, high in ends])
        own = (half_width / _Z90 * np.exp(-_log_sd(trained, every, grid))) ** 2
    normal = np.einsum("mi,mp,mj->pij", basis, seen.astype(np.float64), basis)
    known = np.isfinite(z).all(axis=0) & np.isfinite(own).all(axis=0) & (np.linalg.cond(normal) < _LARGEST_CONDITION)
    inverse, z = np.linalg.inv(normal[known]), z[:, known]

    def curves(values: FloatMatrix) -> FloatMatrix:
        return np.asarray(np.einsum("gi,pij,mj,mp->gp", at_grid, inverse, basis, values, optimize=True))

    signs = rng.choice([-1.0, 1.0], size=(_FLIPS, int(unit.max()) + 1))[:, unit]
    return _Curves(
        square=(curves(z) / _Z90) ** 2,
        own=own[:, known],
        leverage=np.einsum("gi,pij,gj->gp", at_grid, inverse, at_grid),
        noise=np.stack([curves(z * sign[:, None]) ** 2 for sign in signs]),
    )


def _share(found: list[_Curves]) -> FloatVector:
    """κ at each size of the grid, zero where intervals lack nothing."""
    square, own, leverage, noise = (
        np.concatenate([getattr(curves, name) for curves in found], axis=-1) for name in _Curves.__dataclass_fields__
    )
    if square.shape[1] == 0:
        return np.zeros(_GRID.size)
    steadier = np.minimum(np.median(noise.mean(axis=0) / leverage, axis=1) / _MEDIAN_OF_MEAN_SQUARE, 1.0)
    by_flip = np.concatenate([np.median(c.noise / c.leverage, axis=2) for c in found]) / _MEDIAN_OF_SQUARE  # (flips, grid)
    doubt = by_flip.std(axis=0) / by_flip.mean(axis=0)
    deducted = (1 - _DOUBT * doubt) * steadier
    lacking = np.quantile(square - own - deducted[:, None] * leverage, _LEVEL, axis=1)
    return np.asarray(np.maximum(lacking, 0.0))

"""How far laws are from the means beyond what their intervals say: measured on passes that a fit did not see.

A power law is not the truth, and draws that share coalitions mislead all points at once, so posteriors are too sure where
the law bends away: at the ends of the sizes. Here the passes are halved a few times; each half is predicted by the laws of
the other. In units of a draw's own standard deviation s, a low polynomial in log k is fitted to each point's held-out
deviations. At a size where that curve has the value r, and the law of the half the variance V, the share κ that intervals
lack is what would let 90 % of the points satisfy

    r² ≤ z² (V / s² + n + κ),      z = 1.645,

n being the variance that noise gives the curve, which the same curves show when whole passes change their signs at random.
There is one κ for all points, since a point's own misfit cannot be told from its noise; and it is a quantile, since draws
have heavy tails. Intervals then add κ s² (`Laws.misfit`).

Points share these draws, so the noise of 400 points is that of a few: n is uncertain, by as much as it varies from sign to
sign, and with few draws κ drowns in it. What is found is therefore weighed against what is usual: a log-normal prior about
the misfit that laws were seen to have on several datasets, larger where draws are few and at the ends of the sizes; for
laws around a guide, about what a learner's formula was seen to be off by. With a control there is hardly noise, and the
prior hardly counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dscale_core.intervals import Z90
from dscale_core.laws.problem import Guide, Problem, Screen, halves, sample_columns, select
from dscale_core.types import FloatMatrix, FloatVector, IntVector, Laws

__all__ = ["measure_misfit", "usual_misfit"]

_FEWEST_POINTS, _FEWEST_DRAWS = 30, 12  # a 90 % quantile of fewer points is two of them; half of fewer draws is no curve
_MORE_TERMS = (50, 200)  # draws from which a held-out curve has three terms instead of two, and four
_FLIPS = 4  # of signs, a half: their spread says how far the noise of a quantile is known
# Prior medians of κ, chosen on three sets; `python -m benchmarks.misfit` measures them on these and four more. They are too
# small by more than the prior's own deviation on miniboone (formula 4 times, control 7) and on 2dplanes (bend 10 times), and
# the bend is everywhere larger at the largest sizes; there the held-out curves have to say it. Elsewhere they are within it
# or too large.
_FORMULA, _FADING = 0.035, 0.7  # of a formula at the middle of the sizes, and how it falls along the grid
_SURROGATE = 0.005  # of a surrogate that no draws have corrected, falling likewise
_CONTROL = 0.0004  # of the smoothed mean of a corrected surrogate
_BEND, _FEW_DRAWS = 0.006, 0.6  # of a power law, and in units of the variance of a line through the draws
_PRIOR_DEVIATION = 1.2  # of log κ: a factor of 3.3, as the sets differ
_KAPPA = np.geomspace(1e-6, 10.0, 200)  # steps of 8 %, from what no interval shows to ten draws' variance
_LARGEST_CONDITION = 1e4  # beyond, a point's sizes are too few for the terms
_GRID = np.linspace(-1.0, 1.0, 7)
_LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class _Curves:
    """Held-out deviations at the grid, each (7, points): r² / z², V / s² and what r² would be on average for draws of the
    noise law alone; noise (flips, 7, points): r² / z² of the same deviations under random signs."""

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

    Fewer than twelve draws cannot be halved: what is usual stands alone.

    refit : fits half the draws of at most ``n_points`` points, twice for each of the ``splits``
    """
    m = problem.delta.shape[0]
    if problem.x.ndim == 2 or screened.usable.size < _FEWEST_POINTS:
        return np.empty((2, 0))
    grid = problem.center * np.exp(problem.x.min() + 0.5 * (_GRID + 1) * np.ptp(problem.x))
    usual = usual_misfit(_GRID, m, problem.guide if laws.guided else None)
    if m < _FEWEST_DRAWS:
        return np.array([grid, usual])
    columns = sample_columns(screened, n_points)
    part = select(problem, np.arange(m), columns)
    log_sd = _log_sd(laws, columns, problem.sizes)
    steady = _steadied(part)
    found = []
    rng = np.random.default_rng(0)
    for train, test, unit in halves(part, splits):
        trained = refit(select(part, train, np.arange(columns.size)))
        found.append(_held_out(steady, trained, test, unit, log_sd, grid, rng))
    return np.array([grid, _share(found, usual) if found else usual])


def usual_misfit(position: FloatVector, m: int, guide: Guide | None) -> FloatVector:
    """Median of the prior of κ (see the module) for m draws, at positions from −1, the smallest size, to 1, the largest."""
    if guide is None:
        return np.asarray(_BEND + _FEW_DRAWS * (1 + 3 * position**2) / m)
    if guide.control is not None:
        return np.full(position.size, _CONTROL)
    return np.asarray((_FORMULA if guide.modes is None else _SURROGATE) * np.exp(-_FADING * position))


def _steadied(part: Problem) -> Problem:
    """Draws less their control and with its mean put back, of the points whose noise that makes smaller; the mean stays."""
    if part.guide is None or part.guide.control is None:
        return part
    left = part.guide.less(part.delta, part.sizes)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        before, after = (np.nansum((part.sizes[:, None] * values) ** 2, axis=0) for values in (part.delta, left))
    return replace(part, delta=np.where(after < before, left + part.guide.at(part.sizes), part.delta))


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
    terms = 2 + sum(part.x.size >= ample for ample in _MORE_TERMS)
    basis, at_grid = (np.polynomial.legendre.legvander(u, terms - 1) for u in (position[rows], _GRID))
    seen = np.isfinite(part.delta[rows])
    every = np.arange(part.n_points)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        psi = np.stack([trained.psi(k) for k in part.sizes[rows]])
        z = np.where(seen, (part.delta[rows] - psi) * np.exp(-log_sd[rows]), 0.0)
        ends = (trained.psi_interval(float(k), _LEVEL) for k in grid)
        half_width = np.stack([(high - low) / 2 for low, high in ends])
        own = (half_width / Z90 * np.exp(-_log_sd(trained, every, grid))) ** 2
    normal = np.einsum("mi,mp,mj->pij", basis, seen.astype(np.float64), basis)
    known = np.isfinite(z).all(axis=0) & np.isfinite(own).all(axis=0) & (np.linalg.cond(normal) < _LARGEST_CONDITION)
    inverse, z = np.linalg.inv(normal[known]), z[:, known]

    def curves(values: FloatMatrix) -> FloatMatrix:
        return np.asarray(np.einsum("gi,pij,mj,mp->gp", at_grid, inverse, basis, values, optimize=True))

    signs = rng.choice([-1.0, 1.0], size=(_FLIPS, int(unit.max()) + 1))[:, unit]
    return _Curves(
        square=(curves(z) / Z90) ** 2,
        own=own[:, known],
        leverage=np.einsum("gi,pij,gj->gp", at_grid, inverse, at_grid),
        noise=np.stack([(curves(z * sign[:, None]) / Z90) ** 2 for sign in signs]),
    )


def _share(found: list[_Curves], usual: FloatVector) -> FloatVector:
    """Posterior mean of κ at each size of the grid."""
    square, own, leverage = (
        np.concatenate([getattr(curves, name) for curves in found], axis=-1) for name in ("square", "own", "leverage")
    )
    if square.shape[1] == 0:
        return usual
    # own may hold what held-out draws share with the fit, such as the error of a guide: below zero nothing is learned
    lacking = np.maximum(np.quantile(square - own, _LEVEL, axis=1), 0.0)
    by_flip = np.stack([np.quantile(curves.noise, _LEVEL, axis=2) for curves in found])  # (halves, flips, grid)
    noise = by_flip.mean(axis=(0, 1))
    # halves differ in their sizes, so that only signs of one half are compared; both together are half as doubtful as one
    doubt = np.sqrt(by_flip.var(axis=1, ddof=1).mean(axis=0) / 2.0)
    # where draws vary more than the noise law says, the law is as much less certain
    excess = np.maximum(noise / np.median(leverage, axis=1) - 1.0, 0.0)
    usual = usual + excess * np.median(own, axis=1)
    kappa = _KAPPA[:, None]
    spread = doubt * (1 + kappa / noise)
    log_weight = -0.5 * ((lacking - noise - kappa) / spread) ** 2 - np.log(spread)
    log_weight -= 0.5 * (np.log(kappa / usual) / _PRIOR_DEVIATION) ** 2
    weight = np.exp(log_weight - log_weight.max(axis=0))
    return np.asarray((weight * kappa).sum(axis=0) / weight.sum(axis=0))

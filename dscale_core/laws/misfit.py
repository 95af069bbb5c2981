"""How far laws are from the means beyond what their intervals say: measured on passes that a fit did not see.

A power law is not the truth, and draws that share coalitions mislead all points at once, so posteriors are too sure where
the law bends away: at the ends of the sizes. Here the passes are halved a few times; each half is predicted by the laws of
the other. In units of a draw's own standard deviation s, the squared distance of held-out means from their laws, less the
variance V/s² that the interval already has, is compared with the squared noise of these means: 1/n, and what the same draws
show when their signs alternate. By how much the 90 % point of the one exceeds the other, the larger of both answers, is the
share κ that intervals lack, for each range of sizes. They then add κ s² (`Laws.misfit`).

There is one κ for all points, since a point's own misfit cannot be told from its noise; and it compares quantiles, since
draws have heavy tails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from dscale_core.laws.prepare import Problem, Screen
from dscale_core.types import FloatMatrix, IntVector, Laws

__all__ = ["measure_misfit"]

_SPLITS = 4
_SAMPLE = 400  # points
_FEWEST_POINTS, _FEWEST_DRAWS, _FEWEST_UNITS = 30, 12, 6
_SHARES = (0.0, 0.15, 0.4, 0.6, 0.85, 1.0)  # quantiles of size between which draws are gathered
_FINE_SHARES = (0.0, 0.08, 0.25, 0.5, 0.75, 0.92, 1.0)  # with ample draws
_AMPLE_DRAWS = 80
_LEVEL = 0.9
_Z90 = NormalDist().inv_cdf(0.5 + _LEVEL / 2)


def measure_misfit(problem: Problem, screened: Screen, laws: Laws, refit: Callable[[Problem], Laws]) -> FloatMatrix:
    """(2, g): sizes and κ there; no columns where draws or points are too few to tell. ``refit`` fits part of the draws."""
    usable = screened.usable
    m = problem.delta.shape[0]
    if problem.x.ndim == 2 or usable.size < _FEWEST_POINTS or m < _FEWEST_DRAWS:
        return np.empty((2, 0))
    unit = np.arange(m) if problem.passes is None else problem.passes
    if unit.max() + 1 < _FEWEST_UNITS:
        unit = np.arange(m)
    columns = usable[np.unique(np.linspace(0, usable.size - 1, min(usable.size, _SAMPLE)).astype(np.int64))]
    part = select(problem, np.arange(m), columns)
    x = np.asarray(problem.x)
    log_sd = np.log(laws.sigma[columns]) - 0.5 * laws.beta[columns] * np.log(problem.sizes)[:, None]
    edges = np.quantile(x, _FINE_SHARES if m >= _AMPLE_DRAWS else _SHARES)
    group = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, edges.size - 2)
    found: list[list[FloatMatrix]] = [[] for _ in range(edges.size - 1)]
    rng = np.random.default_rng(0)
    for _ in range(_SPLITS):
        half = (rng.permutation(int(unit.max()) + 1) % 2)[unit]
        for side in (0, 1):
            train, test = np.flatnonzero(half == side), np.flatnonzero(half != side)
            if np.ptp(x[train]) < 0.5 * np.ptp(x):
                continue
            trained = refit(select(part, train, np.arange(columns.size)))
            for g, entries in enumerate(found):
                entries.extend(_held_out(part, trained, test[group[test] == g], log_sd))
    present = [g for g, entries in enumerate(found) if entries]
    kappa = [_share(np.concatenate(found[g], axis=1)) for g in present]
    sizes = [float(np.exp(np.log(problem.sizes)[group == g].mean())) for g in present]
    return _to_the_ends(sizes, kappa, float(problem.sizes.min()), float(problem.sizes.max()))


def _to_the_ends(sizes: list[float], kappa: list[float], least: float, most: float) -> FloatMatrix:
    """κ continued to the ends of the sizes along its last slope where it rises towards them."""
    if len(sizes) < 2:
        return np.array([sizes, kappa]).reshape(2, -1)
    at = np.log(sizes)
    ends = []
    for end, one, other in ((least, 0, 1), (most, -1, -2)):
        slope = (kappa[one] - kappa[other]) / (at[one] - at[other])
        ends.append(max(kappa[one], kappa[one] + slope * (np.log(end) - at[one])))
    inner = [(k, v) for k, v in zip(sizes, kappa, strict=True) if least < k < most]
    return np.array([(least, ends[0]), *inner, (most, ends[1])]).T


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
        guide=None if problem.guide is None else problem.guide[np.ix_(rows, columns)],
    )


def _held_out(part: Problem, trained: Laws, rows: IntVector, log_sd: FloatMatrix) -> list[FloatMatrix]:
    """(3, points) of one group of draws: squared standardised mean less V/s², the square of its noise alone, and 1/n."""
    if rows.size < 2:
        return []
    rows = rows[: 2 * (rows.size // 2)]
    seen = np.isfinite(part.delta[rows])
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        unit = np.exp(-log_sd[rows])
        psi = np.stack([trained.psi(k) for k in part.sizes[rows]])
        z = np.where(seen, (part.delta[rows] - psi) * unit, 0.0)
        n = seen.sum(axis=0)
        sign = np.where(np.arange(rows.size) % 2 == 0, 1.0, -1.0)
        low, high = trained.psi_interval(float(np.exp(np.log(part.sizes[rows]).mean())), _LEVEL)
        own = ((high - low) / (2 * _Z90) * np.exp(-log_sd[rows].mean(axis=0))) ** 2
        values = np.stack([(z.sum(axis=0) / n) ** 2 / _Z90**2 - own, (sign @ z / n) ** 2 / _Z90**2, 1 / n])
    return [values[:, np.isfinite(values).all(axis=0) & (n == rows.size)]]


def _share(values: FloatMatrix) -> float:
    if values.shape[1] == 0:
        return 0.0
    distance, noise = np.quantile(values[:2], _LEVEL, axis=1)
    return max(float(distance - noise), float(np.quantile(values[0] - values[2], _LEVEL)), 0.0)

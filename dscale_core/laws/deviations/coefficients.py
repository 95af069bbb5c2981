"""How much of a control each point's draws want: the coefficient of a control variate.

ψ_k = E[δ − ρ (S − E S)] whatever ρ is, and the variance of what is averaged is least at ρ = Cov(δ, S) / Var(S): next to 1
where the surrogate S follows the draws, next to 0 where it does not, and the law is then that of the draws alone. So ρ is
estimated for each point at four sizes (linear in log k between them), from how draws and control vary about their own means,
which are a line in 1/k here; about a prior of 1, for a few draws tell little.
(Owen, *Monte Carlo theory, methods and examples*, §8.9.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.problem import Guide
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["with_coefficients"]

# Sizes, and standard deviation of ρ about 1. A surrogate that follows is within it; of one that does not, twenty draws tell.
# test_coefficients.py::test_a_control_counts_as_far_as_it_explains_the_draws
_KNOTS, _DEVIATION = 4, 0.3
_LARGEST = 2.0
_FEWEST = 6  # draws of a point: two for the means, and four to tell
_ROUNDS = 5  # of the noise, which is about its end after two
_BLOCK = 2_000_000  # draws looked at together; speed and memory alone: test_coefficients.py::test_blocks_change_nothing
_TINY = np.finfo(np.float64).tiny


def with_coefficients(guide: Guide, delta: NDArray[np.float64], sizes: FloatVector) -> Guide:
    """The guide whose control is E S + ρ (S − E S), with each point's coefficients; needs a control.

    delta (m, p) at sizes (m,): the draws that the control is of. The guide's error counts by ρ: the rest of it is in the
    draws' deviations too.
    """
    assert guide.control is not None
    width = max(1, _BLOCK // sizes.size)
    columns = [slice(start, start + width) for start in range(0, delta.shape[1], width)]
    rho = np.concatenate([_coefficients(delta[:, c], guide.control[:, c], sizes) for c in columns], axis=1)
    along, drawn = (_between(k, sizes) @ rho for k in (guide.sizes, sizes))
    modes = None if guide.modes is None else along * guide.modes
    steadied = drawn * guide.control + (1 - drawn) * guide.at(sizes)
    return replace(guide, modes=modes, control=steadied)


def _between(k: FloatVector, sizes: FloatVector) -> FloatMatrix:
    """Weights of the four sizes, which are evenly spaced in log k over those of the draws, (k, 4)."""
    knots = np.linspace(np.log(sizes.min()), np.log(sizes.max()), _KNOTS)
    return np.stack([np.interp(np.log(k), knots, hat) for hat in np.eye(_KNOTS)], axis=1)


def _coefficients(delta: NDArray[np.float64], control: NDArray[np.float64], sizes: FloatVector) -> FloatMatrix:
    """ρ at the four sizes, (4, p)."""
    k = sizes[:, None]
    y, s = k * delta.astype(np.float64), k * control.astype(np.float64)
    seen = np.isfinite(y) & np.isfinite(s)
    unit = np.maximum(np.abs(np.where(seen, y, 0.0)).max(axis=0), _TINY)
    y, s = (
        _about_a_line(np.where(seen, y / unit, 0.0), seen, sizes),
        _about_a_line(np.where(seen, s / unit, 0.0), seen, sizes),
    )
    hats = _between(sizes, sizes)
    xx, xy = np.einsum("mi,mp,mj->pij", hats, s * s, hats), np.einsum("mi,mp->pi", hats, s * y)
    yy, n = (y * y).sum(axis=0), seen.sum(axis=0)
    degrees = np.maximum(n - 2, 1)
    # draws are kept in single precision
    least = np.finfo(np.float32).eps ** 2 * (yy + (s * s).sum(axis=0)) + _TINY
    noise = np.maximum(np.minimum(yy, ((y - s) ** 2).sum(axis=0)), least) / degrees
    prior = np.eye(_KNOTS) / _DEVIATION**2
    for _ in range(_ROUNDS):
        rho = np.linalg.solve(xx / noise[:, None, None] + prior, (xy / noise[:, None] + prior.sum(axis=0))[:, :, None])[
            :, :, 0
        ]
        left = yy - 2 * (rho * xy).sum(axis=1) + np.einsum("pi,pij,pj->p", rho, xx, rho)
        noise = np.maximum(left, least) / degrees
    return np.asarray(np.where(n >= _FEWEST, np.clip(rho, 0.0, _LARGEST).T, 1.0))


def _about_a_line(values: FloatMatrix, seen: NDArray[np.bool_], sizes: FloatVector) -> FloatMatrix:
    """What is left about a line in 1/k, each point's own; zero where missing."""
    basis = np.stack([np.ones(sizes.size), sizes.min() / sizes], axis=1)
    normal = np.einsum("mi,mp,mj->pij", basis, seen.astype(np.float64), basis) + 1e-9 * np.eye(2)
    line = np.linalg.solve(normal, np.einsum("mi,mp->pi", basis, values)[:, :, None])[:, :, 0]
    return np.asarray((values - basis @ line.T) * seen)

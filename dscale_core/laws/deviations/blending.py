"""Two accounts of ψ_k, one around the guide and one of the draws alone: at each size the more certain one counts more.

With few draws the guide is far more certain. With many it need not be: its mean is that of a limited number of coalitions,
and where the surrogate does not follow the draws, at some sizes or for some points, it leaves more noise than they had. So
each point's curve is, size by size,

    w G + (1 − w) A,   w = V_A / (V_A + V_G),

G being guide plus deviation and A the law of the draws alone. V is the variance that each claims, and what such laws lack
beside it (`misfit`): for A it is measured on held-out draws, for it bends less than the means of a learner do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.misfit import usual_misfit
from dscale_core.laws.problem import Problem
from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["Curve", "blended", "curve_of"]


@dataclass(frozen=True, eq=False)
class Curve:
    """ψ_k at some sizes (g, p), and independent directions of one standard deviation in which it may be off (q, g, p)."""

    psi: FloatMatrix
    modes: NDArray[np.float64]

    @property
    def variance(self) -> FloatMatrix:
        """Of ψ_k, (g, p)."""
        return np.asarray((self.modes**2).sum(axis=0))


def curve_of(laws: Laws, sizes: FloatVector) -> Curve:
    """Power laws at sizes (g,); their two modes are the roots of the covariance of (amplitude, α), carried along the law."""
    x = np.log(sizes / laws.center)
    f = np.exp(-laws.alpha * x[:, None])
    moves = np.stack([f, -laws.psi(laws.center) * x[:, None] * f])  # ψ_k with amplitude and with α, (2, g, p)
    values, vectors = np.linalg.eigh(laws.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return Curve(np.stack([laws.psi(k) for k in sizes]), np.einsum("igp,piq->qgp", moves, root))


def blended(around: Curve, alone: Laws, sizes: FloatVector, problem: Problem) -> Curve:
    """What both say at sizes (g,), evenly spaced in log k over those of the draws; ``around`` where ``alone`` says nothing.

    alone : with the misfit that was measured, if any
    """
    known = np.flatnonzero(np.isfinite(alone.c))
    draws = alone.take(known)
    other = curve_of(draws, sizes)
    variance = (draws.sigma * sizes[:, None] ** (-0.5 * draws.beta)) ** 2  # of one draw
    position, m = np.linspace(-1.0, 1.0, sizes.size), problem.delta.shape[0]
    own = usual_misfit(position, m, problem.guide)
    lacking = usual_misfit(position, m, None)
    if alone.misfit.shape[1]:
        lacking = np.interp(np.log(sizes), np.log(alone.misfit[0]), alone.misfit[1])
    lacking = lacking[:, None] * variance
    of_draws = other.variance + lacking
    of_guide = around.variance[:, known] + own[:, None] * variance
    weight = np.ones_like(around.psi)
    # tiny: where neither has any error
    weight[:, known] = of_draws / (of_draws + of_guide + np.finfo(np.float64).tiny)
    rest = 1.0 - weight[:, known]
    psi = weight * around.psi
    psi[:, known] += rest * other.psi
    modes = np.zeros((len(other.modes) + 1, *weight.shape))
    modes[:, :, known] = rest * np.concatenate([other.modes, np.sqrt(lacking)[None]])
    both = Curve(psi, np.concatenate([weight * around.modes, modes]))
    # both have seen the same coalitions: their errors are added up as if they were one
    summed = weight * np.sqrt(around.variance)
    summed[:, known] += rest * np.sqrt(of_draws)
    apart = np.sqrt(both.variance)
    return Curve(psi, both.modes * np.divide(summed, apart, out=np.ones_like(apart), where=apart > 0))

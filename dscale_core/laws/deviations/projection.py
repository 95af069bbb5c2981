"""From a curve to a law: the power law closest to guide plus deviation, what it cannot follow, and what may be off.

ψ_k is known as a curve: the guide, plus the law of the draws' deviations from it. The law reported is the closest power
law over the sampled sizes, errors counting in units of 1/k. What the curve has and the law has not is kept beside it
(`Laws.curve`), for no interval about the law is honest without it; so is the curve's own standard deviation, of which a law
that is tied to two parameters would show too little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dscale_core.intervals import Z90_ROUNDED
from dscale_core.laws.problem import Fitted, Problem
from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["Projected", "projected"]

# Enough for a curve of three powers of 1/k to be read between them to a thousandth; `Laws.curve` is kept at as many.
_CURVE_POINTS = 9
# The exponents that estimators consider, in steps between which a parabola is good to 3e-4:
# test_projection.py::test_the_projection_is_how_the_closest_law_follows_the_curve
_ALPHA = np.linspace(0.0, 4.0, 161)


@dataclass(frozen=True, eq=False)
class Projected:
    """fitted: the laws in scaled, centred units; curve, curve_deviation (p, 9) in the unit of the loss, as in `Laws`."""

    fitted: Fitted
    curve: FloatMatrix
    curve_deviation: FloatMatrix

    def on(self, laws: Laws) -> Laws:
        """The laws made of ``fitted``, with what is known beside them."""
        known = np.isfinite(laws.c)[:, None]
        curve, deviation = (np.where(known, values, np.nan) for values in (self.curve, self.curve_deviation))
        return replace(laws, guided=True, curve=curve, curve_deviation=deviation)


def projected(deviation: Laws, problem: Problem, scale: FloatVector) -> Projected:
    """The power laws closest to the problem's guide plus the deviation's laws, in units of ``scale`` (p,)."""
    assert problem.guide is not None
    x = np.linspace(np.log(deviation.min_size), np.log(deviation.max_size), _CURVE_POINTS)
    k = np.exp(x)
    x = x - np.log(problem.center)
    within = np.clip(k, problem.guide.sizes[0], problem.guide.sizes[-1])
    psi = (problem.guide.at(within) + np.stack([deviation.psi(size) for size in k])) / scale
    modes = problem.guide.modes_at(within) / scale
    alpha, amplitude, projection = _closest(psi, k, x)
    # ψ_k of the deviation moves with its (amplitude, α) along these two curves
    at_center = deviation.psi(problem.center) / scale
    f = np.exp(-deviation.alpha * x[:, None])
    moves = np.stack([f, -at_center * x[:, None] * f], axis=-1)  # (curve, p, 2)
    unit = np.stack([1 / scale, np.ones_like(scale)], axis=1)
    own = deviation.covariance * unit[:, :, None] * unit[:, None, :]
    through, by_mode = np.einsum("pic,cpj->pij", projection, moves), np.einsum("pic,qcp->pqi", projection, modes)
    covariance = np.einsum("pij,pjk,plk->pil", through, own, through) + np.einsum("pqi,pqj->pij", by_mode, by_mode)
    variance = np.einsum("cpi,pij,cpj->pc", moves, own, moves) + np.einsum("qcp,qcp->pc", modes, modes)
    half = Z90_ROUNDED * np.sqrt(covariance[:, 1, 1])
    fitted = replace(
        Fitted.empty(alpha.size),
        amplitude=amplitude,
        alpha=alpha,
        sigma=deviation.sigma * problem.center ** (-0.5 * deviation.beta) / scale,
        beta=deviation.beta,
        alpha_low=np.maximum(alpha - half, 0.0),
        alpha_high=alpha + half,
        covariance=covariance,
        at_bound=(alpha == _ALPHA[0]) | (alpha == _ALPHA[-1]),
    )
    bend = (psi - amplitude * np.exp(-alpha * x[:, None])) * scale
    return Projected(fitted, bend.T, np.sqrt(np.maximum(variance, 0.0)) * scale[:, None])


def _closest(psi: FloatMatrix, k: FloatVector, x: FloatVector) -> tuple[FloatVector, FloatVector, NDArray[np.float64]]:
    """α and amplitude of the power law closest to each column of psi (curve, p), and how both follow psi: (p, 2, curve)."""
    weight = (k / k.mean()) ** 2  # contributions fade about as 1/k: no size is to be bought at another's expense
    f = np.exp(-_ALPHA[:, None] * x)  # (n_alpha, curve)
    ff, fy = (f * f) @ weight, (f * weight) @ psi
    alpha = _highest(np.nan_to_num(fy**2 / ff[:, None], nan=-1.0))
    f = weight[:, None] * np.exp(-alpha * x[:, None])
    amplitude = (f * psi).sum(axis=0) / (f * np.exp(-alpha * x[:, None])).sum(axis=0)
    # the linearised projection on the tangent plane of the law
    f = np.exp(-alpha * x[:, None])
    J = np.stack([f, -amplitude * x[:, None] * f], axis=-1)  # (curve, p, 2)
    normal = np.einsum("cpi,c,cpj->pij", J, weight, J)
    diagonal = np.einsum("pii->pi", normal)
    # a curve of zero does not move with α: test_projection.py::test_a_curve_of_nothing_has_no_direction. Elsewhere 1e-9 is
    # far below the angle between the two directions, and above what rounding makes of it.
    normal = normal + np.eye(2) * (1e-9 * diagonal + np.finfo(np.float64).tiny)[:, None, :]
    projection = np.einsum("pij,cpj,c->pic", np.linalg.inv(normal), J, weight)
    return alpha, amplitude, projection


def _highest(gain: FloatMatrix) -> FloatVector:
    """α where each column of gain (n_alpha, p) is highest: a parabola through the best node and its neighbours."""
    best = gain.argmax(axis=0)
    inner = np.clip(best, 1, _ALPHA.size - 2)
    points = np.arange(gain.shape[1])
    left, middle, right = (gain[inner + step, points] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    step = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=bend < 0)
    between = _ALPHA[inner] + (_ALPHA[1] - _ALPHA[0]) * np.clip(step, -0.5, 0.5)
    return np.asarray(np.where(inner == best, between, _ALPHA[best]))

"""From a curve to a law: the power law closest to guide plus deviation, what it cannot follow, and what may be off.

ψ_k is known as a curve: the guide, plus the law of the draws' deviations from it, as far as the guide reaches. The law is
the closest power law over the sampled sizes, errors counting in units of 1/k. What the curve has and the law has not is kept
beside it (`Laws.curve`), for ψ_k follows it as far as it is known, and no interval is honest without it; so is the curve's
own standard deviation, of which a law that is tied to two parameters would show too little.

Where the curve hardly tells an exponent, since it is uncertain, bends or changes sign, the closest law may have any, and
beyond the sizes it would lead anywhere. So the distance has a normal prior of the exponent added to it, in units of the mean
square of the curve's error and of what no law can follow: α of such a point is drawn to those that other curves tell.
A formula alone says nothing of its error; about it there is no prior.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dscale_core.intervals import Z90_ROUNDED
from dscale_core.laws.deviations.curve import Curve, curve_of
from dscale_core.laws.problem import Fitted, Problem
from dscale_core.types import FloatMatrix, FloatVector, Laws, LawStatus

__all__ = ["Projected", "projected"]

# Of the sampled sizes: enough for a curve of three powers of 1/k to be read between them to a thousandth.
_CURVE_POINTS = 9
_APART = 1.02  # a size beyond is one that is this much larger, so that no two are the same
# Exponents that laws were seen to have, and growth, in steps between which a parabola is good to 3e-4:
# test_projection.py::test_the_projection_is_how_the_closest_law_follows_the_curve
_ALPHA = np.linspace(-1.0, 4.0, 201)
# Standard deviations of ψ_k, or of its growth, that tell its sign.
# test_projection.py::test_a_curve_that_changes_sign_or_grows_is_said_to
_CLEAR = 2.0


# An exponent of a standard deviation below .3 tells what is usual, where twenty do; else the prior is that of `shrinkage`.
# A tenth: what the closest law of a bent curve is off by in any case.
# test_projection.py::test_what_is_usual_is_told_by_exponents_that_are_known
_KNOWN, _FEWEST, _NARROWEST = 0.3, 20, 0.1
_USUAL = (1.0, 0.5)
_TO_DEVIATION = 1.349  # quartile distance of a normal over its standard deviation


@dataclass(frozen=True, eq=False)
class _Closest:
    """In scaled, centred units: alpha, amplitude, at_bound (p,), how alpha and amplitude follow psi, (p, 2, curve), and how
    far they move with one standard deviation of the prior's centre, (p, 2)."""

    alpha: FloatVector
    amplitude: FloatVector
    projection: NDArray[np.float64]
    by_prior: FloatMatrix
    at_bound: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Projected:
    """fitted: the laws in scaled, centred units; the others in the unit of the loss, as in `Laws`."""

    fitted: Fitted
    curve: FloatMatrix
    curve_deviation: FloatMatrix
    curve_sizes: FloatVector

    def on(self, laws: Laws) -> Laws:
        """The laws made of ``fitted``, with what is known beside them."""
        known = np.isfinite(laws.c)[:, None]
        curve, deviation = (np.where(known, values, np.nan) for values in (self.curve, self.curve_deviation))
        return replace(laws, guided=True, curve=curve, curve_deviation=deviation, curve_sizes=self.curve_sizes)


def projected(deviation: Laws, problem: Problem, scale: FloatVector) -> Projected:
    """The power laws closest to the problem's guide plus the deviation's laws, in units of ``scale`` (p,)."""
    assert problem.guide is not None
    guide = problem.guide
    sampled = np.geomspace(deviation.min_size, deviation.max_size, _CURVE_POINTS)
    k = np.concatenate([sampled, guide.sizes[guide.sizes > _APART * deviation.max_size]])
    within = np.clip(k, guide.sizes[0], guide.sizes[-1])
    beside = curve_of(deviation, k)
    curve = Curve(guide.at(within) + beside.psi, np.concatenate([guide.modes_at(within), beside.modes]))
    psi, modes = curve.psi / scale, curve.modes / scale
    x = np.log(k / problem.center)
    own = slice(sampled.size)
    found = _closest(psi[own], None if guide.modes is None else (modes[:, own] ** 2).sum(axis=0), sampled, x[own])
    by_mode = np.einsum("pic,qcp->pqi", found.projection, modes[:, own])
    covariance = np.einsum("pqi,pqj->pij", by_mode, by_mode) + found.by_prior[:, :, None] * found.by_prior[:, None, :]
    bend = psi - found.amplitude * np.exp(-found.alpha * x[:, None])
    known_bend = np.maximum(bend[own] ** 2 - (modes[:, own] ** 2).sum(axis=0), 0.0)
    half = Z90_ROUNDED * np.sqrt(covariance[:, 1, 1] + _of_bend(known_bend, psi[own], sampled, x[own]))
    fitted = replace(
        Fitted.empty(found.alpha.size),
        amplitude=found.amplitude,
        alpha=found.alpha,
        sigma=deviation.sigma * problem.center ** (-0.5 * deviation.beta) / scale,
        beta=deviation.beta,
        alpha_low=found.alpha - half,
        alpha_high=found.alpha + half,
        covariance=covariance,
        at_bound=found.at_bound,
        shape=None if guide.modes is None else _shape(psi[own], modes[:, own]),
    )
    return Projected(fitted, (bend * scale).T, np.sqrt(curve.variance).T, k)


def _of_bend(square: FloatMatrix, psi: FloatMatrix, k: FloatVector, x: FloatVector) -> FloatVector:
    """Variance of α of the law closest to a curve whose squared bends are known, over the weights that sizes may be given:
    that of a slope, (p,). Held by test_projection.py::test_the_exponent_of_a_bent_curve_is_the_less_known.
    """
    weight = k**2 / np.sum(k**2)
    spread = weight @ x**2 - (weight @ x) ** 2
    unit = np.maximum(weight @ psi**2, np.finfo(np.float64).tiny)
    return np.asarray(weight @ square / unit / spread)


def _shape(psi: FloatMatrix, modes: NDArray[np.float64]) -> NDArray[np.str_]:
    """``sign_change`` or ``grows`` where curves (g, p) clearly do, else empty, (p,)."""
    clear = np.where(np.abs(psi) > _CLEAR * np.sqrt((modes**2).sum(axis=0)), np.sign(psi), 0.0)
    changes = (clear > 0).any(axis=0) & (clear < 0).any(axis=0)
    sign = np.sign(psi)
    growth = np.abs(psi[-1]) - np.abs(psi[0])
    of_growth = np.sqrt(((sign[-1] * modes[:, -1] - sign[0] * modes[:, 0]) ** 2).sum(axis=0))
    grows = (clear[-1] != 0) & (growth > _CLEAR * of_growth) & ~changes
    named = np.where(changes, LawStatus.SIGN_CHANGE.value, np.where(grows, LawStatus.GROWS.value, ""))
    return np.asarray(named, dtype=np.str_)


def _closest(psi: FloatMatrix, variance: FloatMatrix | None, k: FloatVector, x: FloatVector) -> _Closest:
    """The power law closest to each column of psi (curve, p); without its variance there is no prior (see module)."""
    weight = (k / k.mean()) ** 2  # contributions fade about as 1/k: no size is to be bought at another's expense
    f = np.exp(-_ALPHA[:, None] * x)  # (n_alpha, curve)
    ff, fy = (f * f) @ weight, (f * weight) @ psi
    gain = np.nan_to_num(fy**2 / ff[:, None], nan=-1.0)
    free = _highest(gain)
    amplitude, J, normal = _tangent(psi, free, weight, x)
    # mean square of what the curve may be off by and of what no law can follow
    error = np.zeros_like(psi) if variance is None else variance
    square = weight @ (error + (psi - amplitude * J[:, :, 0]) ** 2) / k.size
    known = square < _KNOWN**2 * (normal[:, 1, 1] - normal[:, 0, 1] ** 2 / normal[:, 0, 0])
    middle, width = _usual_exponents(free[known])
    strength = square / width**2 if variance is not None else np.zeros_like(square)
    alpha = _highest(gain - strength * (_ALPHA[:, None] - middle) ** 2)
    amplitude, J, normal = _tangent(psi, alpha, weight, x)
    normal[:, 1, 1] += strength
    inverse = np.linalg.inv(normal)
    return _Closest(
        alpha=alpha,
        amplitude=amplitude,
        projection=np.einsum("pij,cpj,c->pic", inverse, J, weight),
        by_prior=inverse[:, :, 1] * (strength * width)[:, None],
        at_bound=(known | (variance is None)) & ((free == _ALPHA[0]) | (free == _ALPHA[-1])),
    )


def _tangent(
    psi: FloatMatrix, alpha: FloatVector, weight: FloatVector, x: FloatVector
) -> tuple[FloatVector, NDArray[np.float64], NDArray[np.float64]]:
    """The closest law's amplitude at these exponents, how the law moves with both (curve, p, 2), and J' W J (p, 2, 2)."""
    f = np.exp(-alpha * x[:, None])
    amplitude = weight @ (f * psi) / (weight @ (f * f))
    J = np.stack([f, -amplitude * x[:, None] * f], axis=-1)
    normal = np.einsum("cpi,c,cpj->pij", J, weight, J)
    diagonal = np.einsum("pii->pi", normal)
    # a curve of zero does not move with α: test_projection.py::test_a_curve_of_nothing_has_no_direction. Elsewhere 1e-9 is
    # far below the angle between the two directions, and above what rounding makes of it.
    return amplitude, J, normal + np.eye(2) * (1e-9 * diagonal + np.finfo(np.float64).tiny)[:, None, :]


def _usual_exponents(known: FloatVector) -> tuple[float, float]:
    """Centre and spread of exponents that are known; what is usual where these are few."""
    if known.size < _FEWEST:
        return _USUAL
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    return float(middle), max(float(high - low) / _TO_DEVIATION, _NARROWEST)


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

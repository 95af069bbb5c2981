"""Empirical Bayes around a formula: draws correct what the learner's own expansion expects, as far as they disagree.

Where a learner can say without any draw what ψ_k should be (`Learner.expected_contributions`), the draws' deviations from
it are themselves fitted by `shrinkage`: its prior learns from all points how large deviations are, so a good formula is
followed and a bad one is overruled. The law reported is the power law closest to formula plus deviation over the sampled
sizes. Its intervals carry the deviation's uncertainty, and the error that held-out passes show (`misfit`).

The formula never replaces draws: it enters with the weight that they give it. A formula that errs alike for all points at
sizes with few draws cannot be found out there; compare with `shrinkage`, and see the held-out accuracy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.laws.misfit import measure_misfit
from dscale_core.laws.prepare import Fitted, Problem, finish, screen
from dscale_core.laws.shrinkage import fit_draws
from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["fit", "guide_at"]

_CURVE_POINTS = 9
_ALPHA = np.linspace(0.0, 4.0, 161)


def guide_at(sizes: ArrayLike, expected: ArrayLike, at: ArrayLike) -> FloatMatrix:
    """Expected contributions (g, p) at sizes (g,), read at the sizes ``at`` (m,): k ψ_k, linear in log k; (m, p).

    Raises ArgumentError where shapes do not go together, or ``at`` leaves the range of the sizes.
    """
    k, psi, wanted = (np.asarray(v, dtype=np.float64) for v in (sizes, expected, at))
    if k.ndim != 1 or psi.ndim != 2 or psi.shape[0] != k.size or not np.all(np.isfinite(psi)):
        raise ArgumentError("expected", f"be finite, one row for each of {k.size} sizes", psi.shape, "Pass (g, p) values.")
    if wanted.min() < k.min() * 0.999 or wanted.max() > k.max() * 1.001:
        raise ArgumentError(
            "sizes", f"span {wanted.min():g} to {wanted.max():g}", f"{k.min():g} to {k.max():g}", "Add sizes."
        )
    listed, first = np.unique(k, return_index=True)
    log_k, flat = np.log(listed), psi[first] * listed[:, None]
    right = np.clip(np.searchsorted(log_k, np.log(wanted)), 1, max(listed.size - 1, 1))
    if listed.size == 1:
        return np.repeat(flat, wanted.size, axis=0) / wanted[:, None]
    share = np.clip((np.log(wanted) - log_k[right - 1]) / (log_k[right] - log_k[right - 1]), 0.0, 1.0)[:, None]
    return np.asarray(((1 - share) * flat[right - 1] + share * flat[right]) / wanted[:, None])


def fit(problem: Problem) -> Laws:
    """Fit every usable point. Raises ArgumentError without a guide, or where draws of a coalition differ in size."""
    if problem.guide is None:
        remedy = "Fit through a study whose learner has a formula, or use shrinkage."
        raise ArgumentError("guide", 'be given for the method "guided"', "None", remedy)
    if problem.x.ndim == 2:
        raise ArgumentError("sizes", "have one size a coalition", problem.sizes.shape, "Use shrinkage.")
    laws = _fit(problem)
    return replace(laws, misfit=measure_misfit(problem, screen(problem), laws, _fit))


def _fit(problem: Problem) -> Laws:
    assert problem.guide is not None
    screened = screen(problem)
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = fit_draws(replace(problem, delta=problem.delta - problem.guide))
    curve_x = np.linspace(problem.x.min(), problem.x.max(), _CURVE_POINTS)
    k = problem.center * np.exp(curve_x)
    guide = guide_at(problem.sizes, problem.guide, np.clip(k, problem.sizes.min(), problem.sizes.max()))
    scale = np.where(screened.scale > 0, screened.scale, 1.0)
    psi = (guide + np.stack([deviation.psi(size) for size in k])) / scale
    alpha, amplitude, projection = _closest(psi, deviation, k, curve_x, scale)
    fitted = Fitted.empty(problem.n_points)
    at_center = deviation.c * problem.center**-deviation.alpha / scale
    # ψ_k of the deviation moves with its (amplitude, α) along these two curves
    f = np.exp(-deviation.alpha * curve_x[:, None])
    moves = np.stack([f, -at_center * curve_x[:, None] * f], axis=-1)  # (curve, p, 2)
    unit = np.stack([1 / scale, np.ones_like(scale)], axis=1)
    own = deviation.covariance * unit[:, :, None] * unit[:, None, :]
    through = np.einsum("pic,cpj->pij", projection, moves)
    covariance = np.einsum("pij,pjk,plk->pil", through, own, through)
    half = 1.6448536269514722 * np.sqrt(covariance[:, 1, 1])
    for name, value in (("amplitude", amplitude), ("alpha", alpha), ("covariance", covariance), ("beta", deviation.beta)):
        getattr(fitted, name)[:] = value
    fitted.sigma[:] = deviation.sigma * problem.center ** (-0.5 * deviation.beta) / scale
    fitted.alpha_low[:], fitted.alpha_high[:] = np.maximum(alpha - half, 0.0), alpha + half
    return finish("guided", problem, screened, fitted)


def _closest(
    psi: FloatMatrix, deviation: Laws, k: FloatVector, curve_x: FloatVector, scale: FloatVector
) -> tuple[FloatVector, FloatVector, NDArray[np.float64]]:
    """α and amplitude of the power law closest to each column of psi (curve, p), and how both follow psi: (p, 2, curve)."""
    noise = np.stack([deviation.sigma * size ** (-0.5 * deviation.beta) for size in k]) / scale
    weight = 1 / noise**2  # the law is to be close where contributions are told apart most finely
    weight = np.where(np.isfinite(weight), weight, 0.0)
    f = np.exp(-_ALPHA[:, None] * curve_x)  # (n_alpha, curve)
    ff, fy = (f * f) @ weight, f @ (weight * psi)
    gain = np.divide(fy**2, ff, out=np.zeros_like(fy), where=ff > 0)
    best = np.nan_to_num(gain, nan=-1.0).argmax(axis=0)
    points = np.arange(psi.shape[1])
    alpha, amplitude = _ALPHA[best], np.divide(fy, ff, out=np.zeros_like(fy), where=ff > 0)[best, points]
    # the linearised projection on the tangent plane of the law
    f = np.exp(-alpha * curve_x[:, None])
    J = np.stack([f, -amplitude * curve_x[:, None] * f], axis=-1)  # (curve, p, 2)
    normal = np.einsum("cpi,cp,cpj->pij", J, weight, J)
    diagonal = np.einsum("pii->pi", normal)
    normal = normal + np.eye(2) * (1e-9 * diagonal + np.finfo(np.float64).tiny)[:, None, :]
    projection = np.einsum("pij,cpj,cp->pic", np.linalg.inv(normal), J, weight)
    return alpha, amplitude, projection

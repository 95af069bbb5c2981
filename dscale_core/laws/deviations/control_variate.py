"""A guide from a learner's surrogate: its mean over many coalitions, and its value on the coalitions that were drawn.

A surrogate costs a small part of an exact contribution and follows it closely, draw by draw. So ψ_k = E[S] + E[δ − S]: the
first mean is taken over many coalitions that only the surrogate sees, the second over the few that were drawn exactly, where
δ and S share most of their noise. Nothing is assumed of S, which may be biased: what it gets wrong is in the second mean.
(The surrogate as a control variate whose expectation is estimated; Owen, *Monte Carlo theory, methods and examples*, §8.9.)

E[S] is fitted to all of the surrogate's draws, those of the exact ones' coalitions among them: the more of these there are,
the less depends on the others. The learner's formula is taken off first, as far as they follow it (`formula`). The fit is
b₁ r + b₂ r² + b₃ r³ + b₄ r⁴ in r = k₀/k, by weighted least squares with normal priors N(0, τᵢ² s²) on the coefficients: s²
is a point's noise and the τᵢ are learned from all points by expectation and maximisation. With weights that are only about
right b has covariance

    A⁻¹ (Σ w² e² x x' + s² T⁻¹) A⁻¹,   A = Σ w x x' + T⁻¹,   T = diag τ²,

which is the posterior's where the weights are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.laws.deviations.formula import followed
from dscale_core.laws.problem import Guide, evenly_spaced
from dscale_core.types import Draws, FloatMatrix, FloatVector, IntVector, SurrogateDraws

__all__ = ["LEAST_DRAWS", "guide_from_surrogate"]

# Three powers of 1/k followed the means of a learner over a decade of sizes with R² of .991 to .999, two with .964 to .995;
# the fourth is for the smallest sizes of steep curves (pol at k = 100: R² .87, not .83), and elsewhere τ leaves it out.
_TERMS = np.array([1.0, 2.0, 3.0, 4.0])
# With 400 draws τ² is then within a tenth of where it would end; with few, that of terms that are hardly there is still
# wide, which errs on the side of the draws. It starts wide, in units of the noise, so that only what is seen narrows it.
# test_surrogate_regressions.py::test_mean_and_error_are_those_of_bayesian_regressions
_ROUNDS = 15
_WIDE, _NARROW = 10.0, 1e-8  # narrow: a term is as good as left out, and its precision still a number
# Points that the noise's one exponent is taken from; more would only take longer.
# test_surrogate_regressions.py::test_the_noise_exponent_is_taken_from_evenly_spaced_points
_WEIGHT_POINTS = 400
_FILLINGS = 3  # rounds of filling missing draws: test_control_variate.py::test_missing_draws_do_not_pass_for_quiet_ones
_BLOCK = 4_000_000  # draws looked at together; speed and memory alone: test_control_variate.py::test_batches_equal_the_whole
# Of the surrogate alone: four a term. test_control_variate.py::test_bad_calls_are_refused
LEAST_DRAWS = 16


@dataclass(frozen=True, eq=False)
class _Sums:
    """Weighted sums over draws: xx (p, terms, terms), xy (p, terms), yy (p,) and the number of draws n (p,)."""

    xx: NDArray[np.float64]
    xy: FloatMatrix
    yy: FloatVector
    n: FloatVector


def guide_from_surrogate(
    found: SurrogateDraws, sizes: FloatVector, formula: Guide | None = None, own_sizes: IntVector | None = None
) -> Guide:
    """The guide at increasing ``sizes`` (g,), of the points whose surrogate was drawn.

    formula : what the learner expects without draws, at sizes that span these and those of the surrogate's draws
    own_sizes : (m,) those of the coalitions of ``found.own``, which then have their part in the mean
    Raises ArgumentError below 16 surrogate draws or where one of them is infinite.
    """
    many = found.many if own_sizes is None else _together(found, own_sizes)
    if many.sizes.size < LEAST_DRAWS:
        required = f"hold at least {LEAST_DRAWS} coalitions"
        raise ArgumentError("many", required, many.sizes.size, "Draw the surrogate of more coalitions.")
    if np.isinf(many.delta).any():
        raise ArgumentError("many", "be finite where present", "infinite draws", "Leave the surrogate out.")
    formula = None if formula is None else followed(formula, many)
    k = many.sizes.astype(np.float64)
    center = float(np.exp(np.log(k).mean()))
    X = (center / k)[:, None] ** _TERMS
    weight = (k / center) ** _noise_exponent(many, formula, X)
    p = many.points.size
    width = max(1, _BLOCK // k.size)
    blocks = [np.arange(start, min(start + width, p)) for start in range(0, p, width)]
    parts = [_sums(X, weight, *_less_formula(many, formula, columns)) for columns in blocks]
    sums = _Sums(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Sums.__dataclass_fields__))
    inverse, b, noise, precision = _learn(sums)
    meat = np.concatenate([_meat(X, weight, *_less_formula(many, formula, c), b[c]) for c in blocks])
    covariance = inverse @ (meat + noise[:, None, None] * np.diag(precision)) @ inverse
    at = (center / sizes)[:, None] ** _TERMS
    expected, modes = at @ b.T, np.einsum("gi,piq->qgp", at, _root(covariance))
    if formula is not None:
        expected, modes = expected + formula.at(sizes), np.concatenate([modes, formula.modes_at(sizes)])
    return Guide(sizes, expected, modes, found.own, found.rows)


def _together(found: SurrogateDraws, own_sizes: IntVector) -> Draws:
    """All draws of the surrogate: the more exact ones there are, the less the mean depends on the others."""
    many = found.many
    sizes = np.concatenate([many.sizes, own_sizes])
    return Draws(np.concatenate([many.delta, found.own]), sizes, np.arange(sizes.size), many.points, np.zeros(sizes.size))


def _less_formula(many: Draws, formula: Guide | None, columns: IntVector) -> tuple[FloatMatrix, FloatMatrix]:
    """Draws less the formula, zero where missing, and what is present, each (M, columns)."""
    y = many.delta[:, columns].astype(np.float64)
    if formula is not None:
        y -= formula.take(columns).at(many.sizes)
    seen = np.isfinite(y)
    y[~seen] = 0.0
    return y, seen.astype(np.float64)


def _noise_exponent(many: Draws, formula: Guide | None, X: FloatMatrix) -> float:
    """β such that the surrogate's noise falls like k^(−β/2), from some of the points; 2 where the sizes do not differ."""
    p, log_k = many.points.size, np.log(many.sizes)
    if np.ptp(log_k) == 0:
        return 2.0
    y, present = _less_formula(many, formula, evenly_spaced(p, _WEIGHT_POINTS))
    enough = present.sum(axis=0) > _TERMS.size
    y, seen = y[:, enough], present[:, enough] > 0
    w = 1.0 / X[:, :1]  # draws about alike in size
    line = np.zeros_like(y)
    for _ in range(_FILLINGS):  # a missing draw is as the others say
        line = X @ np.linalg.lstsq(X * w, np.where(seen, y, line) * w, rcond=None)[0]
    residual = np.where(seen, np.abs(y - line), np.nan)
    typical = np.nanmedian(residual * w, axis=0) if enough.any() else np.zeros(0)
    relative = residual[:, typical > 0] / typical[typical > 0]
    known = np.isfinite(relative).any(axis=1)
    if not known.any() or np.ptp(log_k[known]) == 0:  # silent points, or none with draws enough
        return 2.0
    share = np.nanmedian(relative[known], axis=1)
    if np.any(share <= 0):
        return 2.0
    # as `shrinkage` considers:
    # test_surrogate_regressions.py::test_exponents_of_noise_stay_between_zero_and_six
    return float(np.clip(-2 * np.polyfit(log_k[known], np.log(share), 1)[0], 0.0, 6.0))


def _sums(X: FloatMatrix, weight: FloatVector, y: FloatMatrix, seen: FloatMatrix) -> _Sums:
    weighted = X * weight[:, None]
    return _Sums(_outer_sums(X, weight[:, None] * seen), (weighted.T @ y).T, weight @ y**2, seen.sum(axis=0))


def _outer_sums(X: FloatMatrix, weight: FloatMatrix) -> NDArray[np.float64]:
    """Σ w x x' over draws for each column of weight (M, p), (p, terms, terms)."""
    n = X.shape[1]
    products = (X[:, :, None] * X[:, None, :]).reshape(-1, n * n)
    return np.asarray((products.T @ weight).T.reshape(-1, n, n))


def _learn(sums: _Sums) -> tuple[NDArray[np.float64], FloatMatrix, FloatVector, FloatVector]:
    """A⁻¹ (p, terms, terms), b (p, terms), s² (p,) and 1 / τ² (terms,)."""
    tau = np.full(_TERMS.size, _WIDE)
    degrees = np.maximum(sums.n - _TERMS.size, 1.0)
    for _ in range(_ROUNDS):
        inverse = np.linalg.inv(sums.xx + np.diag(1 / tau))
        b = np.einsum("pij,pj->pi", inverse, sums.xy)
        squares = sums.yy - 2 * (b * sums.xy).sum(axis=1) + np.einsum("pi,pij,pj->p", b, sums.xx, b)
        # a sum of squares that cancels is good to 1e-12 of its parts; tiny, for points whose draws are all zero:
        # test_surrogate_regressions.py::test_draws_without_noise_and_points_without_draws_are_survived
        noise = np.maximum(squares, 1e-12 * sums.yy + np.finfo(np.float64).tiny) / degrees
        own = b**2 / noise[:, None] + np.einsum("pii->pi", inverse)
        tau = np.clip(own[sums.yy > 0].mean(axis=0), _NARROW, None) if np.any(sums.yy > 0) else tau
    return np.asarray(inverse), b, noise, 1 / tau


def _meat(X: FloatMatrix, weight: FloatVector, y: FloatMatrix, seen: FloatMatrix, b: FloatMatrix) -> NDArray[np.float64]:
    """Σ w² e² x x' of each point, (columns, terms, terms)."""
    return _outer_sums(X, ((y - X @ b.T) * weight[:, None]) ** 2 * seen)


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """R with R R' = covariance, (p, terms, q); what rounding makes negative counts as zero."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])

"""How far a learner's formula for ψ_k is followed: as far as the draws of its surrogate follow it.

The formula counts times γ(k), linear in log k between four sizes, by least squares over all points and draws, about a prior
of 1. Where it is wrong γ is next to zero, where it falls short γ is above one. Points at which it cannot be right are left
out of it: a mean is never larger than the root mean square of what it is the mean of, so twice that is no chance. One such
point may be wrong by a factor of a thousand, and would take the formula away from all others.

Points share their coalitions' noise, so one draw is one observation: the sum of its products over points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.problem import Guide
from dscale_core.types import Draws, FloatMatrix, FloatVector

__all__ = ["followed"]

# γ at four sizes, about as many as 200 draws tell apart. Formulas that were right had γ of 1.0 to 1.3 at large sizes, to .2.
# test_formula.py::test_a_formula_counts_as_far_as_the_surrogate_follows_it
_KNOTS, _GAMMA_DEVIATION = 4, 0.2
# Root mean squares of the draws: beyond is not chance, and not a formula that falls short or exceeds by a γ.
# test_formula.py::test_one_point_that_cannot_be_right_is_left_out_and_the_others_stay
_FARTHEST = 2.0
_TINY = np.finfo(np.float64).tiny


def followed(formula: Guide, many: Draws) -> Guide:
    """γ(k) times the formula, with γ's error as modes; zero at points where it cannot be right.

    many : draws of the surrogate, of the formula's points, at sizes that the formula's span
    """
    said, drawn = _alike(formula, many)
    possible = _possible(said, drawn, many.sizes)
    said, drawn = said[:, possible], drawn[:, possible]
    log_k = np.log(many.sizes)
    knots = np.linspace(log_k.min(), log_k.max(), _KNOTS) if np.ptp(log_k) > 0 else log_k[:1]
    gamma, root = _gamma((said**2).sum(axis=1), (said * drawn).sum(axis=1), _hats(log_k, knots))
    at = _hats(np.log(formula.sizes), knots)
    expected = np.where(possible, formula.expected, 0.0)
    return Guide(formula.sizes, (at @ gamma)[:, None] * expected, (at @ root).T[:, :, None] * expected)


def _alike(formula: Guide, many: Draws) -> tuple[FloatMatrix, FloatMatrix]:
    """What the formula says of each draw and the draw, times k and so about alike, in units of the largest draw."""
    k = many.sizes[:, None]
    said, drawn = k * formula.at(many.sizes), k * many.delta.astype(np.float64)
    seen = np.isfinite(drawn)
    unit = max(float(np.abs(drawn[seen]).max(initial=0.0)), _TINY)
    with np.errstate(over="ignore"):
        return np.where(seen, said / unit, 0.0), np.where(seen, drawn / unit, 0.0)


def _possible(said: FloatMatrix, drawn: FloatMatrix, sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Points whose formula is nowhere twice as large as the draws' root mean square, in bands of sizes."""
    bands = np.array_split(np.argsort(sizes, kind="stable"), _KNOTS)
    with np.errstate(over="ignore"):
        return np.asarray(
            np.all([(said[b] ** 2).sum(axis=0) <= _FARTHEST**2 * (drawn[b] ** 2).sum(axis=0) for b in bands], axis=0)
        )


def _hats(log_k: FloatVector, knots: FloatVector) -> FloatMatrix:
    """Linear interpolation between knots, as weights (sizes, knots)."""
    return np.stack([np.interp(log_k, knots, hat) for hat in np.eye(knots.size)], axis=1)


def _gamma(square: FloatVector, product: FloatVector, hats: FloatMatrix) -> tuple[FloatVector, FloatMatrix]:
    """γ at the knots and a root of its covariance, from each draw's sums over points of f² and of f δ."""
    total = float(square.sum())
    slope = float(product.sum()) / total if total > 0 else 1.0
    known = square > 0
    noise = float(np.mean((product - slope * square)[known] ** 2 / square[known])) if known.any() else 1.0
    precision = (hats.T * square) @ hats / max(noise, _TINY) + np.eye(hats.shape[1]) / _GAMMA_DEVIATION**2
    covariance = np.linalg.inv(precision)
    gamma = covariance @ (hats.T @ product / max(noise, _TINY) + 1 / _GAMMA_DEVIATION**2)
    return gamma, np.linalg.cholesky(covariance)

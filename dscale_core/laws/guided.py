"""An estimator around a formula: draws correct what the learner's own expansion expects, as far as they disagree.

Where a learner can say without any draw what ψ_k should be (`Guide`), an estimator is given the draws' deviations from it:
they are smaller and more alike than the draws, so a good formula is followed and a bad one overruled. The law reported is
the power law closest to formula plus deviation over the sampled sizes, errors counting in units of 1/k. The formula acts
as a control variate whose expectation is known: what it removes from the draws is put back in full.

The formula never replaces draws, and whether it helps is decided by draws: passes are halved, each half's draws are
predicted from the other with and without it, and where it does not lower the error nothing of it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.laws.halving import halves, sample_columns, select
from dscale_core.laws.misfit import measure_misfit
from dscale_core.laws.prepare import Fitted, Problem, finish, screen
from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["around", "around_by_share", "best_around", "helps", "projected", "shrunk", "with_misfit"]

_CURVE_POINTS = 9
_ALPHA = np.linspace(0.0, 4.0, 161)
_FEWEST_DRAWS = 8  # below, halves say nothing
_CONTRADICTED = 2.0  # standard errors
_SLOPE_AT = (1, 5)  # of the seven sizes at which misfit is measured
_MOST_ALPHA = 2 * _ALPHA[-1]  # an interval that says nothing
_Z95 = 1.6448536269514722
Fit = Callable[[Problem], Laws]


def best_around(problem: Problem, fit: Fit) -> Fit:
    """``fit`` itself, or its version around the problem's guide where that predicts held-out draws better."""
    return partial(around, fit=fit) if helps(problem, fit) else fit


def helps(problem: Problem, fit: Fit) -> bool:
    """Whether ``fit`` predicts held-out draws at least as well around the problem's guide; False without a guide.

    Fewer than eight draws are not halved: the formula, which has seen none of them, is then left out where they contradict
    it, by more than their own scatter.
    Raises ArgumentError where draws of one coalition differ in size.
    """
    if problem.guide is None:
        return False
    if problem.x.ndim == 2:
        raise ArgumentError("sizes", "have one size a coalition with a guide", problem.sizes.shape, "Leave out the guide.")
    columns = sample_columns(screen(problem))
    if columns.size == 0:
        return False
    m = problem.delta.shape[0]
    part = select(problem, np.arange(m), columns)
    if m < _FEWEST_DRAWS:
        return _explains(part)
    gain = 0.0
    for train, test, _ in halves(part, splits=1):
        half = select(part, train, np.arange(columns.size))
        plain, other = fit(half), around(half, fit)
        with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
            noise = np.stack([plain.sigma * k ** (-0.5 * plain.beta) for k in part.sizes[test]])
            off = [((part.delta[test] - np.stack([law.psi(k) for k in part.sizes[test]])) / noise) for law in (plain, other)]
            better = off[0] ** 2 - off[1] ** 2
        gain += float(better[np.isfinite(better)].sum())
    return gain >= 0.0


def _explains(part: Problem) -> bool:
    """Whether draws are smaller less what the guide expects of them, or not clearly larger; all points weigh alike."""
    assert part.guide is not None
    scale = np.abs(np.where(np.isfinite(part.delta), part.delta, 0.0)).max(axis=0, initial=0.0)
    size = (part.sizes / part.sizes.max())[:, None]
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        draws, expected = size * part.delta / scale, size * part.guide.at(part.sizes) / scale
        gain = draws**2 - (draws - expected) ** 2
    by_draw = np.where(np.isfinite(gain), gain, 0.0).sum(axis=1)
    scatter = by_draw.std(ddof=1) / np.sqrt(by_draw.size) if by_draw.size > 1 else 0.0
    return bool(by_draw.mean() >= -_CONTRADICTED * scatter)


def around(problem: Problem, fit: Fit) -> Laws:
    """The laws of ``fit`` on deviations from the guide, put back on it."""
    return _put_back(problem, _deviations(problem, fit), 1.0)


def around_by_share(problem: Problem, fit: Fit, n_points: int) -> tuple[Laws, float]:
    """The same for an estimator that does not shrink by itself: laws with their misfit, and the share of deviations kept.

    Half of the passes predicts the other half's deviations; the slope of what is found on what was predicted, raised to
    what twice the draws deserve, is the share. ``fit`` runs on at most ``n_points`` points for each half. With fewer
    than eight draws nothing tells noise and deviation apart, and the formula stands alone.
    """
    screened = screen(problem)
    columns = sample_columns(screened, n_points)
    every = np.arange(columns.size)
    m = problem.delta.shape[0]
    part = replace(select(problem, np.arange(m), columns), on_progress=None)
    known: list[Laws] = []
    explained, product = 0.0, 0.0
    for train, test, _ in halves(part, splits=1) if m >= _FEWEST_DRAWS else ():
        known.append(_deviations(select(part, train, every), fit))
        one, other = _slope(select(part, test, every), known[-1])
        explained, product = explained + one, product + other
    half = float(np.clip(product / explained, 0.0, 1.0)) if explained > 0 else 0.0
    share = 2 * half / (1 + half)  # signal / (signal + noise), with half the noise
    laws = _put_back(problem, _deviations(problem, fit), share)
    again = iter(known)
    misfit = measure_misfit(part, screen(part), laws.take(columns), lambda p: _put_back(p, next(again), half), n_points, 1)
    return with_misfit(laws, misfit), share


def with_misfit(laws: Laws, misfit: FloatMatrix) -> Laws:
    """The laws with what their intervals lack; around a formula the exponent's interval lacks it too.

    Draws tell little of the exponent of a law that follows a formula. If the law is off by its own error at two sizes, each
    for itself, its slope between them is off by the two relative errors over the distance in log k.
    """
    laws = replace(laws, misfit=misfit)
    if not laws.guided or misfit.shape[1] < _SLOPE_AT[1] + 1:
        return laws
    ends = misfit[:, _SLOPE_AT]
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        own = [share * (laws.sigma * k ** (-0.5 * laws.beta) / laws.psi(k)) ** 2 for k, share in ends.T]
        half = np.nan_to_num(_Z95 * np.sqrt(own[0] + own[1]) / np.log(ends[0, 1] / ends[0, 0]), posinf=np.inf)
        low = laws.alpha - np.hypot(half, laws.alpha - laws.alpha_low)
        high = laws.alpha + np.hypot(half, laws.alpha_high - laws.alpha)
    return replace(laws, alpha_low=np.maximum(low, 0.0), alpha_high=np.minimum(high, _MOST_ALPHA))


def _slope(part: Problem, deviation: Laws) -> tuple[float, float]:
    """Sums over draws of squared predicted deviations, and of predicted times found ones, in units of the noise."""
    assert part.guide is not None
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        noise = np.stack([deviation.sigma * k ** (-0.5 * deviation.beta) for k in part.sizes])
        predicted = np.stack([deviation.psi(k) for k in part.sizes]) / noise
        product = predicted * (part.delta - part.guide.at(part.sizes)) / noise
    known = np.isfinite(product)
    return float((predicted[known] ** 2).sum()), float(product[known].sum())


def _deviations(problem: Problem, fit: Fit) -> Laws:
    assert problem.guide is not None
    with np.errstate(over="ignore", invalid="ignore"):
        delta = problem.delta - problem.guide.at(problem.sizes)
    return fit(replace(problem, delta=delta, guide=None))


def _put_back(problem: Problem, deviation: Laws, share: float) -> Laws:
    screened = screen(problem)
    scale = np.where(screened.scale > 0, screened.scale, 1.0)
    laws = finish(deviation.method, problem, screened, projected(shrunk(deviation, share), problem, scale))
    return replace(laws, guided=True)


def shrunk(deviation: Laws, share: float) -> Laws:
    """Deviations times ``share``, with their intervals."""
    stretch = np.array([[share * share, share], [share, 1.0]])
    return replace(deviation, c=share * deviation.c, covariance=deviation.covariance * stretch)


def projected(deviation: Laws, problem: Problem, scale: FloatVector) -> Fitted:
    """The power laws closest to the problem's guide plus the deviation's laws, in units of ``scale`` (p,)."""
    assert problem.guide is not None
    x = np.linspace(np.log(deviation.min_size), np.log(deviation.max_size), _CURVE_POINTS)
    k = np.exp(x)
    x = x - np.log(problem.center)
    guide = problem.guide.at(np.clip(k, problem.guide.sizes[0], problem.guide.sizes[-1]))
    psi = (guide + np.stack([deviation.psi(size) for size in k])) / scale
    alpha, amplitude, projection = _closest(psi, k, x)
    fitted = Fitted.empty(psi.shape[1])
    at_center = deviation.psi(problem.center) / scale
    # ψ_k of the deviation moves with its (amplitude, α) along these two curves
    f = np.exp(-deviation.alpha * x[:, None])
    moves = np.stack([f, -at_center * x[:, None] * f], axis=-1)  # (curve, p, 2)
    unit = np.stack([1 / scale, np.ones_like(scale)], axis=1)
    own = deviation.covariance * unit[:, :, None] * unit[:, None, :]
    through = np.einsum("pic,cpj->pij", projection, moves)
    covariance = np.einsum("pij,pjk,plk->pil", through, own, through)
    half = _Z95 * np.sqrt(covariance[:, 1, 1])
    for name, value in (("amplitude", amplitude), ("alpha", alpha), ("covariance", covariance), ("beta", deviation.beta)):
        getattr(fitted, name)[:] = value
    fitted.at_bound[:] = (alpha == _ALPHA[0]) | (alpha == _ALPHA[-1])
    fitted.sigma[:] = deviation.sigma * problem.center ** (-0.5 * deviation.beta) / scale
    fitted.alpha_low[:], fitted.alpha_high[:] = np.maximum(alpha - half, 0.0), alpha + half
    return fitted


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

"""An estimator around a guide: draws correct what is known of ψ_k beside them, as far as they disagree.

Where a learner can say what ψ_k should be (`Guide`: its formula, its surrogate, or both), an estimator is given the draws'
deviations from it: they are smaller and more alike than the draws, so a good guide is followed and a bad one overruled. The
guide acts as a control variate whose expectation is known: what it removes from the draws is put back in full. With a
surrogate's value for each draw, deviations are free of the noise that both share, and a few draws say as much as thousands;
with a formula alone they keep it. The law reported is the power law closest to guide plus deviation (`projection`).

The guide never replaces draws, and whether it helps is decided by draws: a control must leave less of them than there was,
a formula must predict held-out draws at least as well; else nothing of it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.intervals import Z90_ROUNDED
from dscale_core.laws.deviations.draw_noise import with_noise_of_draws
from dscale_core.laws.deviations.projection import projected
from dscale_core.laws.fit_to_means import lack_of_fit
from dscale_core.laws.misfit import measure_misfit
from dscale_core.laws.problem import Guide, Problem, finish, halves, sample_columns, screen, select
from dscale_core.types import FloatMatrix, Laws, LawStatus

__all__ = ["around", "around_by_share", "shrunk", "with_helpful_guide", "with_misfit"]

# Below, halves say nothing: a law has four parameters. test_guide_decisions.py::test_fewer_than_eight_draws_are_not_halved
_FEWEST_DRAWS = 8
# Standard errors: chance alone leaves out one right formula in forty.
# test_guide_decisions.py::test_a_formula_must_not_be_contradicted_clearly_and_a_control_not_at_all
_CONTRADICTED = 2.0
# Degrees of freedom by which held-out draws are judged: few enough that no draw decides alone, and near ±1 noise almost
# squares. test_guide_decisions.py::test_one_wild_draw_does_not_decide_for_all
_TAILS = 4.0
# Of the seven sizes at which misfit is measured: far apart, and not the ends, where curves are least certain.
_SLOPE_AT = (1, 5)
_SLOPE_SHARE = 0.25  # of the variance of both errors, which share the rest as neighbouring parts of a smooth curve
# An interval up to here says nothing: twice the largest exponent that is considered. These three are held by
# test_guide_decisions.py::test_the_exponents_interval_lacks_what_two_sizes_lack and
# test_guide_decisions.py::test_an_exponent_is_known_to_lie_between_minus_one_and_eight.
_LEAST_ALPHA, _MOST_ALPHA = -1.0, 8.0
Fit = Callable[[Problem], Laws]


def with_helpful_guide(problem: Problem, fit: Fit) -> Problem:
    """The problem, without its guide where that does not help ``fit``: then nothing of it is used anywhere."""
    return problem if _helps(problem, fit) else replace(problem, guide=None)


def _helps(problem: Problem, fit: Fit) -> bool:
    """Whether ``fit`` predicts held-out draws at least as well around the problem's guide; False without a guide.

    A guide with a control has the right mean by itself: it helps where it leaves less of the draws than there was. Fewer
    than eight draws are not halved either: the formula, which has seen none of them, is then left out where they contradict
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
    if m < _FEWEST_DRAWS or problem.guide.control is not None:
        return _explains(part)
    gain = 0.0
    for train, test, _ in halves(part, splits=1):
        half = select(part, train, np.arange(columns.size))
        plain, other = fit(half), around(half, fit)
        with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
            noise = np.stack([plain.sigma * k ** (-0.5 * plain.beta) for k in part.sizes[test]])
            off = [((part.delta[test] - np.stack([law.psi(k) for k in part.sizes[test]])) / noise) for law in (plain, other)]
            # as of Student's t: where few draws leave a point's noise too small, one draw is not to decide for all points
            better = np.log1p(off[0] ** 2 / _TAILS) - np.log1p(off[1] ** 2 / _TAILS)
        gain += float(better[np.isfinite(better)].sum())
    return gain >= 0.0


def _explains(part: Problem) -> bool:
    """Whether draws are smaller less what the guide says of them, or not clearly larger; all points weigh alike."""
    assert part.guide is not None
    scale = np.abs(np.where(np.isfinite(part.delta), part.delta, 0.0)).max(axis=0, initial=0.0)
    size = (part.sizes / part.sizes.max())[:, None]
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        draws, left = size * part.delta / scale, size * part.guide.less(part.delta, part.sizes) / scale
        gain = draws**2 - np.minimum(left**2, 1.0)  # no point counts more than its largest draw
    by_draw = np.where(np.isfinite(gain), gain, 0.0).sum(axis=1)
    scatter = by_draw.std(ddof=1) / np.sqrt(by_draw.size)
    allowed = 0.0 if part.guide.control is not None else _CONTRADICTED * scatter
    return bool(by_draw.mean() >= -allowed)


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
    return with_misfit(laws, misfit, problem.guide), share


def with_misfit(laws: Laws, misfit: FloatMatrix, guide: Guide | None) -> Laws:
    """The laws with what their intervals lack; the exponent's interval lacks it too.

    If a law is off by its own error at two sizes, its slope between them is off by the difference of the two relative errors
    over the distance in log k. Errors of smooth curves share most of their variance; those of a formula alone are taken as
    not sharing any, for nothing else tells of its exponents.
    """
    laws = replace(laws, misfit=misfit)
    if misfit.shape[1] < _SLOPE_AT[1] + 1:
        return laws
    ends = misfit[:, _SLOPE_AT]
    by_formula = laws.guided and guide is not None and guide.modes is None
    own_share = 1.0 if by_formula else _SLOPE_SHARE
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        own = [share * (laws.sigma * k ** (-0.5 * laws.beta) / laws.power_law(k)) ** 2 for k, share in ends.T]
        half = Z90_ROUNDED * np.sqrt(own_share * (own[0] + own[1])) / np.log(ends[0, 1] / ends[0, 0])
        half = np.nan_to_num(half, posinf=np.inf)
        low = laws.alpha - np.hypot(half, laws.alpha - laws.alpha_low)
        high = laws.alpha + np.hypot(half, laws.alpha_high - laws.alpha)
    return replace(laws, alpha_low=np.maximum(low, _LEAST_ALPHA), alpha_high=np.minimum(high, _MOST_ALPHA))


def _slope(part: Problem, deviation: Laws) -> tuple[float, float]:
    """Sums over draws of squared predicted deviations, and of predicted times found ones, in units of the noise."""
    assert part.guide is not None
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        noise = np.stack([deviation.sigma * k ** (-0.5 * deviation.beta) for k in part.sizes])
        predicted = np.stack([deviation.psi(k) for k in part.sizes]) / noise
        product = predicted * part.guide.less(part.delta, part.sizes) / noise
    known = np.isfinite(product)
    return float((predicted[known] ** 2).sum()), float(product[known].sum())


def _deviations(problem: Problem, fit: Fit) -> Laws:
    assert problem.guide is not None
    with np.errstate(over="ignore", invalid="ignore"):
        delta = problem.guide.less(problem.delta, problem.sizes)
    laws = fit(replace(problem, delta=delta, guide=None))
    # a point that never deviates has the law of its guide
    still = laws.status == LawStatus.NO_SIGNAL.value
    return replace(
        laws,
        c=np.where(still, 0.0, laws.c),
        alpha=np.where(still, 1.0, laws.alpha),
        sigma=np.where(still, 0.0, laws.sigma),
        beta=np.where(still, 2.0, laws.beta),
        covariance=np.where(still[:, None, None], 0.0, laws.covariance),
    )


def _put_back(problem: Problem, deviation: Laws, share: float) -> Laws:
    assert problem.guide is not None
    screened = screen(problem)
    scale = np.where(screened.scale > 0, screened.scale, 1.0)
    found = projected(shrunk(deviation, share), problem, scale)
    laws = found.on(finish(deviation.method, problem, screened, found.fitted))
    laws = replace(laws, lack_of_fit=lack_of_fit(laws, problem.delta, problem.sizes))  # of what ψ_k now follows
    # what is left beside a control is not the noise of a draw
    return laws if problem.guide.control is None else with_noise_of_draws(laws, problem)


def shrunk(deviation: Laws, share: float) -> Laws:
    """Deviations times ``share``, with their intervals."""
    stretch = np.array([[share * share, share], [share, 1.0]])
    return replace(deviation, c=share * deviation.c, covariance=deviation.covariance * stretch)

"""From an estimator's scaled, centred units back to those of the draws: `Laws` with statuses and the lack of fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.fit_to_means import lack_of_fit
from dscale_core.laws.grouping import SizeGroups, group_means
from dscale_core.laws.problem.arguments import Problem
from dscale_core.laws.problem.screening import Screen
from dscale_core.types import FloatVector, Laws, LawStatus

__all__ = ["Fitted", "finish"]

# Fewest draws at either end that can testify to a change of sign; with fewer, a standard error is hardly known.
# test_finishing.py::test_fewer_than_four_draws_at_an_end_do_not_testify
_SIGN_DRAWS = 4
# Standard errors that both ends must be away from zero: chance alone hardly ever does that twice, on opposite sides.
# test_finishing.py::test_a_shape_needs_three_standard_errors
_SIGN_ERRORS = 3.0
Mask: TypeAlias = NDArray[np.bool_]
Form: TypeAlias = Literal["power", "two_term"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """An estimator's result in scaled, centred units, each (p,), NaN where nothing was fitted.

    amplitude: ψ at the centre; sigma: noise standard deviation at the centre; covariance (p, 2, 2) of (amplitude, alpha);
    shape: ``sign_change`` or ``grows`` where ψ is known to, else empty; None where the draws are to tell.
    """

    amplitude: FloatVector
    alpha: FloatVector
    sigma: FloatVector
    beta: FloatVector
    alpha_low: FloatVector
    alpha_high: FloatVector
    covariance: NDArray[np.float64]
    at_bound: Mask
    shape: NDArray[np.str_] | None = None

    @staticmethod
    def empty(p: int) -> Fitted:
        """NaN everywhere, to be filled block by block."""
        a, b, c, d, e, f = (np.full(p, np.nan) for _ in range(6))
        return Fitted(a, b, c, d, e, f, np.full((p, 2, 2), np.nan), np.zeros(p, dtype=bool))


def finish(method: str, problem: Problem, screened: Screen, fitted: Fitted, form: Form = "power") -> Laws:
    """Back to the units of the draws: c and σ at k = 1, statuses, the lack of fit.

    A two-term law has its covariance in (amplitude, slope), both in units of δ, and follows a change of sign.
    """
    status = screened.status.copy()
    log_center = np.log(problem.center)
    with np.errstate(over="ignore", invalid="ignore"):
        power = np.exp(fitted.alpha * log_center)
        c = fitted.amplitude * screened.scale * power
        sigma = fitted.sigma * screened.scale * np.exp(0.5 * fitted.beta * log_center)
        second = screened.scale if form == "two_term" else np.ones_like(screened.scale)
        unit = np.stack([screened.scale, second], axis=1)
        covariance = fitted.covariance * unit[:, :, None] * unit[:, None, :]
    usable = status == LawStatus.OK.value
    status[usable & fitted.at_bound] = LawStatus.AT_BOUND.value
    if form == "power":
        shape = _shape_of_draws(problem) if fitted.shape is None else fitted.shape
        status[usable & (shape != "")] = shape[usable & (shape != "")]
    # an exponent so far below zero that no c gives the amplitude back is as lost as one so far above it
    lost = usable & ~(np.isfinite(c) & np.isfinite(fitted.alpha) & (power > 0))
    status[lost] = LawStatus.NOT_FINITE.value
    vectors = (c, fitted.alpha, sigma, fitted.beta, fitted.alpha_low, fitted.alpha_high)
    c, alpha, sigma, beta, low, high = (np.where(usable & ~lost, v, np.nan) for v in vectors)
    covariance[~usable | lost] = np.nan
    laws = Laws(
        method=method,
        c=c,
        alpha=alpha,
        sigma=sigma,
        beta=beta,
        alpha_low=low,
        alpha_high=high,
        status=status,
        n_draws=screened.n_draws,
        lack_of_fit=np.full(problem.n_points, np.nan),
        covariance=covariance,
        center=problem.center,
        min_size=int(np.floor(problem.sizes.min())),
        max_size=int(np.ceil(problem.sizes.max())),
        form=form,
    )
    return replace(laws, lack_of_fit=lack_of_fit(laws, problem.delta, problem.sizes))


def _shape_of_draws(problem: Problem) -> NDArray[np.str_]:
    """``sign_change`` or ``grows`` where means of the smallest and of the largest third of the sizes clearly say so."""
    low, high = np.quantile(problem.x, [1 / 3, 2 / 3])
    if not low < high:
        return np.full(problem.n_points, "", dtype=f"<U{len(LawStatus.SIGN_CHANGE)}")
    third = 1 + (problem.x >= high).astype(np.int64) - (problem.x <= low)
    means = group_means(problem.delta, SizeGroups(np.array([1.0, 2.0, 3.0]), third))
    ends = [0, 2]
    mean, error = means.mean[ends], means.standard_error[ends]
    enough = (means.count[ends] >= _SIGN_DRAWS).all(axis=0)
    clear = (np.abs(mean) > _SIGN_ERRORS * error) & enough
    sign = np.sign(mean)
    changes = clear.all(axis=0) & (sign[0] == -sign[1]) & (sign[0] != 0)
    growth = np.abs(mean[1]) - np.abs(mean[0])
    grows = clear[1] & ~changes & (growth > _SIGN_ERRORS * np.hypot(error[0], error[1]))
    return np.where(changes, LawStatus.SIGN_CHANGE.value, np.where(grows, LawStatus.GROWS.value, ""))

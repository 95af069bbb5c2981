"""What every estimator shares: arguments checked, bad points set aside, blocks of clean numbers, results assembled.

An estimator works in scaled, centred units: each point's draws are divided by their largest magnitude, and log k is
centred at the geometric mean size, so that rows of 1e-300 and of 1e300 are the same problem and a (ψ at the centre) and
α are almost uncorrelated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.laws.grouping import SizeGroups, determination, group_means, size_groups
from dscale_core.laws.guide import Guide
from dscale_core.types import FloatMatrix, FloatVector, IntVector, Laws, LawStatus

__all__ = ["Block", "Fitted", "Problem", "Screen", "blocks", "finish", "make_problem", "screen"]

MIN_DRAWS = 4  # the law has four parameters
_SIGN_DRAWS = 4  # fewest draws at either end that can testify to a change of sign
_SIGN_ERRORS = 3.0  # standard errors that both ends must be away from zero
_SCREEN_ELEMENTS = 2_000_000
_WIDTH = len(max(LawStatus, key=len))
Mask = NDArray[np.bool_]
Form: TypeAlias = Literal["power", "two_term"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Checked arguments of a fit: delta (m, p); sizes and x = log(k / center), (m,) or (m, p); passes (m,); groups (p,)."""

    delta: NDArray[Any]
    sizes: FloatVector | FloatMatrix
    x: FloatVector | FloatMatrix
    center: float
    passes: IntVector | None
    features: FloatMatrix | None
    groups: IntVector | None
    targets: FloatVector | None = None
    on_progress: Callable[[float], object] | None = None
    guide: Guide | None = None

    @property
    def n_points(self) -> int:
        """Number of points p."""
        return int(self.delta.shape[1])


@dataclass(frozen=True, eq=False)
class Screen:
    """What can be fitted: status, n_draws and scale (largest magnitude of the finite draws), each (p,)."""

    status: NDArray[np.str_]
    n_draws: IntVector
    scale: FloatVector

    @property
    def usable(self) -> IntVector:
        """Columns that an estimator is to fit."""
        return np.flatnonzero(self.status == LawStatus.OK.value)


@dataclass(frozen=True, eq=False)
class Block:
    """Some points' draws as float64 in scaled, centred units, one row a point.

    columns (b,); y (b, m), zero where missing; present (b, m) of 0 and 1, or None where nothing is missing; x (m,) shared
    or (b, m); n (b,) finite draws; sum_x (b,) sum of x over them; spread_x (b,) half the sum of (x - mean x)²: the
    information that the draws hold on β.
    """

    columns: IntVector
    y: FloatMatrix
    present: FloatMatrix | None
    x: FloatVector | FloatMatrix
    n: FloatVector
    sum_x: FloatVector
    spread_x: FloatVector

    def take(self, rows: IntVector | Mask) -> Block:
        """The same for some rows."""
        return Block(
            self.columns[rows],
            self.y[rows],
            None if self.present is None else self.present[rows],
            self.x if self.x.ndim == 1 else self.x[rows],
            self.n[rows],
            self.sum_x[rows],
            self.spread_x[rows],
        )


@dataclass(frozen=True, eq=False)
class Fitted:
    """An estimator's result in scaled, centred units, each (p,), NaN where nothing was fitted.

    amplitude: ψ at the centre; sigma: noise standard deviation at the centre; covariance (p, 2, 2) of (amplitude, alpha).
    """

    amplitude: FloatVector
    alpha: FloatVector
    sigma: FloatVector
    beta: FloatVector
    alpha_low: FloatVector
    alpha_high: FloatVector
    covariance: NDArray[np.float64]
    at_bound: Mask

    @staticmethod
    def empty(p: int) -> Fitted:
        """NaN everywhere, to be filled block by block."""
        a, b, c, d, e, f = (np.full(p, np.nan) for _ in range(6))
        return Fitted(a, b, c, d, e, f, np.full((p, 2, 2), np.nan), np.zeros(p, dtype=bool))


def make_problem(
    delta: ArrayLike,
    sizes: ArrayLike,
    passes: ArrayLike | None = None,
    features: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    on_progress: Callable[[float], object] | None = None,
    guide: Guide | None = None,
) -> Problem:
    """Check the arguments of `fit_laws`; raises ArgumentError naming the one that does not fit."""
    d = np.asarray(delta)
    if d.ndim != 2 or 0 in d.shape:
        raise ArgumentError(
            "delta", "have shape (m, p): draws by points, neither empty", d.shape, "Pass one row a coalition."
        )
    if d.dtype not in (np.float32, np.float64):
        if d.dtype.kind not in "iufb":
            raise ArgumentError("delta", "be numeric", f"dtype {d.dtype}", "Pass float32 or float64 contributions.")
        d = d.astype(np.float64)
    m, p = d.shape
    k = np.asarray(sizes, dtype=np.float64)
    if k.shape not in ((m,), (m, p)):
        raise ArgumentError("sizes", f"have shape ({m},) or ({m}, {p})", k.shape, "Pass the size of each draw's coalition.")
    if not np.all(np.isfinite(k)) or k.min() < 1:
        raise ArgumentError("sizes", "be finite and at least 1", f"a smallest size of {k.min()}", "Pass training-set sizes.")
    log_k = np.log(k)
    center = float(np.exp(log_k.mean()))
    return Problem(
        delta=d,
        sizes=k,
        x=log_k - np.log(center),
        center=center,
        passes=None if passes is None else _codes("passes", passes, m, "draw"),
        features=None if features is None else _features(features, p),
        groups=None if groups is None else _codes("groups", groups, p, "point"),
        targets=None if targets is None else _targets(targets, p),
        on_progress=on_progress,
        guide=None if guide is None else _guide(guide, m, p),
    )


def _codes(argument: str, values: ArrayLike, length: int, unit: str) -> IntVector:
    array = np.asarray(values)
    if array.shape != (length,):
        raise ArgumentError(argument, f"have shape ({length},)", array.shape, f"Pass one entry a {unit}, or None.")
    return np.unique(array, return_inverse=True)[1].astype(np.int64)


def _guide(guide: Guide, m: int, p: int) -> Guide:
    if guide.expected.shape[1] != p:
        raise ArgumentError("guide", f"speak of {p} points", guide.expected.shape, "Ask the formula for the points drawn.")
    if guide.control is not None and guide.control.shape[0] != m:
        required = f"have a control of {m} draws"
        raise ArgumentError("guide", required, guide.control.shape, "Pass the surrogate of these draws, row by row.")
    return guide


def _targets(targets: ArrayLike, p: int) -> FloatVector:
    array = np.asarray(targets, dtype=np.float64)
    if array.shape != (p,) or not np.all(np.isfinite(array)):
        raise ArgumentError("targets", f"be {p} finite numbers", array.shape, "Pass one target a point, or None.")
    return array


def _features(features: ArrayLike, p: int) -> FloatMatrix:
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != p or not np.all(np.isfinite(array)):
        raise ArgumentError(
            "features", f"have shape ({p}, d) and be finite", array.shape, "Pass one row of features a point, or None."
        )
    return array


def screen(problem: Problem, min_draws: int = MIN_DRAWS) -> Screen:
    """Set aside the points that no law can be fitted to, with the reason; the others are ``ok``."""
    p = problem.n_points
    status = np.full(p, LawStatus.OK.value, dtype=f"<U{_WIDTH}")
    n_draws, scale = np.zeros(p, dtype=np.int64), np.zeros(p)
    width = max(1, _SCREEN_ELEMENTS // problem.delta.shape[0])
    for start in range(0, p, width):
        part = slice(start, start + width)
        d = problem.delta[:, part]
        x = problem.x[:, part] if problem.x.ndim == 2 else problem.x[:, None]
        finite = np.isfinite(d)
        n_draws[part] = finite.sum(axis=0)
        scale[part] = np.abs(np.where(finite, d, 0.0)).max(axis=0)
        spread = np.where(finite, x, -np.inf).max(axis=0) > np.where(finite, x, np.inf).min(axis=0)
        reasons = (
            (~spread, LawStatus.ONE_SIZE),
            (scale[part] == 0, LawStatus.NO_SIGNAL),
            (n_draws[part] < min_draws, LawStatus.TOO_FEW_DRAWS),
            (np.isinf(d).any(axis=0), LawStatus.NOT_FINITE),
        )
        for where, reason in reasons:  # the later reason is the deeper one
            status[part][where] = reason.value
    return Screen(status, n_draws, scale)


def blocks(problem: Problem, screened: Screen, width: int) -> Iterator[Block]:
    """The usable points, at most ``width`` at a time."""
    usable = screened.usable
    for start in range(0, usable.size, width):
        columns = usable[start : start + width]
        y = np.ascontiguousarray(problem.delta[:, columns].T, dtype=np.float64)
        y /= screened.scale[columns, None]
        x = np.ascontiguousarray(problem.x[:, columns].T) if problem.x.ndim == 2 else problem.x
        n = screened.n_draws[columns].astype(np.float64)
        present = None
        if n.min() < y.shape[1]:
            finite = np.isfinite(y)
            y[~finite] = 0.0
            present = finite.astype(np.float64)
        weight = np.ones_like(y) if present is None else present
        sum_x = (weight * x).sum(axis=1)
        spread_x = 0.5 * ((weight * x * x).sum(axis=1) - sum_x**2 / n)
        yield Block(columns, y, present, x, n, sum_x, spread_x)


def finish(method: str, problem: Problem, screened: Screen, fitted: Fitted, form: Form = "power") -> Laws:
    """Back to the units of the draws: c and σ at k = 1, statuses, in-sample R².

    A two-term law has its covariance in (amplitude, slope), both in units of δ, and follows a change of sign.
    """
    status = screened.status.copy()
    log_center = np.log(problem.center)
    with np.errstate(over="ignore", invalid="ignore"):
        c = fitted.amplitude * screened.scale * np.exp(fitted.alpha * log_center)
        sigma = fitted.sigma * screened.scale * np.exp(0.5 * fitted.beta * log_center)
        second = screened.scale if form == "two_term" else np.ones_like(screened.scale)
        unit = np.stack([screened.scale, second], axis=1)
        covariance = fitted.covariance * unit[:, :, None] * unit[:, None, :]
    usable = status == LawStatus.OK.value
    status[usable & fitted.at_bound] = LawStatus.AT_BOUND.value
    if form == "power":
        status[usable & _changes_sign(problem)] = LawStatus.SIGN_CHANGE.value
    lost = usable & ~(np.isfinite(c) & np.isfinite(fitted.alpha))
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
        r2=np.full(problem.n_points, np.nan),
        covariance=covariance,
        center=problem.center,
        min_size=int(np.floor(problem.sizes.min())),
        max_size=int(np.ceil(problem.sizes.max())),
        form=form,
    )
    return replace(laws, r2=_r2_in_sample(problem, laws))


def _r2_in_sample(problem: Problem, laws: Laws) -> FloatVector:
    groups = size_groups(problem.sizes)
    with np.errstate(over="ignore", invalid="ignore"):
        psi = np.stack([laws.psi(k) for k in groups.size])
    return determination(group_means(problem.delta, groups).mean, psi)


def _changes_sign(problem: Problem) -> Mask:
    """Means of the smallest and of the largest third of the sizes: both away from zero, on opposite sides."""
    low, high = np.quantile(problem.x, [1 / 3, 2 / 3])
    if not low < high:
        return np.zeros(problem.n_points, dtype=bool)
    third = 1 + (problem.x >= high).astype(np.int64) - (problem.x <= low)
    means = group_means(problem.delta, SizeGroups(np.array([1.0, 2.0, 3.0]), third))
    ends = [0, 2]
    clear = np.abs(means.mean[ends]) > _SIGN_ERRORS * means.standard_error[ends]
    testified = (clear & (means.count[ends] >= _SIGN_DRAWS)).all(axis=0)
    sign = np.sign(means.mean)
    return np.asarray(testified & (sign[0] == -sign[2]) & (sign[0] != 0))

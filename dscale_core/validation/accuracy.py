"""How well laws predict mean contributions at each size, across points.

Accuracy is honest only on draws that the fit never saw; the noise ceiling says how much of the variance of their means
is signal, and so the R² that the true ψ would reach on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.correlation import pearson, spearman
from dscale_core.errors import ArgumentError
from dscale_core.laws import GroupMeans, SizeGroups, determination, group_means, size_groups
from dscale_core.types import FloatVector, IntVector, Laws

__all__ = [
    "AccuracyBySize",
    "QuantileCurve",
    "SizeAgreement",
    "accuracy_by_size",
    "agreement_at",
    "quantile_curves",
]

_LINE_POINTS = 60


@dataclass(frozen=True, eq=False)
class AccuracyBySize:
    """Predicted against measured ψ across points, one entry a size group, each (g,); NaN where undefined.

    r2 = 1 − Σ(mean − ψ)² / Σ(mean − mean of means)²; noise_ceiling = 1 − mean(standard error²) / Var of the means;
    sign_agreement: share of points whose ψ and mean have the same sign; n_points: points with both.
    """

    size: FloatVector
    r2: FloatVector
    pearson: FloatVector
    spearman: FloatVector
    sign_agreement: FloatVector
    noise_ceiling: FloatVector
    n_points: IntVector


@dataclass(frozen=True, eq=False)
class SizeAgreement:
    """Predicted and measured ψ of every point at one size, each (p,), with the standard error of the means."""

    size: float
    points: IntVector
    predicted: FloatVector
    mean: FloatVector
    standard_error: FloatVector


@dataclass(frozen=True, eq=False)
class QuantileCurve:
    """The point that stands at one quantile of α: measured means (g,) and its law, also along a fine line (l,).

    psi_low, psi_high (l,): 90 % interval of ψ_k along the line.
    """

    point: int  # pool index
    alpha: float
    quantile: float
    size: FloatVector
    mean: FloatVector
    standard_error: FloatVector
    psi: FloatVector
    k_line: FloatVector
    psi_line: FloatVector
    psi_low: FloatVector
    psi_high: FloatVector


def accuracy_by_size(laws: Laws, draws_delta: NDArray[Any], sizes: ArrayLike, n_groups: int = 10) -> AccuracyBySize:
    """Hold ψ at each size group against the means of draws (m, p), whose columns are the points of the laws."""
    groups = size_groups(sizes, n_groups)
    means = _means(laws, draws_delta, groups)
    rows = [_accuracy(means.mean[i], means.standard_error[i], laws.psi(k)) for i, k in enumerate(groups.size)]
    r2, r, rho, sign, ceiling, n = (np.array(column) for column in zip(*rows, strict=True))
    return AccuracyBySize(groups.size, r2, r, rho, sign, ceiling, n.astype(np.int64))


def agreement_at(laws: Laws, delta: NDArray[Any], sizes: ArrayLike, k: float, n_groups: int = 10) -> SizeAgreement:
    """Predicted and measured ψ at the size group nearest to k; groups as in `accuracy_by_size`."""
    groups = size_groups(sizes, n_groups)
    nearest = int(np.abs(np.log(groups.size) - np.log(k)).argmin())
    means = _means(laws, delta, groups)
    size = float(groups.size[nearest])
    return SizeAgreement(size, laws.points, laws.psi(size), means.mean[nearest], means.standard_error[nearest])


def quantile_curves(laws: Laws, delta: NDArray[Any], sizes: ArrayLike, n_curves: int = 10) -> tuple[QuantileCurve, ...]:
    """The points at ``n_curves`` evenly spaced ranks of α among the fitted points; fewer where fewer are fitted."""
    if n_curves < 1:
        raise ArgumentError("n_curves", "be at least 1", n_curves, "Ask for 10 curves.")
    groups = size_groups(sizes)
    means = _means(laws, delta, groups)
    fitted = np.flatnonzero(np.isfinite(laws.alpha) & np.isfinite(laws.c))
    if fitted.size == 0:
        return ()
    ranked = fitted[np.argsort(laws.alpha[fitted], kind="stable")]
    quantiles = (np.arange(n_curves) + 0.5) / n_curves
    ranks = np.unique(np.round(quantiles * (ranked.size - 1)).astype(np.int64))
    k_line = np.geomspace(groups.size[0], groups.size[-1], _LINE_POINTS)
    shown = ranked[ranks]
    few = laws.take(shown)
    lines = np.stack([few.psi(k) for k in k_line])
    low, high = (np.stack(ends) for ends in zip(*(few.psi_interval(k) for k in k_line), strict=True))
    return tuple(
        QuantileCurve(
            point=int(few.points[i]),
            alpha=float(few.alpha[i]),
            quantile=float((rank + 0.5) / ranked.size),
            size=groups.size,
            mean=means.mean[:, column],
            standard_error=means.standard_error[:, column],
            psi=np.array([few.psi(k)[i] for k in groups.size]),
            k_line=k_line,
            psi_line=lines[:, i],
            psi_low=low[:, i],
            psi_high=high[:, i],
        )
        for i, (rank, column) in enumerate(zip(ranks, shown, strict=True))
    )


def _means(laws: Laws, delta: NDArray[Any], groups: SizeGroups) -> GroupMeans:
    delta = np.asarray(delta)
    if delta.ndim != 2 or delta.shape[1] != laws.c.size:
        required = f"have one column for each of the {laws.c.size} laws"
        raise ArgumentError("delta", required, delta.shape, "Take the draws of the points that were fitted.")
    return group_means(delta, groups)


def _accuracy(mean: FloatVector, error: FloatVector, psi: FloatVector) -> tuple[float, float, float, float, float, int]:
    both = np.isfinite(mean) & np.isfinite(psi)
    mean, error, psi = mean[both], error[both], psi[both]
    n = int(both.sum())
    if n == 0:
        return (np.nan,) * 5 + (0,)
    r2 = float(determination(mean[:, None], psi[:, None])[0])
    same_sign = float(np.mean(np.sign(mean) == np.sign(psi)))
    return r2, pearson(mean, psi), spearman(mean, psi), same_sign, _ceiling(mean, error), n


def _ceiling(mean: FloatVector, error: FloatVector) -> float:
    known = np.isfinite(error)
    if known.sum() < 2:
        return float("nan")
    scale = max(float(np.abs(mean[known]).max()), np.finfo(np.float64).tiny)
    variance = float(np.var(mean[known] / scale))
    return 1.0 - float(np.mean((error[known] / scale) ** 2)) / variance if variance > 0 else float("nan")

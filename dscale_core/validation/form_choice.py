"""Power law or two-term law: decided by draws that neither fit saw, and shown with its uncertainty.

Whole passes are dealt to folds. Each fold is predicted by a power law and by a two-term law fitted to the other folds; both
are judged under one noise law, the power fit's, so that the difference speaks of the mean alone:

    d_j = ((δ_j − ψ^power)² − (δ_j − ψ^two)²) / (2 σ² k_j^(−β)),   in nats; positive favours the two-term law.

Its standard error comes from sums over passes, which are independent of each other, draws of one pass are not. A point is
recommended the two-term law only where its sum of d is positive by two standard errors, and likewise the study as a whole,
whose error is that of the sum over points within each pass, never of per-point errors added up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.types import FloatMatrix, FloatVector, IntVector

__all__ = ["FormChoice", "choose_form"]

_CLEAR = 2.0  # standard errors
_FEWEST_UNITS = 4  # passes below which draws are the units


@dataclass(frozen=True, eq=False)
class FormChoice:
    """Held-out evidence for the two-term law over the power law, per point and for the study.

    difference, standard_error (p,): log-likelihood difference summed over the draws, nats; positive favours two-term; NaN
    where either law could not be fitted. form (p,): ``power`` or ``two_term``. study_*: the same for all points together.
    """

    points: IntVector
    form: NDArray[np.str_]
    difference: FloatVector
    standard_error: FloatVector
    study_form: str
    study_difference: float
    study_standard_error: float
    power_method: str
    n_folds: int
    n_draws: int
    unit: str  # "passes" or "draws": what was held out whole and what the errors are computed from
    verdict: str  # one sentence, for display


def choose_form(
    delta: ArrayLike,
    sizes: ArrayLike,
    passes: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    points: ArrayLike | None = None,
    n_folds: int = 2,
    power: str = "shrinkage",
) -> FormChoice:
    """Compare the forms on draws delta (m, p) at sizes (m,); arguments as in `fit_laws`.

    points : (p,) pool indices of the columns; power : the estimator that stands for the power law.
    Raises ArgumentError for fewer than 2 folds or fewer than 8 draws.
    """
    y, k = np.asarray(delta), np.asarray(sizes, dtype=np.float64)
    m = y.shape[0]
    if n_folds < 2:
        raise ArgumentError("n_folds", "be at least 2", n_folds, "Use 2 folds.")
    if m < 4 * n_folds:
        raise ArgumentError("delta", f"hold at least {4 * n_folds} draws", m, "Draw more coalitions before choosing a form.")
    if k.ndim != 1 or k.size != m:
        raise ArgumentError("sizes", f"have shape ({m},)", k.shape, "Pass the size of each draw's coalition.")
    by_pass = np.arange(m) if passes is None else np.unique(np.asarray(passes), return_inverse=True)[1]
    unit, kind = (by_pass, "passes") if by_pass.max() + 1 >= _FEWEST_UNITS else (np.arange(m), "draws")
    if passes is None:
        kind = "draws"
    gain = np.zeros((m, y.shape[1]))
    fold = _folds(unit, n_folds)
    for number in range(n_folds):
        train = fold != number
        kept = None if passes is None else np.asarray(passes)[train]
        gain[~train] = _gain(y[train], k[train], kept, groups, y[~train], k[~train], power)
    return _decide(gain, unit, kind, points, n_folds, power)


def _folds(unit: IntVector, n_folds: int) -> IntVector:
    """Units are dealt in a fixed random order, so that no fold has a size of its own."""
    order = np.random.default_rng(0).permutation(int(unit.max()) + 1)
    return np.asarray((order % n_folds)[unit])


def _gain(
    y: NDArray[np.float64],
    k: FloatVector,
    passes: NDArray[np.int64] | None,
    groups: ArrayLike | None,
    held_y: NDArray[np.float64],
    held_k: FloatVector,
    power: str,
) -> FloatMatrix:
    """d of every held-out draw, NaN where a draw is missing or a law could not be fitted."""
    one = fit_laws(y, k, power, passes=passes, groups=groups)
    two = fit_laws(y, k, "two_term")
    log_sd = np.log(np.where(one.sigma > 0, one.sigma, np.nan)) - 0.5 * one.beta * np.log(held_k)[:, None]
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        unit = np.exp(-log_sd)
        of_one, of_two = ((held_y - np.stack([law.psi(s) for s in held_k])) * unit for law in (one, two))
        value = 0.5 * (of_one - of_two) * (of_one + of_two)
    return np.where(np.isfinite(value), value, np.nan)


def _decide(gain: FloatMatrix, unit: IntVector, kind: str, points: ArrayLike | None, n_folds: int, power: str) -> FormChoice:
    n_units = int(unit.max()) + 1
    member = (unit[:, None] == np.arange(n_units)).astype(np.float64)
    known = np.isfinite(gain).any(axis=0)
    by_unit = member.T @ np.where(np.isfinite(gain), gain, 0.0)  # (units, p)
    difference, error = _sum_and_error(by_unit)
    total, total_error = _sum_and_error(by_unit.sum(axis=1)[:, None])
    form = np.where(known & (difference > _CLEAR * error), "two_term", "power")
    study_form = "two_term" if total[0] > _CLEAR * total_error[0] else "power"
    share = float(np.mean(form[known] == "two_term")) if known.any() else 0.0
    return FormChoice(
        points=np.arange(gain.shape[1]) if points is None else np.asarray(points, dtype=np.int64),
        form=form,
        difference=np.where(known, difference, np.nan),
        standard_error=np.where(known, error, np.nan),
        study_form=study_form,
        study_difference=float(total[0]),
        study_standard_error=float(total_error[0]),
        power_method=power,
        n_folds=n_folds,
        n_draws=gain.shape[0],
        unit=kind,
        verdict=_verdict(study_form, float(total[0]), float(total_error[0]), share, kind),
    )


def _sum_and_error(by_unit: FloatMatrix) -> tuple[FloatVector, FloatVector]:
    n = by_unit.shape[0]
    return by_unit.sum(axis=0), np.sqrt(n * by_unit.var(axis=0, ddof=1))


def _verdict(form: str, total: float, error: float, share: float, kind: str) -> str:
    if form == "two_term":
        lead = "Held-out draws favour the two-term law for this study"
    elif total < -_CLEAR * error:
        lead = "Held-out draws favour the power law for this study"
    else:
        lead = "Held-out draws do not tell the two laws apart for this study, so the power law stands"
    return (
        f"{lead}: {total:+.1f} ± {error:.1f} nats over all points (two-term minus power, error over {kind}); "
        f"the two-term law is clearly better for {100 * share:.1f} % of the points."
    )

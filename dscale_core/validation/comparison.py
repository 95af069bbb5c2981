"""What changed between two fits of one study: more draws, or another estimator.

Points are matched by their id, so the two fits may value different points. A value has *moved* when neither fit's 90 %
interval holds the other's value: its change, in half-widths of the wider interval, is then beyond 1 in size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dscale_core.correlation import spearman
from dscale_core.types import FloatMatrix, FloatVector, IntVector, Laws

if TYPE_CHECKING:
    from dscale_core.validation.accuracy import AccuracyBySize

__all__ = ["LawComparison", "LawSummary", "StatusChange", "ValueChange", "compare_laws", "rank_agreement", "summarize_laws"]

_BEST = 0.1  # share of the points that counts as the best


@dataclass(frozen=True)
class LawSummary:
    """One fit in a line; medians over the points that have a law, NaN where none has."""

    n_points: int
    n_ok: int
    n_fitted: int  # points with a law, whatever their status
    median_alpha: float
    median_alpha_width: float  # of the 90 % interval
    mean_r2: float  # over the sizes at which it was held against draws; NaN where it was not
    guided: bool  # by the learner's own formula

    @property
    def share_ok(self) -> float:
        """Share of the points whose status is ok; NaN without points."""
        return self.n_ok / self.n_points if self.n_points else float("nan")


@dataclass(frozen=True, eq=False)
class ValueChange:
    """One quantity of the shared points in both fits, each (q,); NaN where a fit has no law.

    ``shift`` is other − one in half-widths of the wider of the two 90 % intervals; NaN where neither has one.
    """

    one: FloatVector
    one_low: FloatVector
    one_high: FloatVector
    other: FloatVector
    other_low: FloatVector
    other_high: FloatVector
    shift: FloatVector
    rank_correlation: float  # Spearman's, over the points with both values; NaN where undefined
    width_ratio: float  # median of (other's interval width / one's)

    @property
    def n_compared(self) -> int:
        """Points with a value in both fits and an interval in at least one."""
        return int(np.isfinite(self.shift).sum())

    @property
    def n_moved(self) -> int:
        """Points of which neither interval holds the other value."""
        return int((np.abs(self.shift[np.isfinite(self.shift)]) > 1).sum())

    @property
    def share_moved(self) -> float:
        """n_moved of n_compared; NaN where nothing can be compared."""
        return self.n_moved / self.n_compared if self.n_compared else float("nan")


@dataclass(frozen=True)
class StatusChange:
    """How many points ended as ``one`` in the first fit and as ``other`` in the second."""

    one: str
    other: str
    n_points: int


@dataclass(frozen=True, eq=False)
class LawComparison:
    """Two fits over the points they share, (q,), in the order of the first; ``only_*`` are ids valued in one fit alone."""

    k: float
    points: IntVector
    psi: ValueChange  # at size k, in the unit of the loss
    alpha: ValueChange
    status_one: NDArray[np.str_]
    status_other: NDArray[np.str_]
    transitions: tuple[StatusChange, ...]  # the most frequent first
    only_one: IntVector
    only_other: IntVector
    n_sign_changes: int  # points whose ψ at size k helps in one fit and hurts in the other
    best_kept: float  # share of the best tenth by ψ at size k in one fit that is among the other's best tenth


def summarize_laws(laws: Laws, accuracy: AccuracyBySize | None = None) -> LawSummary:
    """Counts and medians of one fit, and the mean R² of ``accuracy``, what `accuracy_by_size` found for it."""
    fitted = np.isfinite(laws.alpha)
    width = (laws.alpha_high - laws.alpha_low)[fitted]
    return LawSummary(
        n_points=int(laws.points.size),
        n_ok=int((laws.status.astype(str) == "ok").sum()),
        n_fitted=int(fitted.sum()),
        median_alpha=_median(laws.alpha[fitted]),
        median_alpha_width=_median(width),
        mean_r2=float("nan") if accuracy is None else _mean(accuracy.r2),
        guided=laws.guided,
    )


def compare_laws(one: Laws, other: Laws, k: float) -> LawComparison:
    """Hold the second fit against the first at size k. Raises ArgumentError for k < 1."""
    points, first, second = _shared(one.points, other.points)
    psi = _change((one.psi(k), *one.psi_interval(k)), (other.psi(k), *other.psi_interval(k)), first, second)
    alpha = _change(
        (one.alpha, one.alpha_low, one.alpha_high), (other.alpha, other.alpha_low, other.alpha_high), first, second
    )
    before, after = one.status[first].astype(str), other.status[second].astype(str)
    both = np.isfinite(psi.one) & np.isfinite(psi.other)
    return LawComparison(
        k=k,
        points=points,
        psi=psi,
        alpha=alpha,
        status_one=before,
        status_other=after,
        transitions=_transitions(before, after),
        only_one=one.points[~np.isin(one.points, points)],
        only_other=other.points[~np.isin(other.points, points)],
        n_sign_changes=int((np.sign(psi.one[both]) * np.sign(psi.other[both]) < 0).sum()),
        best_kept=_best_kept(psi.one[both], psi.other[both]),
    )


def rank_agreement(fits: Sequence[Laws], k: float) -> FloatMatrix:
    """Spearman's correlation of ψ at size k between every two of f fits, (f, f), over the points that both value."""
    agreement = np.full((len(fits), len(fits)), np.nan)
    psi = [laws.psi(k) for laws in fits]
    for i, one in enumerate(fits):
        for j, other in enumerate(fits[: i + 1]):
            _, first, second = _shared(one.points, other.points)
            agreement[i, j] = agreement[j, i] = spearman(psi[i][first], psi[j][second])
    return agreement


def _shared(one: IntVector, other: IntVector) -> tuple[IntVector, IntVector, IntVector]:
    """Ids in both, in the order of the first, and where they stand in each."""
    common, first, second = np.intersect1d(one, other, return_indices=True)
    order = np.argsort(first)
    return common[order].astype(np.int64), first[order].astype(np.int64), second[order].astype(np.int64)


def _change(
    one: tuple[FloatVector, FloatVector, FloatVector],
    other: tuple[FloatVector, FloatVector, FloatVector],
    first: IntVector,
    second: IntVector,
) -> ValueChange:
    a, a_low, a_high = (values[first] for values in one)
    b, b_low, b_high = (values[second] for values in other)
    width_a, width_b = a_high - a_low, b_high - b_low
    half = np.fmax(width_a, width_b) / 2
    shift = np.full(a.size, np.nan)
    known = np.isfinite(a) & np.isfinite(b) & np.isfinite(half) & (half > 0)
    shift[known] = (b[known] - a[known]) / half[known]
    usable = np.isfinite(width_a) & np.isfinite(width_b) & (width_a > 0)
    ratio = _median(width_b[usable] / width_a[usable])
    return ValueChange(a, a_low, a_high, b, b_low, b_high, shift, spearman(a, b), ratio)


def _transitions(before: NDArray[np.str_], after: NDArray[np.str_]) -> tuple[StatusChange, ...]:
    pairs, counts = np.unique(np.stack([before, after]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return tuple(StatusChange(str(pairs[0, i]), str(pairs[1, i]), int(counts[i])) for i in order)


def _best_kept(one: FloatVector, other: FloatVector) -> float:
    n_best = int(np.ceil(_BEST * one.size))
    if n_best == 0:
        return float("nan")
    best, others = (np.argsort(-values, kind="stable")[:n_best] for values in (one, other))
    return float(np.isin(best, others).mean())


def _mean(values: FloatVector) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def _median(values: FloatVector) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")

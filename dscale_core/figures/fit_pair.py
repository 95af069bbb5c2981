"""One fit held against another: the scatter of a quantity, and the tables of what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dscale_core.figures.fit_overview import usual_range
from dscale_core.figures.quantities import Quantity
from dscale_core.figures.scatter import point_marks
from dscale_core.figures.style import GUIDE, INK, finish
from dscale_core.types import Dataset, FloatVector, IntVector

__all__ = [
    "Paired", "change_groups", "class_groups", "fit_against_fit", "moved_table", "paired", "points_that_moved",
    "points_with_change", "transition_table",
]  # fmt: skip

_MOST_GROUPS = 9  # the theme has ten colours; the tenth is for all the others
Group = tuple[str, NDArray[np.bool_]]


class Change(Protocol):
    """One quantity of the shared points in both fits, each (q,)."""

    @property
    def one(self) -> FloatVector: ...
    @property
    def one_low(self) -> FloatVector: ...
    @property
    def one_high(self) -> FloatVector: ...
    @property
    def other(self) -> FloatVector: ...
    @property
    def other_low(self) -> FloatVector: ...
    @property
    def other_high(self) -> FloatVector: ...
    @property
    def shift(self) -> FloatVector: ...


class Transition(Protocol):
    """How many points ended one way in the first fit and another way in the second."""

    @property
    def one(self) -> str: ...
    @property
    def other(self) -> str: ...
    @property
    def n_points(self) -> int: ...


class Comparison(Protocol):
    """Two fits over the points they share, (q,)."""

    @property
    def points(self) -> IntVector: ...
    @property
    def psi(self) -> Change: ...
    @property
    def alpha(self) -> Change: ...
    @property
    def status_one(self) -> NDArray[np.str_]: ...
    @property
    def status_other(self) -> NDArray[np.str_]: ...
    @property
    def transitions(self) -> Sequence[Transition]: ...


@dataclass(frozen=True, eq=False)
class Paired:
    """One quantity of the points that two fits share: x in the first, y in the second, each (q,), ordered by id."""

    x: FloatVector
    y: FloatVector
    points: IntVector
    title: str
    short: str


def paired(one: Quantity, other: Quantity) -> Paired:
    """The quantity of both fits, matched by point."""
    points, first, second = np.intersect1d(one.points, other.points, return_indices=True)
    return Paired(one.values[first], other.values[second], points.astype(np.int64), one.title, one.short)


def class_groups(dataset: Dataset, points: IntVector) -> list[Group]:
    """One group a class, the nine most frequent at most and one for all others; one group alone in regression."""
    if dataset.task != "classification":
        return [("points", np.ones(points.size, dtype=bool))]
    return _largest(np.asarray(dataset.class_names, dtype=np.str_)[dataset.y_pool[points]], dataset.class_names)


def change_groups(comparison: Comparison) -> list[Group]:
    """One group a change of status, in the order of ids as in `paired`; points that ended alike share one."""
    order = np.argsort(comparison.points)
    before, after = comparison.status_one[order], comparison.status_other[order]
    words = np.where(before == after, "status unchanged", np.char.add(np.char.add(before, " → "), after))
    return _largest(words, ["status unchanged"])


def fit_against_fit(
    pair: Paired,
    labels: tuple[str, str],
    groups: Sequence[Group],
    selected: Sequence[int] | None = None,
    primary: int | None = None,
    height: int = 460,
) -> go.Figure:
    """A quantity in the second fit against the same in the first, with the line on which nothing changed."""
    hover = f"{labels[0]}: {pair.short} = %{{x:.4g}}<br>{labels[1]}: {pair.short} = %{{y:.4g}}"
    figure = point_marks(pair.x, pair.y, pair.points, groups, hover, selected, primary)
    both = np.isfinite(pair.x) & np.isfinite(pair.y)
    low, high = usual_range([pair.x[both], pair.y[both]])
    line = {"color": GUIDE, "width": 1.5, "dash": "dot"}
    figure.add_shape(type="line", x0=low, y0=low, x1=high, y1=high, line=line, layer="below")
    finish(figure, f"{pair.title}<br>{labels[0]}", f"{labels[1]}<br>{pair.title}", height, legend=True)
    margin = 0.04 * (high - low)
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        axis.range = [low - margin, high + margin]
    outside = both & ((np.minimum(pair.x, pair.y) < low - margin) | (np.maximum(pair.x, pair.y) > high + margin))
    if outside.any():
        place = {"x": 1, "y": 0, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom"}
        text = f"{int(outside.sum()):,} outlying points lie beyond the axes"
        figure.add_annotation(text=text, showarrow=False, font={"color": INK, "size": 11}, **place)
    return figure


def transition_table(comparison: Comparison) -> pd.DataFrame:
    """How statuses changed: from, to, points (count), share (0 to 1), changed; changes first, the most frequent first."""
    total = max(comparison.points.size, 1)
    rows = [(t.one, t.other, t.n_points, t.n_points / total, t.one != t.other) for t in comparison.transitions]
    frame = pd.DataFrame(rows, columns=["from", "to", "points", "share", "changed"])
    return frame.sort_values(["changed", "points"], ascending=False, kind="stable", ignore_index=True)


def points_with_change(comparison: Comparison, one: str, other: str) -> tuple[int, ...]:
    """Ids of the points that ended as `one` in the first fit and as `other` in the second."""
    inside = (comparison.status_one == one) & (comparison.status_other == other)
    return tuple(int(point) for point in comparison.points[inside])


def points_that_moved(comparison: Comparison) -> tuple[int, ...]:
    """Ids of the points of which neither fit's interval of psi holds the other value."""
    shift = comparison.psi.shift
    return tuple(int(point) for point in comparison.points[np.isfinite(shift) & (np.abs(shift) > 1)])


def moved_table(comparison: Comparison, dataset: Dataset) -> pd.DataFrame:
    """The shared points, those that moved most first; points without a law in one of the fits come last.

    Columns: point, row (in the source), label, shift (of psi, in half-widths of the wider 90 % interval), psi_one,
    psi_one_low, psi_one_high, psi_other, psi_other_low, psi_other_high (unit of the loss, at size k), alpha_one,
    alpha_other, status_one, status_other.
    """
    points, psi = comparison.points, comparison.psi
    frame = pd.DataFrame(
        {
            "point": points,
            "row": dataset.records.index.to_numpy()[points],
            "label": dataset.labels(points),
            "shift": psi.shift,
            "psi_one": psi.one,
            "psi_one_low": psi.one_low,
            "psi_one_high": psi.one_high,
            "psi_other": psi.other,
            "psi_other_low": psi.other_low,
            "psi_other_high": psi.other_high,
            "alpha_one": comparison.alpha.one,
            "alpha_other": comparison.alpha.other,
            "status_one": comparison.status_one,
            "status_other": comparison.status_other,
        }
    )
    order = frame["shift"].abs().sort_values(ascending=False, na_position="last", kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def _largest(words: NDArray[np.str_], order: Sequence[str]) -> list[Group]:
    """Groups by word: those of `order` first, then by frequency; where there are more than ten, the rarest are one."""
    found, counts = np.unique(words, return_counts=True)
    ranked = [str(found[i]) for i in np.argsort(-counts, kind="stable")]
    kept = ranked if len(ranked) <= _MOST_GROUPS + 1 else ranked[:_MOST_GROUPS]
    shown = [word for word in order if word in kept] + [word for word in kept if word not in order]
    groups = [(word, words == word) for word in shown]
    return groups if len(kept) == len(ranked) else [*groups, ("others", ~np.isin(words, shown))]

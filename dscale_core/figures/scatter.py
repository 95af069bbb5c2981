"""Scatters of points: exponent against scale, exponent against the distance to the decision boundary.

Up to 50,000 points every point is a mark; above that a density map carries all of them, a seeded sample is drawn on top,
and the chart says how many it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dscale_core.correlation import pearson
from dscale_core.errors import ArgumentError
from dscale_core.figures.quantities import log10_magnitude
from dscale_core.figures.selecting import is_dense, selected_mask
from dscale_core.figures.style import FADED, GUIDE, INK, finish
from dscale_core.types import FloatVector, IntVector, Laws

__all__ = ["ClassCorrelation", "boundary_scatter", "correlation_by_class", "law_scatter", "point_marks"]

_SAMPLED = 10_000  # marks drawn on top of a density map


@dataclass(frozen=True)
class ClassCorrelation:
    """Pearson correlation of two quantities among the points of one class; NaN with fewer than three points."""

    name: str
    r: float
    n: int


def correlation_by_class(
    x: FloatVector, y: FloatVector, codes: IntVector, names: Sequence[str]
) -> tuple[ClassCorrelation, ...]:
    """Pearson r of x and y within each class, over the points where both are finite."""
    rows = []
    for code, name in enumerate(names):
        inside = (codes == code) & np.isfinite(x) & np.isfinite(y)
        n = int(inside.sum())
        rows.append(ClassCorrelation(name, pearson(x[inside], y[inside]) if n >= 3 else float("nan"), n))
    return tuple(rows)


def law_scatter(
    laws: Laws, unit: str = "", selected: Sequence[int] | None = None, primary: int | None = None, height: int = 420
) -> go.Figure:
    """alpha against log10 |c|, one trace for c > 0 (helps) and one for c < 0 (hurts)."""
    x, y = log10_magnitude(laws.c), laws.alpha
    safe = np.where(np.isfinite(laws.c), laws.c, 0.0)
    groups = [("helps (c > 0)", safe > 0), ("hurts (c < 0)", safe < 0)]
    hover = "α = %{y:.3f}<br>log₁₀ |c| = %{x:.2f}"
    figure = point_marks(x, y, laws.points, groups, hover, selected, primary)
    return finish(figure, f"log₁₀ |c| (dex{', c in ' + unit if unit else ''})", "exponent α (no unit)", height, legend=True)


def boundary_scatter(
    laws: Laws,
    distance: FloatVector,
    codes: IntVector,
    class_names: Sequence[str],
    selected: Sequence[int] | None = None,
    primary: int | None = None,
    height: int = 420,
) -> go.Figure:
    """alpha against the signed distance to a logistic decision boundary, one trace a class with its Pearson r.

    `distance` and `codes` are those of the laws' points, (p,); of two classes the second one's side is positive, of more
    the own class's side. Raises ArgumentError where their lengths differ.
    """
    if distance.shape != laws.alpha.shape or codes.shape != laws.alpha.shape:
        got = f"{distance.shape} and {codes.shape} for {laws.alpha.size} laws"
        raise ArgumentError("distance and codes", "have one entry a law", got, "Index them with laws.points.")
    correlations = correlation_by_class(distance, laws.alpha, codes, class_names)
    groups = [(_class_label(c), codes == code) for code, c in enumerate(correlations)]
    hover = "distance = %{x:.3f}<br>α = %{y:.3f}"
    figure = point_marks(distance, laws.alpha, laws.points, groups, hover, selected, primary)
    figure.add_vline(x=0, line={"color": GUIDE, "width": 1.5})
    side = f"the side of {class_names[1]}" if len(class_names) == 2 else "the own class's side"
    title = f"signed distance to the logistic decision boundary (feature units; positive on {side})"
    return finish(figure, title, "exponent α (no unit)", height, legend=True)


def _class_label(correlation: ClassCorrelation) -> str:
    r = "r not defined" if np.isnan(correlation.r) else f"r = {correlation.r:+.2f}"
    return f"{correlation.name}: {r}, n = {correlation.n:,}"


def point_marks(
    x: FloatVector,
    y: FloatVector,
    points: IntVector,
    groups: Sequence[tuple[str, NDArray[np.bool_]]],
    hover: str,
    selected: Sequence[int] | None,
    primary: int | None,
) -> go.Figure:
    """One trace a group (name, mask) of the finite points, with what is selected and a ring round the primary one."""
    finite = np.isfinite(x) & np.isfinite(y)
    n_finite = int(finite.sum())
    figure = go.Figure()
    shown = finite
    if is_dense(n_finite):
        shown = _sample(finite)
        figure.add_trace(_density(x[finite], y[finite]))
        _say(figure, f"density of all {n_finite:,} points; {int(shown.sum()):,} of them drawn")
    mask = selected_mask(points, selected)
    size = 7 if n_finite < 1_000 else 5 if n_finite < 10_000 else 4
    for name, group in groups:
        inside = shown & group
        chosen = None if mask is None else np.flatnonzero(mask[inside]).tolist()
        figure.add_trace(_trace(x[inside], y[inside], points[inside], name, hover, size, chosen))
    _ring(figure, x, y, points, primary)
    figure.update_layout(dragmode="select")
    return figure


def _trace(
    x: FloatVector, y: FloatVector, points: IntVector, name: str, hover: str, size: int, chosen: list[int] | None
) -> go.Scattergl:
    return go.Scattergl(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        mode="markers",
        name=name,
        customdata=points,
        selectedpoints=chosen,
        marker={"size": size, "opacity": 0.75},
        unselected={"marker": {"opacity": FADED}},
        hovertemplate=f"point %{{customdata}}<br>{hover}<extra>{name}</extra>",
    )


def _ring(figure: go.Figure, x: FloatVector, y: FloatVector, points: IntVector, primary: int | None) -> None:
    """A ring around the primary point; drawn as an open mark that no hover or brush can take."""
    where = np.flatnonzero(points == primary) if primary is not None else np.empty(0, dtype=np.int64)
    if where.size and np.isfinite(x[where[0]]) and np.isfinite(y[where[0]]):
        figure.add_trace(
            go.Scattergl(
                x=x[where],
                y=y[where],
                mode="markers",
                name="open point",
                hoverinfo="skip",
                showlegend=False,
                customdata=points[where],
                unselected={"marker": {"opacity": 1}},
                marker={"size": 16, "symbol": "circle-open", "color": INK, "line": {"width": 3}},
            )
        )


def _density(x: FloatVector, y: FloatVector) -> go.Heatmap:
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=120)
    return go.Heatmap(
        x=(x_edges[:-1] + x_edges[1:]) / 2,
        y=(y_edges[:-1] + y_edges[1:]) / 2,
        z=np.where(counts > 0, counts, np.nan).T.astype(np.float32),
        colorbar={"title": {"text": "points (count)"}},
        hovertemplate="%{z:,} points here<extra>density</extra>",
    )


def _sample(finite: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rng = np.random.default_rng(0)
    taken = rng.choice(np.flatnonzero(finite), size=_SAMPLED, replace=False)
    shown = np.zeros(finite.size, dtype=bool)
    shown[taken] = True
    return shown


def _say(figure: go.Figure, text: str) -> None:
    figure.add_annotation(
        x=0,
        y=0,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        text=text,
        showarrow=False,
        font={"color": INK, "size": 11},
    )

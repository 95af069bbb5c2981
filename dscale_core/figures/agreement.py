"""Predicted against measured contributions at one size, and how often intervals hold the means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dscale_core.figures.fit_overview import usual_range
from dscale_core.figures.fit_pair import Group
from dscale_core.figures.held_out import Accuracy
from dscale_core.figures.scatter import point_marks
from dscale_core.figures.style import GUIDE, INK, finish, log_axis, mark_size, with_unit
from dscale_core.types import FloatVector, IntVector

__all__ = ["accuracy_table", "coverage_against_size", "predicted_against_measured", "widths_against_size"]

_SIZE = "dataset size k (points)"
_MOST_BARS = 400  # points whose standard errors are drawn


class Agreement(Protocol):
    """Predicted and measured values of every point at one size, each (p,)."""

    @property
    def size(self) -> float: ...
    @property
    def points(self) -> IntVector: ...
    @property
    def predicted(self) -> FloatVector: ...
    @property
    def mean(self) -> FloatVector: ...
    @property
    def standard_error(self) -> FloatVector: ...


class Covered(Protocol):
    """Share of means within the intervals with its standard error, and half the intervals' width, at each size; (g,)."""

    @property
    def level(self) -> float: ...
    @property
    def size(self) -> FloatVector: ...
    @property
    def coverage(self) -> FloatVector: ...
    @property
    def error(self) -> FloatVector: ...
    @property
    def half_width(self) -> FloatVector: ...
    @property
    def n_points(self) -> IntVector: ...


def predicted_against_measured(
    found: Agreement,
    groups: Sequence[Group],
    in_sample: bool,
    unit: str = "",
    selected: Sequence[int] | None = None,
    primary: int | None = None,
    height: int = 440,
) -> go.Figure:
    """Measured mean against predicted psi of every point at one size; on the dotted line both agree.

    Up to 400 points show one standard error of their mean.
    """
    hover = "predicted ψ = %{x:.3g}<br>mean δ = %{y:.3g}"
    figure = point_marks(found.predicted, found.mean, found.points, groups, hover, selected, primary)
    both = np.isfinite(found.predicted) & np.isfinite(found.mean)
    if 0 < both.sum() <= _MOST_BARS:
        _error_bars(figure, found, both)
    low, high = usual_range([found.predicted[both], found.mean[both]])
    line = {"color": GUIDE, "width": 1.5, "dash": "dot"}
    figure.add_shape(type="line", x0=low, y0=low, x1=high, y1=high, line=line, layer="below")
    kind = "draws of the fit" if in_sample else "validation draws"
    finish(
        figure,
        with_unit(f"predicted ψ at k ≈ {found.size:,.0f}", unit),
        with_unit(f"mean of {kind}", unit),
        height,
        legend=True,
    )
    margin = 0.04 * (high - low)
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        axis.range, axis.exponentformat = [low - margin, high + margin], "power"
    return figure


def _error_bars(figure: go.Figure, found: Agreement, both: np.ndarray) -> None:
    x, y, error = found.predicted[both], found.mean[both], np.nan_to_num(found.standard_error[both])
    gap = np.full(x.size, np.nan)
    figure.add_trace(
        go.Scattergl(
            x=np.stack([x, x, gap], axis=1).ravel(),
            y=np.stack([y - error, y + error, gap], axis=1).ravel(),
            mode="lines",
            line={"color": GUIDE, "width": 1},
            hoverinfo="skip",
            showlegend=False,
            name="standard error",
        )
    )


def accuracy_table(accuracy: Accuracy) -> pd.DataFrame:
    """One row a size: k, r2, ceiling, pearson, spearman, signs, points."""
    return pd.DataFrame(
        {
            "k": accuracy.size,
            "r2": accuracy.r2,
            "ceiling": accuracy.noise_ceiling,
            "pearson": accuracy.pearson,
            "spearman": accuracy.spearman,
            "signs": accuracy.sign_agreement,
            "points": accuracy.n_points,
        }
    )


def coverage_against_size(
    found: Mapping[str, Covered], in_sample: bool, at: float | None = None, height: int = 380
) -> go.Figure:
    """Share of the means within each fit's intervals, size by size; the dashed line is what the intervals claim.

    Bars are two standard errors: what chance moves the share of right intervals by.
    """
    figure = go.Figure()
    for name, one in found.items():
        bars = {"type": "data", "array": 2 * np.asarray(one.error), "thickness": 1, "width": 3}
        _line(figure, name, one, one.coverage, "%{y:.1%} ± %{error_y.array:.1%} of %{customdata:,} points", bars)
    kind = "in-sample" if in_sample else "on validation draws"
    finish(figure, _SIZE, f"means within the interval, {kind} (share)", height, legend=True)
    figure.update_xaxes(**log_axis())
    drawn = np.concatenate([np.asarray(one.coverage) for one in found.values()] or [np.empty(0)])
    lowest = float(np.min(drawn[np.isfinite(drawn)], initial=0.7))
    figure.update_yaxes(range=[max(lowest - 0.05, -0.02), 1.02], tickformat=".0%")
    for level in {one.level for one in found.values()}:
        band = {"fillcolor": GUIDE, "opacity": 0.25, "line_width": 0, "layer": "below"}
        figure.add_hrect(y0=max(level - 0.05, 0.0), y1=min(level + 0.05, 1.0), **band)
        figure.add_hline(y=level, line={"color": INK, "width": 1.5, "dash": "dash"})
    mark_size(figure, at)
    return figure


def widths_against_size(
    found: Mapping[str, Covered], unit: str = "", at: float | None = None, height: int = 380
) -> go.Figure:
    """Median half-width of each fit's intervals, size by size: of two that cover, the narrower one says more."""
    figure = go.Figure()
    for name, one in found.items():
        _line(figure, name, one, one.half_width, "±%{y:.2e}, median of %{customdata:,} points")
    finish(figure, _SIZE, with_unit("median half-width of ψ's interval", unit), height, legend=True)
    figure.update_xaxes(**log_axis())
    figure.update_yaxes(type="log", exponentformat="power", dtick="D2")
    mark_size(figure, at)
    return figure


def _line(
    figure: go.Figure, name: str, one: Covered, values: FloatVector, said: str, bars: dict[str, Any] | None = None
) -> None:
    figure.add_scatter(
        x=one.size,
        y=values,
        error_y=bars,
        mode="lines+markers",
        name=name,
        customdata=one.n_points,
        hovertemplate=f"{name}<br>k ≈ %{{x:,.0f}}: {said}<extra></extra>",
    )

"""Does the law hold? Predicted against measured means, point by point and size by size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from dscale_core.figures.histograms import histogram
from dscale_core.figures.quantities import Quantity
from dscale_core.figures.style import GUIDE, finish, log_axis, mark_size, with_unit
from dscale_core.types import FloatVector, IntVector

__all__ = ["accuracy_against_size", "curves_by_quantile", "lack_of_fit_histogram"]

_FOOT = 1e-6  # of the law, where its interval holds zero
_DODGE = 1.012  # factor in k between the marks of neighbouring curves


class Curve(Protocol):
    """Measured means and the law of one point that stands for a quantile of alpha."""

    @property
    def point(self) -> int: ...
    @property
    def alpha(self) -> float: ...
    @property
    def quantile(self) -> float: ...
    @property
    def size(self) -> FloatVector: ...
    @property
    def mean(self) -> FloatVector: ...
    @property
    def standard_error(self) -> FloatVector: ...
    @property
    def k_line(self) -> FloatVector: ...
    @property
    def psi_line(self) -> FloatVector: ...
    @property
    def psi_low(self) -> FloatVector: ...
    @property
    def psi_high(self) -> FloatVector: ...


class Accuracy(Protocol):
    """Agreement of laws and measured means over points, at each size; all (g,)."""

    @property
    def size(self) -> FloatVector: ...
    @property
    def r2(self) -> FloatVector: ...
    @property
    def noise_ceiling(self) -> FloatVector: ...
    @property
    def pearson(self) -> FloatVector: ...
    @property
    def spearman(self) -> FloatVector: ...
    @property
    def sign_agreement(self) -> FloatVector: ...
    @property
    def n_points(self) -> IntVector: ...


def curves_by_quantile(
    curves: Sequence[Curve], unit: str = "", colors: Sequence[str] | None = None, at: float | None = None, height: int = 520
) -> go.Figure:
    """|psi_k| against k on logarithmic axes: measured means with one standard error, the laws as lines with 90 % bands.

    A mean whose sign is not the law's cannot lie on its logarithmic line: it is drawn open. Marks of different points at
    one size are set slightly apart; their hovers say the size. `colors` run with alpha.
    """
    figure = go.Figure()
    palette = _spread(colors, len(curves))
    for place, (curve, color) in enumerate(zip(curves, palette, strict=True)):
        label = f"α = {curve.alpha:.2f} ({100 * curve.quantile:.0f} %)"
        hover = f"point {curve.point}, α = {curve.alpha:.2f}<br>"
        figure.add_trace(_band(curve, color, label))
        figure.add_scatter(
            x=curve.k_line,
            y=np.abs(curve.psi_line),
            mode="lines",
            name=label,
            legendgroup=label,
            line={"color": color, "width": 2},
            customdata=np.full(len(curve.k_line), curve.point),
            hovertemplate=hover + "k = %{x:,.0f}<br>|ψ| = %{y:.3g}<extra>law</extra>",
        )
        figure.add_trace(_means(curve, color, label, hover, _DODGE ** (place - (len(curves) - 1) / 2)))
    finish(figure, "dataset size k (points)", with_unit("|contribution|", unit), height, legend=True)
    figure.update_xaxes(**log_axis())
    figure.update_yaxes(type="log", exponentformat="power", dtick=1, range=_drawn_range(curves))
    figure.update_layout(
        legend={"orientation": "v", "x": 1.01, "y": 1, "yanchor": "top", "title": {"text": "exponent (quantile)"}},
        margin={"t": 24},
    )
    mark_size(figure, at)
    return figure


def lack_of_fit_histogram(
    lack_of_fit: FloatVector, points: IntVector, in_sample: bool, selected: Sequence[int] | None = None
) -> go.Figure:
    """Distance of each point's law from its measured means; what lies beyond 4 standard errors is counted in a note."""
    kind = "in-sample" if in_sample else "on validation draws"
    title = f"lack of fit of one point's law, {kind} (standard errors)"
    quantity = Quantity("lack_of_fit", title, "lack of fit", lack_of_fit, points)
    return histogram(quantity, selected, limits=(0.0, 4.0), height=320)


def accuracy_against_size(accuracy: Accuracy, in_sample: bool, at: float | None = None, height: int = 360) -> go.Figure:
    """R² over points at each size with its noise ceiling (the R² that a perfect law would reach), and rank agreement."""
    figure = go.Figure()
    lines = (
        ("R²", accuracy.r2, "solid", 3),
        ("noise ceiling of R²", accuracy.noise_ceiling, "dash", 2),
        ("Spearman ρ", accuracy.spearman, "solid", 1.5),
        ("sign agreement", accuracy.sign_agreement, "dot", 1.5),
    )
    for name, values, dash, width in lines:
        figure.add_scatter(
            x=accuracy.size,
            y=values,
            mode="lines+markers",
            name=name,
            line={"dash": dash, "width": width},
            customdata=accuracy.n_points,
            marker={"size": 6},
            hovertemplate=f"k ≈ %{{x:,.0f}}<br>{name} = %{{y:.3f}}<br>over %{{customdata:,}} points<extra></extra>",
        )
    kind = "in-sample" if in_sample else "on validation draws"
    finish(figure, "dataset size k (points)", f"agreement, {kind} (no unit)", height, legend=True)
    figure.update_xaxes(**log_axis())
    drawn = np.concatenate([np.asarray(values, dtype=np.float64) for _, values, _, _ in lines])
    lowest = float(np.min(drawn[np.isfinite(drawn)], initial=0.0))
    figure.update_yaxes(range=[max(lowest, -1.0) - 0.05, 1.05])
    figure.add_hline(y=0, line={"color": GUIDE, "width": 1.5})
    mark_size(figure, at)
    return figure


def _drawn_range(curves: Sequence[Curve]) -> list[float] | None:
    """Exponents of ten that hold every mean and law: error bars that reach zero would stretch the axis without end."""
    drawn = np.concatenate([np.abs(values) for curve in curves for values in (curve.mean, curve.psi_line)] or [np.empty(0)])
    drawn = drawn[np.isfinite(drawn) & (drawn > 0)]
    return [float(np.log10(drawn.min())) - 0.15, float(np.log10(drawn.max())) + 0.25] if drawn.size else None


def _band(curve: Curve, color: str, label: str) -> go.Scatter:
    """The interval along the law; where it reaches zero it reaches the foot of a logarithmic axis."""
    line = np.abs(curve.psi_line)
    ends = np.stack([curve.psi_low, curve.psi_high])
    far, near = np.abs(ends).max(axis=0), np.abs(ends).min(axis=0)
    near = np.where(np.sign(ends[0]) == np.sign(ends[1]), near, _FOOT * line)
    return go.Scatter(
        x=np.concatenate([curve.k_line, curve.k_line[::-1]]),
        y=np.concatenate([far, near[::-1]]),
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=color,
        opacity=0.11,
        legendgroup=label,
        showlegend=False,
        hoverinfo="skip",
        name=f"{label}, interval",
    )


def _means(curve: Curve, color: str, label: str, hover: str, dodge: float) -> go.Scatter:
    same_sign = np.sign(curve.mean) == np.sign(curve.psi_line[0])
    return go.Scatter(
        x=np.asarray(curve.size) * dodge,
        y=np.abs(curve.mean),
        error_y={"type": "data", "array": curve.standard_error, "color": color, "thickness": 1, "width": 0},
        mode="markers",
        name=label,
        legendgroup=label,
        showlegend=False,
        customdata=np.full(len(curve.mean), curve.point),
        marker={"size": 8, "color": color, "symbol": ["circle" if same else "circle-open" for same in same_sign]},
        text=[
            f"k ≈ {k:,.0f}" + ("" if same else ", opposite sign to the law")
            for k, same in zip(curve.size, same_sign, strict=True)
        ],
        hovertemplate=hover + "%{text}<br>|mean δ| = %{y:.3g}<extra>measured</extra>",
    )


def _spread(colors: Sequence[str] | None, n: int) -> list[str]:
    """`n` colours in order: picked evenly from `colors`, or from viridis where the surroundings give none."""
    at = np.linspace(0, 1, max(n, 1))
    if colors is None:
        return list(sample_colorscale("viridis", at[:n]))
    return [colors[round(position * (len(colors) - 1))] for position in at[:n]]

"""The law of the loss itself: measured losses with their curve, and the likelihood of its floor and exponent."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from dscale_core.figures.style import INK, finish, log_axis, with_unit
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["likelihood_surface", "loss_curve"]

_LINE_POINTS = 80
_BEYOND = 10.0  # the curve is drawn to so many times the largest size
_SHOWN_NATS = 12.0  # below the maximum, where the colours end
_OVER_COLOURS = "rgba(128, 128, 128, 1)"  # reads on both ends of a colour scale
_WHITE, _BLACK = "rgba(255, 255, 255, 1)", "rgba(0, 0, 0, 1)"
_REGION = 2.302585092994046  # nats: half of the 90 % point of chi square with two degrees of freedom


class Loss(Protocol):
    """L = epsilon + c k^(-alpha), with what it was fitted to and its likelihood."""

    @property
    def epsilon(self) -> float: ...
    @property
    def alpha(self) -> float: ...
    @property
    def min_size(self) -> int: ...
    @property
    def max_size(self) -> int: ...
    @property
    def size(self) -> FloatVector: ...
    @property
    def mean(self) -> FloatVector: ...
    @property
    def standard_error(self) -> FloatVector: ...
    @property
    def surface_alpha(self) -> FloatVector: ...
    @property
    def surface_epsilon(self) -> FloatVector: ...
    @property
    def surface(self) -> FloatMatrix: ...
    def loss(self, k: ArrayLike) -> FloatVector: ...


def loss_curve(found: Loss, unit: str = "", height: int = 420) -> go.Figure:
    """Mean loss of coalitions against k, its law, dotted where it is extrapolated, and the floor that it falls to."""
    figure = go.Figure()
    inside = np.geomspace(found.min_size, found.max_size, _LINE_POINTS)
    beyond = np.geomspace(found.max_size, found.max_size * _BEYOND, _LINE_POINTS)
    for name, k, line in (("law", inside, {}), ("law, extrapolated", beyond, {"dash": "dot", "color": INK})):
        figure.add_scatter(
            x=k, y=found.loss(k), mode="lines", name=name, line={"width": 2} | line,
            hovertemplate=f"k = %{{x:,.0f}}: %{{y:.4g}}<extra>{name}</extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=found.size, y=found.mean, mode="markers", name="mean of coalitions", marker={"size": 8},
        error_y={"type": "data", "array": found.standard_error, "thickness": 1, "width": 0},
        customdata=found.standard_error,
        hovertemplate="k ≈ %{x:,.0f}: %{y:.4g} ± %{customdata:.2g}<extra>measured</extra>",
    )  # fmt: skip
    figure.add_hline(
        y=found.epsilon, line={"color": INK, "dash": "dash", "width": 1.5}, annotation_text=f"floor ε = {found.epsilon:.3g}",
        annotation_position="bottom left", annotation_font={"color": INK, "size": 11},
    )  # fmt: skip
    finish(figure, "coalition size k (points)", with_unit("loss on the valuation set", unit), height, legend=True)
    figure.update_xaxes(**log_axis())
    return figure


def likelihood_surface(found: Loss, unit: str = "", height: int = 420) -> go.Figure:
    """Log-likelihood of (alpha, epsilon) below its maximum; the line encloses 90 % and the mark is the maximum."""
    figure = go.Figure()
    nats = np.maximum(found.surface, -_SHOWN_NATS)
    figure.add_heatmap(
        x=found.surface_alpha,
        y=found.surface_epsilon,
        z=nats.astype(np.float32),
        zmin=-_SHOWN_NATS,
        zmax=0,
        colorbar={"title": {"text": "log-likelihood<br>(nats)"}, "thickness": 14},
        customdata=found.surface.astype(np.float32),
        hovertemplate="α = %{x:.3f}, ε = %{y:.4g}<br>%{customdata:.1f} nats<extra></extra>",
    )
    figure.add_contour(
        x=found.surface_alpha,
        y=found.surface_epsilon,
        z=found.surface,
        contours={"start": -_REGION, "end": -_REGION, "size": 1, "coloring": "none", "showlabels": False},
        line={"color": _OVER_COLOURS, "width": 2},
        showscale=False,
        hoverinfo="skip",
        name="90 % region",
    )
    figure.add_scatter(
        x=[found.alpha], y=[found.epsilon], mode="markers", name="maximum",
        marker={"symbol": "cross", "size": 12, "color": _WHITE, "line": {"color": _BLACK, "width": 1.5}},
        hovertemplate="maximum: α = %{x:.3f}, ε = %{y:.4g}<extra></extra>",
    )  # fmt: skip
    return finish(figure, "exponent α (no unit)", with_unit("floor ε", unit), height)

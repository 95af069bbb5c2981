"""First pictures while exact draws are still being made, each with a mark on the chart itself that says what it shows."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dscale_core.figures.histograms import histogram
from dscale_core.figures.quantities import quantity
from dscale_core.figures.style import GUIDE, INK, finish, with_unit
from dscale_core.types import FloatVector, Laws

__all__ = ["formula_scatter", "marked_exponents"]

_TAIL = 0.005  # of the points, left out of view at either end
_TO_SEE = 100  # fewer points are all shown


def marked_exponents(laws: Laws, mark: str, height: int = 300) -> go.Figure:
    """Histogram of alpha with ``mark`` written above it; a few far points, if any, are counted and not shown."""
    shown = quantity(laws, "alpha")
    finite = shown.values[np.isfinite(shown.values)]
    limits = None
    if finite.size >= _TO_SEE:
        low, high = np.quantile(finite, [_TAIL, 1 - _TAIL])
        limits = (float(low), float(high)) if high > low else None
    figure = histogram(shown, limits=limits, height=height)
    figure.update_layout(dragmode=False, margin={"t": 44})
    # headroom for the note of points out of view
    figure.update_yaxes(range=[0, 1.18 * max(1, int(max(figure.data[0].y)))])
    figure.add_annotation(
        text=mark, x=0.5, y=1, xref="paper", yref="paper", xanchor="center", yanchor="bottom", yshift=8,
        showarrow=False, font={"color": INK, "size": 13},
    )  # fmt: skip
    return figure


def formula_scatter(laws: Laws, formula: FloatVector, k: int, unit: str = "", height: int = 300) -> go.Figure:
    """psi_k by a formula without draws, (p,), against psi_k of ``laws``; the diagonal is agreement."""
    psi = laws.psi(k)
    use = np.isfinite(psi) & np.isfinite(formula)
    figure = go.Figure()
    figure.add_scatter(
        x=formula[use],
        y=psi[use],
        customdata=laws.points[use],
        mode="markers",
        marker={"size": 5, "opacity": 0.55},
        hovertemplate="point %{customdata}<br>formula %{x:.3g}<br>preview %{y:.3g}<extra></extra>",
    )
    if use.any():
        ends = [float(min(formula[use].min(), psi[use].min())), float(max(formula[use].max(), psi[use].max()))]
        figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": GUIDE, "width": 1.5}, hoverinfo="skip")
    finish(figure, with_unit(f"ψ at k = {k:,} by the formula", unit), with_unit("ψ by the preview's laws", unit), height)
    figure.update_layout(dragmode=False)
    return figure

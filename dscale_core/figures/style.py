"""What all figures share: margins, the grey of guide lines, the opacity of what is not selected, and how numbers read.

The only colours are greys that read on light and on dark; all others come from the theme around the figure.
"""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go

__all__ = ["FADED", "GUIDE", "INK", "MAX_MARKS", "finish", "log_axis", "mark_size", "with_unit"]

GUIDE = "rgba(128, 128, 128, 0.55)"  # guide lines: zero, size k
INK = "rgba(128, 128, 128, 0.95)"  # annotations and error bars
FADED = 0.12  # opacity of unselected marks: greyed, not hidden
MAX_MARKS = 50_000  # above this many marks WebGL stutters: a density map takes over


def finish(figure: go.Figure, x_title: str, y_title: str, height: int = 360, legend: bool = False) -> go.Figure:
    """Axis titles, margins and hover that every chart has; returns the same figure."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 56 if legend else 24, "b": 8},
        hovermode="closest",
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 1.07, "xanchor": "left", "yanchor": "bottom", "title": {"text": ""}},
        xaxis={"title": {"text": x_title}, "automargin": True},
        yaxis={"title": {"text": y_title}, "automargin": True},
    )
    return figure


def mark_size(figure: go.Figure, k: float | None, label: str = "k") -> None:
    """A dotted vertical line at size k."""
    if k is not None:
        figure.add_vline(x=k, line={"color": GUIDE, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            x=math.log10(k) if figure.layout.xaxis.type == "log" else k,  # annotations take exponents on a log axis
            y=1,
            yref="paper",
            yanchor="bottom",
            xanchor="center",
            text=f"{label} = {k:,.0f}",
            showarrow=False,
            font={"color": INK, "size": 11},
        )


def with_unit(name: str, unit: str) -> str:
    """`name (unit)`, or the bare name where there is no unit."""
    return f"{name} ({unit})" if unit else name


def log_axis(**more: Any) -> dict[str, Any]:
    """A logarithmic axis with ticks at 1, 2 and 5 times the powers of ten."""
    return {"type": "log", "dtick": "D2", "tickformat": "~s"} | more

"""Accuracy of estimators as draws are added, and beyond the sizes that they were fitted on."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dscale_core.figures.style import GUIDE, INK, finish, log_axis
from dscale_core.types import FloatMatrix, FloatVector, IntVector

__all__ = ["accuracy_against_draws", "accuracy_beyond", "is_judged"]

_LOWEST = -0.5  # of the R² axis
_CLAIMED = 0.9  # coverage of the intervals that are held against the means
_TICK_GAP = 1.2  # factor between neighbouring numbers of draws that both have room for a label


class Convergence(Protocol):
    """Accuracy after the first draws: r2 (methods, c, g), mean_r2 (methods, c), at n_draws (c,) and size (g,)."""

    @property
    def methods(self) -> tuple[str, ...]: ...
    @property
    def n_draws(self) -> IntVector: ...
    @property
    def size(self) -> FloatVector: ...
    @property
    def r2(self) -> NDArray[np.float64]: ...
    @property
    def mean_r2(self) -> FloatMatrix: ...
    @property
    def noise_ceiling(self) -> FloatVector: ...
    @property
    def n_points(self) -> int: ...


class Judged(Protocol):
    """Anything that holds R² of estimators; NaN where there was nothing to judge."""

    @property
    def r2(self) -> NDArray[np.float64]: ...


class Extrapolation(Protocol):
    """Accuracy of laws fitted up to ``limit`` at sizes (g,), each (methods, g)."""

    @property
    def methods(self) -> tuple[str, ...]: ...
    @property
    def limit(self) -> float: ...
    @property
    def size(self) -> FloatVector: ...
    @property
    def factor(self) -> FloatVector: ...
    @property
    def r2(self) -> FloatMatrix: ...
    @property
    def spearman(self) -> FloatMatrix: ...
    @property
    def coverage(self) -> FloatMatrix: ...
    @property
    def noise_ceiling(self) -> FloatVector: ...


def is_judged(found: Judged) -> bool:
    """Whether any estimator has an R² at any size."""
    return bool(np.isfinite(found.r2).any())


def accuracy_against_draws(found: Convergence, size: float | None = None, height: int = 440) -> go.Figure:
    """R² on validation means against the number of draws, one line a method; ``size`` None is the mean over sizes."""
    figure = go.Figure()
    if size is None:
        values, ceiling, what = found.mean_r2, float(np.mean(found.noise_ceiling)), "mean R² over sizes"
    else:
        at = int(np.abs(found.size - size).argmin())
        values, ceiling, what = found.r2[:, :, at], float(found.noise_ceiling[at]), f"R² at k ≈ {found.size[at]:,.0f}"
    for method, line in zip(found.methods, values, strict=True):
        figure.add_scatter(
            x=found.n_draws,
            y=np.where(line >= _LOWEST, line, np.nan),
            mode="lines+markers",
            name=method,
            marker={"size": 8},
            hovertemplate=f"{method}<br>%{{x:,}} draws: {what} = %{{y:.3f}}<extra></extra>",
        )
    finish(figure, "draws a point (count)", f"{what}, on validation draws (no unit)", height, legend=True)
    figure.update_xaxes(type="log", tickvals=_counts_with_room(found.n_draws), tickformat=",d")
    _ceiling(figure, ceiling)
    _r2_axis(figure, values)
    return figure


def accuracy_beyond(found: Extrapolation, quantity: str = "r2", height: int = 440) -> go.Figure:
    """R², rank agreement or coverage of 90 % intervals at each validation size; the shade is what was fitted on.

    quantity : "r2", "spearman" or "coverage"
    """
    titles = {"r2": "R²", "spearman": "Spearman ρ", "coverage": "means within 90 % intervals"}
    kinds = {"r2": "no unit", "spearman": "no unit", "coverage": "share"}
    number = "%{y:.1%}" if quantity == "coverage" else "%{y:.3f}"
    values: FloatMatrix = {"r2": found.r2, "spearman": found.spearman, "coverage": found.coverage}[quantity]
    figure = go.Figure()
    for method, line in zip(found.methods, values, strict=True):
        figure.add_scatter(
            x=found.size,
            y=np.where(line >= _LOWEST, line, np.nan),
            mode="lines+markers",
            name=method,
            marker={"size": 8},
            customdata=found.factor,
            hovertemplate=(
                f"{method}<br>k ≈ %{{x:,.0f}}, %{{customdata:.2f}} times the limit<br>{titles[quantity]}: {number}"
                "<extra></extra>"
            ),
        )
    finish(
        figure,
        "dataset size k (points)",
        f"{titles[quantity]}, on validation draws ({kinds[quantity]})",
        height,
        legend=True,
    )
    figure.update_xaxes(**log_axis())
    left = min(float(found.size[0]), found.limit) * 0.9
    figure.add_vrect(x0=left, x1=found.limit, fillcolor=GUIDE, opacity=0.25, line_width=0, layer="below")
    figure.add_annotation(
        x=np.log10(found.limit), y=0.06, yref="paper", yanchor="bottom", xanchor="right", showarrow=False,
        text=f"fitted, to k = {found.limit:,.0f}", font={"color": INK, "size": 11},
    )  # fmt: skip
    if quantity == "r2":
        figure.add_scatter(
            x=found.size, y=found.noise_ceiling, mode="lines", name="noise ceiling", line={"color": INK, "dash": "dash"},
            hovertemplate="k ≈ %{x:,.0f}: at most %{y:.3f}<extra>noise ceiling</extra>",
        )  # fmt: skip
    elif quantity == "coverage":
        _level(figure, _CLAIMED, "what they claim")
    _r2_axis(figure, values)
    if quantity == "coverage":
        figure.update_yaxes(tickformat=".0%")
    return figure


def _counts_with_room(n_draws: IntVector) -> list[int]:
    """The numbers of draws to label, from the last back, so that all there is has its label."""
    shown: list[int] = []
    for count in n_draws[::-1].tolist():
        if not shown or shown[-1] >= _TICK_GAP * count:
            shown.append(count)
    return shown[::-1]


def _ceiling(figure: go.Figure, ceiling: float) -> None:
    if np.isfinite(ceiling):
        _level(figure, ceiling, f"noise ceiling {ceiling:.2f}")


def _level(figure: go.Figure, at: float, text: str) -> None:
    figure.add_hline(
        y=at, line={"color": INK, "width": 1.5, "dash": "dash"}, annotation_text=text,
        annotation_position="top left", annotation_font={"color": INK, "size": 11},
    )  # fmt: skip


def _r2_axis(figure: go.Figure, values: FloatMatrix) -> None:
    """From the least value drawn, not below −0.5; what lies lower is counted in a note."""
    finite = values[np.isfinite(values)]
    drawn = finite[finite >= _LOWEST]
    lowest = min(0.0, float(drawn.min(initial=0.0))) - 0.05
    figure.update_yaxes(range=[lowest, 1.06])
    if lowest < 0 < 1:
        figure.add_hline(y=0, line={"color": GUIDE, "width": 1})
    if n_below := int((finite < _LOWEST).sum()):
        word = "value lies" if n_below == 1 else "values lie"
        figure.add_annotation(
            x=0, y=0, xref="paper", yref="paper", xanchor="left", yanchor="bottom", yshift=22, showarrow=False,
            text=f"{n_below} {word} below {_LOWEST:g}", font={"color": INK, "size": 11},
        )  # fmt: skip

"""Several fits of one study in one picture: how they ended, how a quantity is spread, how far they agree; and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dscale_core.errors import ArgumentError
from dscale_core.figures.histograms import bin_values
from dscale_core.figures.quantities import Quantity
from dscale_core.figures.style import INK, finish
from dscale_core.types import FloatMatrix, FloatVector, Laws, LawStatus

__all__ = [
    "distributions",
    "fits_table",
    "points_with_status",
    "rank_agreement_map",
    "status_bars",
    "statuses_of",
    "usual_range",
]

_ROW = 34  # height of one fit's bar, in pixels
_OUTLYING = 0.01  # share of the values at each end that may lie outside the usual range


class Record(Protocol):
    """How one fit went."""

    @property
    def id(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def created(self) -> str: ...
    @property
    def n_coalitions(self) -> int: ...
    @property
    def seconds(self) -> float: ...


class Summary(Protocol):
    """One fit's counts and medians."""

    @property
    def n_points(self) -> int: ...
    @property
    def n_ok(self) -> int: ...
    @property
    def share_ok(self) -> float: ...
    @property
    def n_fitted(self) -> int: ...
    @property
    def median_alpha(self) -> float: ...
    @property
    def median_alpha_width(self) -> float: ...
    @property
    def mean_r2(self) -> float: ...
    @property
    def guided(self) -> bool: ...


def fits_table(records: Sequence[Record], labels: Sequence[str], summaries: Sequence[Summary]) -> pd.DataFrame:
    """One row a fit, in the order given.

    Columns: fit (its label), method, coalitions, seconds, created, points, ok, share_ok, with_law, alpha, alpha_width,
    guided, r2. alpha and alpha_width are medians over the points with a law; r2 is the mean over sizes against draws that
    the fit never saw, NaN where there are none.
    """
    rows = [
        {
            "fit": label,
            "method": record.method,
            "coalitions": record.n_coalitions,
            "seconds": record.seconds,
            "created": pd.Timestamp(record.created),
            "points": summary.n_points,
            "ok": summary.n_ok,
            "share_ok": summary.share_ok,
            "with_law": summary.n_fitted,
            "alpha": summary.median_alpha,
            "alpha_width": summary.median_alpha_width,
            "guided": summary.guided,
            "r2": summary.mean_r2,
        }
        for record, label, summary in zip(records, labels, summaries, strict=True)
    ]
    return pd.DataFrame(rows)


def statuses_of(counts: Sequence[Mapping[str, int]]) -> tuple[str, ...]:
    """The statuses that occur, ``ok`` first."""
    seen = {status for fit in counts for status in fit}
    known = [str(status) for status in LawStatus if status in seen]
    return (*known, *sorted(seen.difference(known)))


def status_bars(labels: Sequence[str], counts: Sequence[Mapping[str, int]]) -> go.Figure:
    """How the points of each fit ended, as shares of the fit; `customdata` of a bar is its fit's position and its status."""
    totals = [max(sum(fit.values()), 1) for fit in counts]
    figure = go.Figure()
    for status in statuses_of(counts):
        having = [(i, fit[status]) for i, fit in enumerate(counts) if fit.get(status)]
        figure.add_bar(
            y=[labels[i] for i, _ in having],
            x=[100 * count / totals[i] for i, count in having],
            orientation="h",
            name=status,
            customdata=[[i, status] for i, _ in having],
            text=[f"{count:,} of {totals[i]:,} points" for i, count in having],
            textposition="none",
            hovertemplate=f"%{{y}}<br>{status}: %{{text}} (%{{x:.1f}} %)<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.3, dragmode=False)
    finish(figure, "share of the fit's points (%)", "fit", 132 + _ROW * len(labels), legend=True)
    figure.update_xaxes(range=[0, 101], dtick=20, fixedrange=True)
    figure.update_layout(legend_traceorder="normal")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=list(labels)[::-1], fixedrange=True)
    return figure


def points_with_status(fits: Sequence[Laws], status: str) -> tuple[int, ...]:
    """Ids of the points that have this status in any of the fits."""
    having = [laws.points[laws.status.astype(str) == status] for laws in fits]
    return tuple(int(point) for point in np.unique(np.concatenate([*having, np.empty(0, dtype=np.int64)])))


def distributions(quantities: Sequence[Quantity], labels: Sequence[str], height: int = 380) -> go.Figure:
    """How one quantity is spread in each fit, over common bins, as shares of the fit's points that have it.

    A few outlying values would leave nothing to see: they are left out and counted on the chart. Raises ArgumentError
    where there is no fit.
    """
    if not quantities:
        raise ArgumentError("quantities", "hold at least one fit", "none", "Choose a fit.")
    limits = usual_range([quantity.values for quantity in quantities])
    n_bins = max(bin_values(quantity.values, limits=limits).counts.size for quantity in quantities)
    figure, outside = go.Figure(), 0
    for quantity, label in zip(quantities, labels, strict=True):
        bins = bin_values(quantity.values, n_bins, limits)
        finite = quantity.values[np.isfinite(quantity.values)]
        outside += bins.n_below + bins.n_above
        low, high = bins.edges[:-1], bins.edges[1:]
        figure.add_scatter(
            x=bins.centers,
            y=100 * bins.counts / max(finite.size, 1),
            mode="lines",
            line={"shape": "hvh", "width": 2},
            name=f"{label} (median {np.median(finite):.3g})" if finite.size else f"{label} (none)",
            customdata=[
                f"{count:,} of {finite.size:,} points<br>{quantity.short} from {a:.3g} to {b:.3g}"
                for count, a, b in zip(bins.counts, low, high, strict=True)
            ],
            hovertemplate=f"{label}<br>%{{customdata}} (%{{y:.1f}} %)<extra></extra>",
        )
    finish(figure, quantities[0].title, "share of the fit's points with a law (%)", height, legend=True)
    figure.update_xaxes(range=list(limits))
    figure.update_yaxes(rangemode="tozero")
    if outside:
        _note(figure, f"{outside:,} outlying values not shown")
    return figure


def rank_agreement_map(labels: Sequence[str], agreement: FloatMatrix, k: float) -> go.Figure:
    """Rank correlation of ψ at size k between every two fits, (f, f); the upper half, which says the same, is left out."""
    lower = np.where(np.tril(np.ones_like(agreement)) > 0, agreement, np.nan)
    figure = go.Figure(
        go.Heatmap(
            x=list(labels),
            y=list(labels),
            z=lower,
            zmin=min(0.0, float(np.nanmin(agreement)) if np.isfinite(agreement).any() else 0.0),
            zmax=1,
            texttemplate="%{z:.2f}",
            customdata=[[[one, other] for other in labels] for one in labels],
            hoverongaps=False,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": "rank correlation"}, "thickness": 14},
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>rank correlation %{z:.3f}<extra></extra>",
        )
    )
    finish(figure, f"fit (ψ at k = {k:,.0f})", "fit", 170 + 2 * _ROW * len(labels))
    figure.update_xaxes(type="category", showgrid=False, fixedrange=True)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, fixedrange=True)
    return figure


def usual_range(values: Sequence[FloatVector]) -> tuple[float, float]:
    """The range of the finite values, without a few that lie so far out that the others would be squeezed."""
    finite = np.concatenate([one[np.isfinite(one)] for one in values])
    if finite.size == 0:
        return 0.0, 1.0
    low, high = (float(end) for end in np.quantile(finite, (_OUTLYING, 1 - _OUTLYING)))
    reach = (high - low) / 2
    low, high = max(float(finite.min()), low - reach), min(float(finite.max()), high + reach)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _note(figure: go.Figure, text: str) -> None:
    place = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "top"}
    figure.add_annotation(text=text, showarrow=False, font={"color": INK, "size": 11}, **place)

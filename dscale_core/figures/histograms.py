"""Histograms, binned here and drawn as bars: so a brush is a range of values and never a list of marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dscale_core.figures.quantities import Quantity
from dscale_core.figures.selecting import selected_mask
from dscale_core.figures.style import GUIDE, INK, finish
from dscale_core.types import FloatVector, IntVector

__all__ = ["Bins", "bin_values", "histogram"]

_FEWEST, _MOST = 12, 80
_GREYED = 0.28  # opacity of a bar's unselected whole


@dataclass(frozen=True, eq=False)
class Bins:
    """Counts of the finite values between `edges`; `n_below` and `n_above` lie outside; `n_total` counts all, NaN too."""

    edges: FloatVector  # (b + 1,)
    counts: IntVector  # (b,)
    n_below: int
    n_above: int
    n_total: int

    @property
    def centers(self) -> FloatVector:
        """Bin centres, (b,)."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def bin_values(values: FloatVector, n_bins: int | None = None, limits: tuple[float, float] | None = None) -> Bins:
    """Bins of the finite values, over their whole range or within `limits`.

    Without `n_bins` the width follows Freedman and Diaconis (1981), between 12 and 80 bins.
    """
    finite = values[np.isfinite(values)]
    low, high = limits or ((float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    inside = finite[(finite >= low) & (finite <= high)]
    counts, edges = np.histogram(inside, bins=n_bins or _bin_count(inside, high - low), range=(low, high))
    below, above = int((finite < low).sum()), int((finite > high).sum())
    return Bins(edges.astype(np.float64), counts.astype(np.int64), below, above, int(values.size))


def histogram(
    quantity: Quantity,
    selected: Sequence[int] | None = None,
    limits: tuple[float, float] | None = None,
    zero: bool = False,
    height: int = 300,
) -> go.Figure:
    """Bars of one quantity; the part of each bar that is selected stands in front of the greyed whole.

    `customdata` of a bar is its bin's number. `zero` draws a guide at zero where the range holds it. Values outside
    `limits` are counted in a note on the chart.
    """
    bins = bin_values(quantity.values, limits=limits)
    mask = selected_mask(quantity.points, selected)
    figure = go.Figure()
    figure.add_bar(**_bars(bins, None if mask is None else quantity.values[mask], quantity.short))
    figure.update_layout(barmode="overlay", bargap=0.06, dragmode="select", selectdirection="h")
    finish(figure, quantity.title, "points (count)", height)
    if zero and bins.edges[0] < 0 < bins.edges[-1]:
        figure.add_vline(x=0, line={"color": GUIDE, "width": 1.5})
    _note_outside(figure, bins)
    return figure


def _bars(bins: Bins, chosen: FloatVector | None, short: str) -> dict[str, object]:
    """One trace, so that both layers have one colour: the greyed whole first, the selected part in front of it."""
    ranges = [f"{short} from {low:.3g} to {high:.3g}" for low, high in zip(bins.edges[:-1], bins.edges[1:], strict=True)]
    layers = [(bins.counts, "points", 1.0 if chosen is None else _GREYED)]
    if chosen is not None:
        inside, _ = np.histogram(chosen[np.isfinite(chosen)], bins=bins.edges)
        layers.append((inside.astype(np.int64), "selected points", 1.0))
    return {
        "x": np.tile(bins.centers, len(layers)),
        "y": np.concatenate([counts for counts, _, _ in layers]),
        "width": np.tile(np.diff(bins.edges), len(layers)),
        "customdata": np.tile(np.arange(bins.counts.size), len(layers)),
        "marker": {"opacity": np.repeat([opacity for _, _, opacity in layers], bins.counts.size)},
        "text": [
            f"{count:,} of {bins.n_total:,} {what}<br>{place}"
            for counts, what, _ in layers
            for count, place in zip(counts, ranges, strict=True)
        ],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }


def _note_outside(figure: go.Figure, bins: Bins) -> None:
    for count, low, x, anchor in ((bins.n_below, True, 0, "left"), (bins.n_above, False, 1, "right")):
        if count:
            edge = bins.edges[0] if low else bins.edges[-1]
            text = f"{count:,} points {'below' if low else 'above'} {edge:.3g} not shown"
            figure.add_annotation(
                x=x,
                y=1,
                xref="paper",
                yref="paper",
                xanchor=anchor,
                yanchor="top",
                text=text,
                showarrow=False,
                font={"color": INK, "size": 11},
            )


def _bin_count(values: FloatVector, span: float) -> int:
    if values.size < 2:
        return _FEWEST
    low, high = np.quantile(values, (0.25, 0.75))
    width = 2 * (high - low) / np.cbrt(values.size)
    return int(np.clip(np.ceil(span / width), _FEWEST, _MOST)) if width > 0 else _FEWEST

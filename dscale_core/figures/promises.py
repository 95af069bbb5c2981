"""What a list is expected to gain as it grows, beside random points; who is on it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dscale_core.figures.style import GUIDE, INK, finish, log_axis, mark_size, with_unit
from dscale_core.types import FloatVector, IntVector

__all__ = ["chosen_by_label", "chosen_in_the_pool", "promise_curve"]

_BAND = "rgba(128, 128, 128, 0.25)"
_FAR = 4  # random numbers this many times the list's length need a logarithmic axis
_BINS = 12
_TICKS = 6
_MOST_GREY = 4000  # marks of the background


class Worth(Protocol):
    """Numbers of random points, (s,), and what they gained."""

    @property
    def sizes(self) -> IntVector: ...
    @property
    def gains(self) -> FloatVector: ...


class Promised(Protocol):
    """Expected gain of the first 1, ..., n points and the ends of its interval, (n,) each."""

    @property
    def promise(self) -> FloatVector: ...
    @property
    def promise_low(self) -> FloatVector: ...
    @property
    def promise_high(self) -> FloatVector: ...
    @property
    def points(self) -> IntVector: ...
    @property
    def stop(self) -> int: ...
    @property
    def asked(self) -> int: ...


def promise_curve(chosen: Promised, worth: Worth | None, unit: str = "", height: int = 380) -> go.Figure:
    """Promised gain against the number of points with its 90 % band, and what as many random points gained."""
    figure = go.Figure()
    n = np.arange(1, chosen.promise.size + 1)
    figure.add_scatter(
        x=n, y=chosen.promise, mode="lines+markers" if n.size < 60 else "lines", name="the list",
        customdata=np.column_stack([chosen.points, chosen.promise_low, chosen.promise_high]),
        hovertemplate=(
            "first %{x:,}: %{y:.3g} (%{customdata[1]:.3g} to %{customdata[2]:.3g})<br>the last is point %{customdata[0]:.0f}"
            "<extra></extra>"
        ),
    )  # fmt: skip
    figure.add_scatter(
        x=np.concatenate([n, n[::-1]]), y=np.concatenate([chosen.promise_high, chosen.promise_low[::-1]]), mode="lines",
        line={"width": 0}, fill="toself", fillcolor=_BAND, name="90 %", hoverinfo="skip",
    )  # fmt: skip
    far = False
    if worth is not None:
        far = bool(worth.sizes[-1] > _FAR * n[-1])
        figure.add_scatter(
            x=worth.sizes, y=worth.gains, mode="lines+markers", name="random points", marker={"symbol": "diamond-open"},
            line={"dash": "dash"}, customdata=worth.sizes,
            hovertemplate="%{x:,} random points: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    finish(figure, "points (count)", with_unit("loss saved", f"{unit or 'unit of the loss'}; positive helps"), height, True)
    if far:
        figure.update_xaxes(**log_axis())
    mark_size(figure, chosen.stop, "stops at n" if chosen.stop < chosen.asked else "budget n")
    figure.add_hline(y=0, line={"color": GUIDE, "width": 1.5})
    return figure


def chosen_in_the_pool(
    table: pd.DataFrame, k: float, psi: FloatVector, alpha: FloatVector, unit: str = "", height: int = 380
) -> go.Figure:
    """α against ψ_k of the points on a list, one trace a label, before all points that have a law, in grey.

    table : what `curation.list_table` returns with laws; psi, alpha : (p,) of all points
    """
    figure = go.Figure()
    known = np.flatnonzero(np.isfinite(psi) & np.isfinite(alpha))
    n_known = known.size
    if n_known > _MOST_GREY:
        known = known[:: -(-n_known // _MOST_GREY)]
    for name, part in _groups(table[table["psi"].notna()]):
        figure.add_scatter(
            x=part["psi"], y=part["alpha"], mode="markers", name=name,
            marker={"size": 9, "symbol": np.where(part["action"] == "drop", "x", "circle"), "line": {"width": 1}},
            customdata=part[["point", "order", "psi_after"]].to_numpy(),
            hovertemplate=(
                "point %{customdata[0]:.0f}, number %{customdata[1]:.0f} on the list<br>ψ = %{x:.3g}, α = %{y:.3f}"
                "<br>ψ once the list is in: %{customdata[2]:.3g}<extra>" + name + "</extra>"
            ),
        )  # fmt: skip
    # behind the others, and last: so it takes no colour from the classes
    figure.add_scatter(
        x=psi[known].astype(np.float32), y=alpha[known].astype(np.float32), mode="markers", name="all points",
        marker={"size": 4, "color": GUIDE}, hoverinfo="skip", zorder=-1,
    )  # fmt: skip
    title = f"ψ at k = {k:,.0f} ({unit or 'unit of the loss'}; positive helps)"
    finish(figure, title, "exponent α (no unit)", height, legend=True)
    figure.add_vline(x=0, line={"color": GUIDE, "width": 1.5})
    missing = int(table["psi"].isna().sum())
    notes = [f"{missing:,} of the list have no law"] if missing else []
    if known.size < n_known:
        notes.append(f"{known.size:,} of all {n_known:,} points drawn in grey")
    if notes:
        figure.add_annotation(
            x=0, y=0, xref="paper", yref="paper", xanchor="left", yanchor="bottom", showarrow=False,
            text="; ".join(notes), font={"color": INK, "size": 11},
        )  # fmt: skip
    return figure


def chosen_by_label(table: pd.DataFrame, height: int = 380) -> go.Figure:
    """How many points of a list have each label, by what is done with them; numbers are binned."""
    figure = go.Figure()
    labels = table["label"]
    if pd.api.types.is_float_dtype(labels):
        edges = np.histogram_bin_edges(labels.to_numpy(dtype=np.float64), bins=_BINS)
        place = 0.5 * (edges[1:] + edges[:-1])
        counts = {
            str(action): np.histogram(part["label"].to_numpy(dtype=np.float64), bins=edges)[0]
            for action, part in table.groupby("action", sort=True)
        }
    else:
        names = labels.astype(str)
        place = np.array(sorted(names.unique()), dtype=object)
        counts = {
            str(action): names[part.index].value_counts().reindex(place, fill_value=0).to_numpy()
            for action, part in table.groupby("action", sort=True)
        }
    for action, count in counts.items():
        figure.add_bar(
            x=place, y=count, name=f"to {action}", customdata=place,
            hovertemplate=f"label %{{customdata}}: %{{y:,}} to {action}<extra></extra>",
        )  # fmt: skip
    finish(figure, "label", "points on the list (count)", height, legend=len(counts) > 1)
    if not pd.api.types.is_float_dtype(labels):
        figure.update_xaxes(type="category")  # classes may be called 0 and 1
    most = max((int(count.max()) for count in counts.values()), default=1)
    return figure.update_yaxes(dtick=max(1, -(-most // _TICKS)))  # a count has no halves


def _groups(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if pd.api.types.is_float_dtype(table["label"]):
        return [("on the list", table)]
    return list(table.groupby(table["label"].astype(str), sort=True))

"""The picked points in order, with what each is expected to be worth at size k."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dscale_core.figures.style import GUIDE, finish

__all__ = ["picked_values"]


def picked_values(frame: pd.DataFrame, k: float, unit: str = "", height: int = 340) -> go.Figure:
    """psi_k with its 90 % interval by rank, one trace a label.

    frame : what `curation.pick` returns; the columns rank, point, label, psi, psi_low and psi_high are read
    """
    figure = go.Figure()
    numeric = pd.api.types.is_float_dtype(frame["label"])
    groups = [("picked", frame)] if numeric else list(frame.groupby(frame["label"].astype(str), sort=True))
    for name, part in groups:
        psi = part["psi"].to_numpy(dtype=np.float64)
        figure.add_scatter(
            x=part["rank"],
            y=psi,
            mode="markers",
            name=name,
            marker={"size": 7},
            error_y={
                "type": "data",
                "symmetric": False,
                "thickness": 1,
                "width": 0,
                "array": part["psi_high"].to_numpy(dtype=np.float64) - psi,
                "arrayminus": psi - part["psi_low"].to_numpy(dtype=np.float64),
            },
            customdata=part["point"],
            hovertemplate="point %{customdata}<br>rank %{x}<br>ψ = %{y:.3g}<extra>" + name + "</extra>",
        )
    title = f"ψ at k = {k:,.0f} ({unit or 'unit of the loss'}; positive helps)"
    finish(figure, "rank in the pick (1 = first)", title, height, legend=not numeric)
    figure.add_hline(y=0, line={"color": GUIDE, "width": 1.5})
    return figure

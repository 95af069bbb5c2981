"""A record that is an image, as the grey values that the learner sees."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dscale_core.errors import ArgumentError
from dscale_core.figures.style import finish
from dscale_core.types import Dataset

__all__ = ["record_image"]


def record_image(dataset: Dataset, point: int, height: int = 300) -> go.Figure:
    """The pixels of one pool point (its record's first height x width columns), ink dark on light.

    Raises ArgumentError where the data set's records are no images or the pool has no such point.
    """
    if dataset.image_shape is None:
        raise ArgumentError("dataset", "hold images", dataset.name, "Show the record as a table.")
    if not 0 <= point < dataset.n_points:
        raise ArgumentError("point", f"be from 0 to {dataset.n_points - 1}", point, "Pick a point of the pool.")
    rows, columns = dataset.image_shape
    pixels = dataset.records.iloc[point, : rows * columns].to_numpy(dtype=np.float64).reshape(rows, columns)
    figure = go.Figure(
        go.Heatmap(
            z=pixels,
            colorscale="gray",
            reversescale=True,
            showscale=False,
            xgap=0,
            ygap=0,
            customdata=np.full(pixels.shape, point),
            hovertemplate="point %{customdata}<br>row %{y}, column %{x}<br>grey value %{z:.3g}<extra></extra>",
        )
    )
    finish(figure, "column (pixels)", "row (pixels)", height)
    figure.update_xaxes(constrain="domain", showgrid=False, zeroline=False, showticklabels=False)
    figure.update_yaxes(autorange="reversed", scaleanchor="x", showgrid=False, zeroline=False, showticklabels=False)
    figure.update_yaxes(constrain="domain")
    return figure

"""What the pool consists of: how many points a class has, or how a regression target is spread."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dscale_core.errors import ArgumentError
from dscale_core.figures.histograms import histogram
from dscale_core.figures.quantities import Quantity
from dscale_core.figures.style import finish
from dscale_core.types import Dataset

__all__ = ["class_balance", "target_histogram"]


def class_balance(dataset: Dataset, height: int = 280) -> go.Figure:
    """Points of each class in the pool, the valuation set and the test set, as shares of each.

    Raises ArgumentError for a regression data set.
    """
    if dataset.task != "classification":
        raise ArgumentError("dataset", "be a classification data set", dataset.task, "Use target_histogram for regression.")
    figure = go.Figure()
    parts = (("pool", dataset.y_pool), ("valuation set", dataset.y_valuation), ("test set", dataset.y_test))
    for name, labels in parts:
        counts = np.bincount(labels, minlength=len(dataset.class_names))
        figure.add_bar(
            x=list(dataset.class_names),
            y=100 * counts / max(labels.size, 1),
            name=f"{name} ({labels.size:,})",
            customdata=counts,
            hovertemplate=f"%{{x}}<br>%{{customdata:,}} of {labels.size:,}<extra>{name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    finish(figure, f"class ({dataset.label_name})", "share of the set (%)", height, legend=True)
    figure.update_xaxes(type="category")
    return figure


def target_histogram(dataset: Dataset, height: int = 280) -> go.Figure:
    """How the target of a regression pool is spread."""
    values = np.asarray(dataset.y_pool, dtype=np.float64)
    title = f"{dataset.label_name} (unit of the target)"
    points = np.arange(values.size, dtype=np.int64)
    return histogram(Quantity("target", title, dataset.label_name, values, points), height=height)

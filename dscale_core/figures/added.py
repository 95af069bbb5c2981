"""What points gain as they are added to random sets: the curves of the addition experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import plotly.graph_objects as go

from dscale_core.figures.style import GUIDE, finish, with_unit
from dscale_core.types import FloatMatrix, IntVector

__all__ = ["gain_by_points_added"]


class Added(Protocol):
    """Mean gains (2, arms, c) on sets of sizes (2,) after counts (c,) points, with the ends of their intervals."""

    @property
    def arms(self) -> tuple[str, ...]: ...
    @property
    def sizes(self) -> IntVector: ...
    @property
    def counts(self) -> IntVector: ...
    @property
    def gain(self) -> FloatMatrix: ...
    @property
    def gain_low(self) -> FloatMatrix: ...
    @property
    def gain_high(self) -> FloatMatrix: ...
    @property
    def accuracy(self) -> FloatMatrix: ...
    @property
    def accuracy_low(self) -> FloatMatrix: ...
    @property
    def accuracy_high(self) -> FloatMatrix: ...


def gain_by_points_added(
    found: Added, size: int, words: Mapping[str, str], quantity: str = "gain", unit: str = "", height: int = 360
) -> go.Figure:
    """Gain against the number of points added to sets of one size, a line an arm, with 95 % bars.

    size : 0 for the small sets, 1 for the large; words : what each arm is; quantity : "gain" or "accuracy"
    """
    scale = 1.0 if quantity == "gain" else 100.0
    what = (
        with_unit("loss saved on the test set", f"{unit or 'unit of the loss'}; positive helps")
        if quantity == "gain"
        else "gain in accuracy on the test set (percentage points; positive helps)"
    )
    mean, low, high = (scale * getattr(found, f"{quantity}{end}")[size] for end in ("", "_low", "_high"))
    figure = go.Figure()
    for arm, at, below, above in zip(found.arms, mean, low, high, strict=True):
        name = words.get(arm, arm)
        figure.add_scatter(
            x=found.counts, y=at, mode="lines+markers", name=name, line={"dash": "dash" if arm == "random" else "solid"},
            marker={"symbol": "diamond-open" if arm == "random" else "circle", "size": 8},
            error_y={"type": "data", "symmetric": False, "array": above - at, "arrayminus": at - below, "thickness": 1.2},
            customdata=np.column_stack([below, above]),
            hovertemplate=(
                f"{name}<br>%{{x:,}} added: %{{y:.3g}}<br>95 %: %{{customdata[0]:.3g}} to %{{customdata[1]:.3g}}"
                "<extra></extra>"
            ),
        )  # fmt: skip
    finish(figure, f"points added to sets of {int(found.sizes[size]):,} (count)", what, height, legend=True)
    figure.update_xaxes(rangemode="tozero")
    figure.add_hline(y=0, line={"color": GUIDE, "width": 1.5})
    return figure

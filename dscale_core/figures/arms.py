"""What the list and its rivals gained on the test set, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import plotly.graph_objects as go

from dscale_core.figures.style import GUIDE, finish, with_unit
from dscale_core.types import FloatVector

__all__ = ["arms_of_verification"]


class Verified(Protocol):
    """Mean gain of each arm with the ends of its interval, (a,) each: of the utility, and in accuracy."""

    @property
    def arms(self) -> tuple[str, ...]: ...
    @property
    def gain(self) -> FloatVector: ...
    @property
    def low(self) -> FloatVector: ...
    @property
    def high(self) -> FloatVector: ...
    @property
    def accuracy(self) -> FloatVector: ...
    @property
    def accuracy_low(self) -> FloatVector: ...
    @property
    def accuracy_high(self) -> FloatVector: ...


def arms_of_verification(
    found: Verified, words: Mapping[str, str], quantity: str = "gain", unit: str = "", height: int = 300
) -> go.Figure:
    """Gain over the set as it is, one row an arm, the list on top; ``quantity`` is "gain" or "accuracy".

    words : what each arm is
    """
    if quantity == "accuracy":
        mean, low, high = 100 * found.accuracy, 100 * found.accuracy_low, 100 * found.accuracy_high
        title = "gain in accuracy on the test set (percentage points; positive helps)"
    else:
        mean, low, high = found.gain, found.low, found.high
        title = with_unit("loss saved on the test set", f"{unit or 'unit of the loss'}; positive helps")
    names = [words.get(arm, arm) for arm in found.arms]
    figure = go.Figure()
    for own in (True, False):
        rows = [i for i, arm in enumerate(found.arms) if (arm == "list") == own]
        figure.add_scatter(
            x=mean[rows], y=[names[i] for i in rows], mode="markers", name="the list" if own else "rivals",
            marker={"size": 12 if own else 9, "symbol": "diamond" if own else "circle"},
            error_x={
                "type": "data", "symmetric": False, "thickness": 1.5, "width": 5, "array": (high - mean)[rows],
                "arrayminus": (mean - low)[rows],
            },
            customdata=np.column_stack([low[rows], high[rows]]),
            hovertemplate="%{y}: %{x:.3g}<br>95 %: %{customdata[0]:.3g} to %{customdata[1]:.3g}<extra></extra>",
        )  # fmt: skip
    finish(figure, title, "what joins or leaves", height)
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1])
    figure.add_vline(x=0, line={"color": GUIDE, "width": 1.5})
    return figure

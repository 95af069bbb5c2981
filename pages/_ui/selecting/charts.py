"""Charts that select: each copies what was brushed into the shared selection, and is drawn with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.figures import boundary_scatter, histogram, is_dense, law_scatter, points_between, points_in_box, quantity
from pages._ui import loading
from pages._ui.selecting import selection

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from dscale_core.figures import Quantity
    from dscale_core.study import FitRecord, Study
    from dscale_core.types import FloatVector, IntVector

__all__ = [
    "box_chart",
    "brushable_boundary",
    "brushable_histogram",
    "brushable_laws",
    "plain_chart",
    "scatter_chart",
    "taken_ids",
]

_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["autoScale2d", "zoomIn2d", "zoomOut2d"], "scrollZoom": False}


def plain_chart(figure: go.Figure, key: str) -> None:
    """A chart to look at."""
    st.plotly_chart(figure, key=key, config=_CONFIG)


def brushable_histogram(study: Study, shown: Quantity, key: str, zero: bool = False, height: int = 340) -> None:
    """A histogram whose brush is a range of values."""
    figure = histogram(shown, selection.current(study).points, zero=zero, height=height)
    box_chart(study, figure, key, lambda box: points_between(shown.values, shown.points, box["x"]))


def box_chart(study: Study, figure: go.Figure, key: str, resolve: Callable[[Mapping[str, Any]], tuple[int, ...]]) -> None:
    """A chart whose brush is a box; `resolve` turns the box into point ids on the server.

    The figure shows the selection itself, so it changes with it and the browser drops its own brush.
    """
    taken = partial(_take_box, study, key, resolve)
    st.plotly_chart(figure, key=key, on_select=taken, selection_mode="box", config=_CONFIG)


def brushable_laws(study: Study, fit: FitRecord) -> None:
    """The scatter of alpha against log10 |c|."""
    laws = loading.laws(study, fit)
    x = quantity(laws, "log10_c").values
    unit = loading.unit(study)
    draw = partial(law_scatter, laws, unit)
    scatter_chart(study, laws.points, x, laws.alpha, "scatter_laws", (study.id, fit.id), draw)


def brushable_boundary(study: Study, fit: FitRecord) -> None:
    """The scatter of alpha against the signed distance to the decision boundary."""
    laws, dataset = loading.laws(study, fit), study.dataset
    distance = loading.boundary_distance(study)[laws.points]
    draw = partial(boundary_scatter, laws, distance, dataset.y_pool[laws.points], dataset.class_names)
    scatter_chart(study, laws.points, distance, laws.alpha, "scatter_boundary", (study.id, fit.id), draw)


def taken_ids(event: Mapping[str, Any]) -> tuple[int, ...]:
    """Stable ids of the marks in a selection event; read by item, so that a test can seed it as a plain mapping."""
    ids = []
    for point in event["selection"]["points"]:
        data = point.get("customdata")
        if data is not None:
            ids.append(int(data[0] if isinstance(data, (list, tuple)) else data))
    return tuple(dict.fromkeys(ids))


def scatter_chart(
    study: Study,
    points: IntVector,
    x: FloatVector,
    y: FloatVector,
    key: str,
    signature: tuple[str, ...],
    draw: Callable[..., go.Figure],
) -> None:
    """A scatter of points whose brush selects them; `draw` takes the selection, `signature` is all else it depends on."""
    seen = selection.drawn_on(key, selection.current(study), *signature)
    figure = draw(selected=seen.points, primary=seen.primary)
    if is_dense(points.size):
        box_chart(study, figure, key, lambda box: points_in_box(x, y, points, box["x"], box["y"]))
        return
    taken = partial(_take_marks, study, key)
    st.plotly_chart(figure, key=key, on_select=taken, selection_mode=("points", "box", "lasso"), config=_CONFIG)


def _take_box(study: Study, key: str, resolve: Callable[[Mapping[str, Any]], tuple[int, ...]]) -> None:
    boxes: Sequence[Mapping[str, Any]] = st.session_state[key]["selection"]["box"]
    if boxes:
        selection.choose(study, resolve(boxes[0]))
    else:
        selection.clear(study)


def _take_marks(study: Study, key: str) -> None:
    event = st.session_state[key]
    ids = taken_ids(event)
    brushed = bool(event["selection"]["box"]) or bool(event["selection"]["lasso"])
    if len(ids) == 1 and not brushed:
        selection.open_point(study, ids[0])
    elif ids or brushed:
        selection.choose(study, ids, chart=key)
    else:
        selection.clear(study)

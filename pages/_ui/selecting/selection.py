"""The selection: one set of points and one primary point, shared by all charts, tables and pages.

It lives in the session, is kept in the study under an id, and the id stands in the URL as ``?sel=``: a link shows exactly
this view. A chart that was brushed keeps the brush the browser drew; so its figure must not change with the selection that
came from it, while every other chart is drawn with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.errors import DscaleError

if TYPE_CHECKING:
    from dscale_core.study import Study

__all__ = ["Chosen", "choose", "clear", "current", "drawn_on", "open_point", "step"]


@dataclass(frozen=True)
class Chosen:
    """Selected points by stable id, and the one that is open in the inspector."""

    points: tuple[int, ...] = ()
    primary: int | None = None


def current(study: Study) -> Chosen:
    """The selection of this study: the session's, or the one that the link names."""
    asked, held = st.query_params.get("sel"), st.session_state.get("selection", {})
    if held.get("study") != study.id:
        held = {"study": study.id, "points": (), "primary": None, "id": None}
        st.session_state["selection"] = held
    if asked and asked != held.get("id"):
        _load(study, asked)
    elif held.get("id") and not asked:
        st.query_params["sel"] = held["id"]
    held = st.session_state["selection"]
    return Chosen(tuple(held["points"]), held["primary"])


def choose(study: Study, points: Iterable[int], chart: str | None = None) -> None:
    """Select these points; `chart` is the one whose brush it was. A point that is open stays open if it is among them."""
    kept = tuple(sorted({int(point) for point in points}))
    opened = st.session_state.get("selection", {}).get("primary")
    _keep(study, kept, opened if opened in kept else None)
    st.session_state["brushed_chart"] = chart
    st.session_state["rows"] = "Selected" if kept else "Filtered"


def open_point(study: Study, point: int, from_table: bool = False) -> None:
    """Open one point in the inspector; the set stays."""
    held = st.session_state.get("selection", {})
    _keep(study, tuple(held.get("points", ())), int(point))
    st.session_state["brushed_chart"] = None
    if not from_table:
        st.session_state["table_version"] = st.session_state.get("table_version", 0) + 1


def clear(study: Study) -> None:
    """Select nothing; the open point stays open."""
    _keep(study, (), st.session_state.get("selection", {}).get("primary"))
    st.session_state["brushed_chart"] = None
    st.session_state["rows"] = "Filtered"


def step(study: Study, order: Sequence[int], by: int) -> None:
    """Open the next (`by` = 1) or previous (-1) point of `order`, round the end; while none is open the first is shown."""
    primary = st.session_state.get("selection", {}).get("primary")
    start = 0 if primary is None else order.index(primary) if primary in order else -by
    open_point(study, order[(start + by) % len(order)])


def drawn_on(chart: str, chosen: Chosen, *signature: Any) -> Chosen:
    """The selection to draw on `chart`: what it was drawn with before, while the brush is its own.

    `signature` is everything else the figure depends on. When that changes, or another point is open, the figure changes
    and the browser loses the brush anyway.
    """
    kept = st.session_state.setdefault("drawn_charts", {})
    before: tuple[tuple[Any, ...], Chosen] | None = kept.get(chart)
    if st.session_state.get("brushed_chart") == chart and before is not None:
        seen, drawn = before
        if seen == signature and drawn.primary == chosen.primary:
            return drawn
    kept[chart] = (signature, chosen)
    return chosen


def _keep(study: Study, points: tuple[int, ...], primary: int | None) -> None:
    selection_id = study.save_selection(points, primary)
    st.session_state["selection"] = {"study": study.id, "points": points, "primary": primary, "id": selection_id}
    st.query_params["sel"] = selection_id


def _load(study: Study, selection_id: str) -> None:
    try:
        kept = study.load_selection(selection_id)
    except DscaleError as error:
        st.sidebar.warning(str(error))
        del st.query_params["sel"]
        return
    st.session_state["selection"] = {
        "study": study.id,
        "points": tuple(kept.points),
        "primary": kept.primary,
        "id": selection_id,
    }
    st.session_state["brushed_chart"] = None

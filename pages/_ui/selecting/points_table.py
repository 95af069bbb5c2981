"""The table of points: All, Filtered or Selected; a row that is chosen opens its point."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.figures import filter_points
from pages._ui.selecting import selection
from pages._ui.selecting.table_parts import csv_button, first_rows

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.study import Study

__all__ = ["column_settings", "filters", "points_table"]

_ORDER = (
    "rank", "point", "row", "label", "status", "psi", "psi_low", "psi_high", "alpha", "alpha_low", "alpha_high", "c",
    "lack_of_fit", "n_draws",
)  # fmt: skip


def column_settings(unit: str, k: int) -> dict[str, Any]:
    """Headings with units, and number formats."""
    number = st.column_config.NumberColumn
    return {
        "rank": number("rank", help="1 = the most useful at size k", format="%d"),
        "point": number("point", help="stable id: index in the pool", format="%d"),
        "row": st.column_config.Column("row", help="row number in the source"),
        "label": st.column_config.Column("label"),
        "psi": number(f"ψ ({unit})", help=f"expected contribution at size k = {k:,}; positive helps", format="%.3g"),
        "psi_low": number("ψ low", help="lower end of the 90 % interval", format="%.3g"),
        "psi_high": number("ψ high", help="upper end of the 90 % interval", format="%.3g"),
        "alpha": number("α", help="exponent: how fast the contribution shrinks", format="%.3f"),
        "alpha_low": number("α low", help="lower end of the 90 % interval", format="%.3f"),
        "alpha_high": number("α high", help="upper end of the 90 % interval", format="%.3f"),
        "c": number(f"c ({unit})", help="scale; positive helps", format="%.3g"),
        "lack_of_fit": number(
            "lack of fit",
            help="distance of the law from the means of its draws, in their standard errors: about 1 where it is right, "
            "above 2 where the draws leave it",
            format="%.1f",
        ),
        "n_draws": number("draws", format="%d"),
        "status": st.column_config.TextColumn("status", help="how the fit ended"),
    }


def filters(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Filter controls; returns the rows that pass."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = study.dataset.class_names
        labels = (
            st.multiselect("Label", names, key="filter_labels", bind="query-params", placeholder="any label", width=260)
            if names
            else []
        )
        sign = st.segmented_control(
            "At size k it", ["any", "helps", "hurts"], default="any", required=True, key="filter_sign", bind="query-params"
        )
        statuses = st.multiselect(
            "Status",
            sorted(table["status"].unique()),
            key="filter_status",
            bind="query-params",
            placeholder="any status",
            width=260,
        )
    return filter_points(table, labels=[str(name) for name in labels], statuses=statuses, sign=sign or "any")


def points_table(study: Study, table: pd.DataFrame, unit: str, k: int) -> list[int]:
    """Filters, the All / Filtered / Selected switch, the table and its download; returns the shown ids in order."""
    chosen = selection.current(study)
    filtered = filters(table, study)
    views = {"All": table, "Filtered": filtered, "Selected": filter_points(table, points=chosen.points)}
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        if "rows" not in st.session_state and "rows" not in st.query_params:
            st.session_state["rows"] = "Filtered"  # not by `default`: a selection sets it too
        view = st.segmented_control(
            "Rows", list(views), required=True, key="rows", bind="query-params", label_visibility="collapsed"
        )
        st.markdown(" · ".join(f"{name} **{len(rows):,}**" for name, rows in views.items()))
        with st.container(horizontal=True, width="content"):
            st.button(
                f"Select the filtered {len(filtered):,}",
                icon=":material/select_all:",
                on_click=lambda: selection.choose(study, filtered["point"].tolist()),
                disabled=filtered.empty,
            )
            frame = views[view or "Filtered"]
            csv_button(frame, f"CSV of these {len(frame):,}", f"points_{study.id}_k{k}.csv")
    _draw(study, frame, unit, k, view or "Filtered")
    return [int(point) for point in frame["point"]]


def _draw(study: Study, frame: pd.DataFrame, unit: str, k: int, view: str) -> None:
    if frame.empty:
        st.info("No point is selected. Brush a chart above." if view == "Selected" else "No point passes the filters.")
        return
    shown = first_rows(frame)
    key = f"table_{view}_{st.session_state.get('table_version', 0)}"
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=320,
        column_order=_ORDER,
        column_config=column_settings(unit, k),
        on_select=partial(_open_row, study, key, tuple(shown["point"].tolist())),
        selection_mode="single-row",
    )


def _open_row(study: Study, key: str, points: tuple[int, ...]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows and rows[0] < len(points):
        selection.open_point(study, points[rows[0]], from_table=True)

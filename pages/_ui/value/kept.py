"""A value that was computed: its numbers, its histogram, its ranked table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.figures import Quantity
from dscale_core.values import value_table
from pages._ui.selecting import brushable_histogram, csv_button, first_rows, selection, selection_line

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.study import FitRecord, Study, ValueRecord
    from dscale_core.types import Values

__all__ = ["newest", "show_value"]


def newest(study: Study, name: str, fit: FitRecord | None) -> ValueRecord | None:
    """The newest value of that name, and of that fit where it is of one; None where it was not computed yet."""
    wanted = None if fit is None else fit.id
    return next((record for record in study.values() if (record.name, record.fit_id) == (name, wanted)), None)


def show_value(study: Study, kept: ValueRecord) -> None:
    """Histogram that selects, and the table of points, the most useful first."""
    values = study.load_value(value_id=kept.id)
    table = value_table(values, study.dataset)
    selection_line(study, values.points.size)
    with st.container(border=True):
        title = f"{values.name} ({values.unit}; positive helps)"
        shown = Quantity(values.name, title, "value", values.value, values.points)
        brushable_histogram(study, shown, f"value_{values.name}", zero=True)
    _table(study, kept, values, table)


def _table(study: Study, kept: ValueRecord, values: Values, table: pd.DataFrame) -> None:
    chosen = set(selection.current(study).points)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        only = st.toggle("Selected points only", key="value_selected", bind="query-params", disabled=not chosen)
        frame = table[table["point"].isin(chosen)] if only and chosen else table
        st.markdown(_counts(frame))
        csv_button(frame, f"CSV of these {len(frame):,}", f"values_{kept.name}_{study.id}.csv")
    st.dataframe(first_rows(frame), hide_index=True, height=420, column_config=_columns(values))


def _counts(frame: pd.DataFrame) -> str:
    helping, known = int((frame["value"] > 0).sum()), int(frame["value"].notna().sum())
    return f"**{helping:,}** of {known:,} points help" + (
        f", {len(frame) - known:,} have no value" if known < len(frame) else ""
    )


def _columns(values: Values) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "rank": number("rank", help="1 = the most useful", format="%d"),
        "point": number("point", help="stable id: index in the pool", format="%d"),
        "row": st.column_config.Column("row", help="row number in the source"),
        "label": st.column_config.Column("label"),
        "value": number(f"value ({values.unit})", help="positive helps", format="%.3g"),
        "error": number("± error", help="standard error of the value", format="%.2g"),
    }

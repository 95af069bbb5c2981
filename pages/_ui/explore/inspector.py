"""One point, looked into: its record, its draws and law, its rank as the size runs; previous and next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import draws_and_law, law_line, point_record, rank_line, rank_over_sizes, record_image
from dscale_core.types import LawStatus
from dscale_core.validation import law_verdict
from pages._ui import loading
from pages._ui.frame import errors_shown
from pages._ui.selecting import plain_chart, selection

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.study import FitRecord, Study

__all__ = ["inspector"]

_WITH_LAW = (LawStatus.OK, LawStatus.AT_BOUND, LawStatus.SIGN_CHANGE)


def inspector(study: Study, fit: FitRecord, table: pd.DataFrame, order: Sequence[int], k: int) -> None:
    """The open point, or the first of `order` where none is open."""
    st.subheader("One point", anchor=False)
    opened = selection.current(study).primary
    known = set(table["point"])
    point = opened if opened in known else (order[0] if order else None)
    if point is None:
        st.info("Open a point: click one in a chart, or choose a row of the table.")
        return
    _steps(study, order, point)
    row = table.loc[table["point"] == point].iloc[0]
    _numbers(row, int(table["rank"].count()), loading.unit(study), k)
    left, right = st.columns([2, 5], gap="medium")
    with left, errors_shown():
        _record(study, point)
    with right, errors_shown():
        _curves(study, fit, point, row["status"], k)


def _steps(study: Study, order: Sequence[int], point: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            on_click=selection.step,
            args=(study, order, -1),
            disabled=not order,
            key="previous_point",
        )
        st.button(
            "Next",
            icon=":material/chevron_right:",
            on_click=selection.step,
            args=(study, order, 1),
            disabled=not order,
            key="next_point",
        )
        place = f"{order.index(point) + 1:,} of {len(order):,} in the table" if point in order else "not among these rows"
        st.markdown(f"**Point {point}** · {place}")


def _numbers(row: pd.Series, n: int, unit: str, k: int) -> None:
    if row["status"] not in _WITH_LAW:
        st.warning(f"{row['status']}: {LawStatus(row['status']).explanation}")
        return
    cells = st.columns(5)
    cells[0].metric("Label", str(row["label"]))
    cells[1].metric(f"Rank at k = {k:,}", f"{row['rank']:,} of {n:,}")
    cells[2].metric(
        f"ψ ({unit}; positive helps)",
        f"{row['psi']:.3g}",
        f"90 %: {row['psi_low']:.2g} to {row['psi_high']:.2g}",
        delta_color="off",
        delta_arrow="off",
    )
    cells[3].metric(
        "Exponent α",
        f"{row['alpha']:.2f}",
        f"90 %: {row['alpha_low']:.2f} to {row['alpha_high']:.2f}",
        delta_color="off",
        delta_arrow="off",
    )
    cells[4].metric(f"Scale c ({unit})", f"{row['c']:.3g}")
    st.caption(law_verdict(float(row["lack_of_fit"])))
    if row["status"] != LawStatus.OK:
        st.caption(f"Status {row['status']}: {LawStatus(row['status']).explanation}")


def _record(study: Study, point: int) -> None:
    dataset = study.dataset
    source = dataset.records.index[point]
    st.caption(f"Record in row {source} of {dataset.name}; label {dataset.labels()[point]}")
    if dataset.image_shape is not None:
        plain_chart(record_image(dataset, point), "record_image")
        with st.expander("Grey values"):
            st.dataframe(point_record(dataset, point), hide_index=True, height=240)
        return
    st.dataframe(point_record(dataset, point), hide_index=True, height=380)


def _curves(study: Study, fit: FitRecord, point: int, status: str, k: int) -> None:
    laws, drawn, means = loading.laws(study, fit), loading.draws(study, "fit"), loading.means(study, "fit")
    line = law_line(laws, point, upto=k)
    column = drawn.points.tolist().index(point)
    series = (means.size, means.mean[:, column], means.standard_error[:, column])
    figure = draws_and_law(drawn.sizes, drawn.delta[:, column], line, point, loading.unit(study), k, series)
    plain_chart(figure, "point_draws")
    if status in _WITH_LAW:
        plain_chart(rank_line(rank_over_sizes(laws, point, upto=k), point, at=k), "point_rank")

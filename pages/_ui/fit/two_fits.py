"""What changed between two fits: more draws, or another estimator."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.figures import (
    QUANTITIES,
    change_groups,
    class_groups,
    fit_against_fit,
    moved_table,
    paired,
    points_that_moved,
    points_with_change,
    quantity,
    transition_table,
)
from pages._ui import loading
from pages._ui.fit.fit_choice import choose_pair, labelled_fits, made
from pages._ui.frame import choose_size, duration, empty_state, errors_shown
from pages._ui.selecting import csv_button, scatter_chart, selection, selection_line

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.study import FitRecord, Study
    from dscale_core.validation import LawComparison, ValueChange

__all__ = ["two_fits"]

_COMPARED = ("alpha", "psi", "log10_c")
_MOST_ROWS = 1000
_RANKS = "Spearman's rank correlation of {} between the two fits: 1 where they order the points alike"


def two_fits(study: Study) -> None:
    """Choose two fits; how far values, ranks and statuses differ, and which points moved most."""
    known = labelled_fits(study)
    if len(known) < 2:
        empty_state(
            "**There is one fit so far.** Fit by another method above, or draw more coalitions and fit again: "
            "earlier fits are kept, so the two can be compared here.",
            "Sample",
            "Draw more coalitions",
        )
        return
    k = choose_size(study)
    labels = choose_pair(known)
    one, other = (known[label] for label in labels)
    st.caption(f"{_told(one)} → {_told(other)}")
    if one.id == other.id:
        st.info("Both are the same fit. Choose another one to see what changed.")
        return
    found = loading.comparison(study, one, other, k)
    if not found.points.size:
        st.info("The two fits share no point, so nothing can be compared. Choose two fits of the same points.")
        return
    _numbers(found)
    with st.container(border=True), errors_shown():
        _scatter(study, (one, other), labels, found)
    selection_line(study, found.points.size)
    with st.container(border=True), errors_shown():
        _moved(study, found, labels, f"moved_{one.id}_{other.id}_{k}")
    with st.container(border=True), errors_shown():
        _statuses(study, found, f"transitions_{one.id}_{other.id}")


def _told(fit: FitRecord) -> str:
    return f"{fit.method}, {fit.n_coalitions:,} coalitions, made {made(fit)} in {duration(fit.seconds)}"


def _numbers(found: LawComparison) -> None:
    psi, alpha = found.psi, found.alpha
    cells = st.columns(6)
    cells[0].metric("Ranks of ψ", _number(psi.rank_correlation, "{:.3f}"), help=_RANKS.format(f"ψ at size {found.k:,}"))
    cells[1].metric("Ranks of α", _number(alpha.rank_correlation, "{:.3f}"), help=_RANKS.format("α"))
    cells[2].metric("ψ moved", _number(psi.share_moved, "{:.1%}"), help=_moved_help("ψ", psi))
    cells[3].metric("α moved", _number(alpha.share_moved, "{:.1%}"), help=_moved_help("α", alpha))
    cells[4].metric(
        "Best tenth kept", _number(found.best_kept, "{:.0%}"),
        help=f"points among the best tenth by ψ at size {found.k:,} in one fit that are so in the other",
    )  # fmt: skip
    cells[5].metric(
        "Interval width", _number(psi.width_ratio, "×{:.2f}"),
        help="of ψ's 90 % interval, the second fit's over the first's, median over points: below 1 is more certain",
    )  # fmt: skip
    parts = [f"{found.points.size:,} points are in both fits"]
    if found.only_one.size or found.only_other.size:
        parts.append(f"{found.only_one.size:,} only in the first and {found.only_other.size:,} only in the second")
    parts.append(f"{psi.n_compared:,} have a law in both; {found.n_sign_changes:,} of them change sign at k = {found.k:,}")
    st.caption(". ".join(parts) + ".")


def _moved_help(symbol: str, change: ValueChange) -> str:
    return (
        f"{change.n_moved:,} of {change.n_compared:,} points: neither fit's 90 % interval holds the other's {symbol}. "
        "Between two fits by one method to more and more draws, honest intervals make this well under 10 %."
    )


def _number(value: float, form: str) -> str:
    return form.format(value) if value == value else "not defined"


def _scatter(study: Study, fits: tuple[FitRecord, FitRecord], labels: tuple[str, str], found: LawComparison) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = {QUANTITIES[name]: name for name in _COMPARED}
        title = st.selectbox("Compare", list(names), key="compared", bind="query-params", persist_state="session", width=360)
        colour = "status change"
        if study.dataset.task == "classification":
            colour = st.segmented_control(
                "Colour", ["class", "status change"], default="class", required=True, key="compared_by",
                bind="query-params", persist_state="session",
            ) or "class"  # fmt: skip
    unit = loading.unit(study)
    one, other = (quantity(loading.laws(study, fit), names[title], found.k, unit) for fit in fits)
    pair = paired(one, other)
    groups = class_groups(study.dataset, pair.points) if colour == "class" else change_groups(found)
    signature = (study.id, fits[0].id, fits[1].id, title, colour, str(found.k) if names[title] == "psi" else "")
    draw = partial(fit_against_fit, pair, labels, groups)
    scatter_chart(study, pair.points, pair.x, pair.y, "fit_against_fit", signature, draw)
    st.caption("On the dotted line nothing changed. Points without a law in one of the fits are not drawn. Brush to select.")


def _statuses(study: Study, found: LawComparison, key: str) -> None:
    st.markdown("**How statuses changed**")
    table = transition_table(found)
    st.dataframe(
        table,
        key=key,
        hide_index=True,
        column_order=("from", "to", "points", "share"),
        column_config={
            "points": st.column_config.NumberColumn("points", format="%d"),
            "share": st.column_config.NumberColumn("share", format="percent"),
        },
        on_select=partial(_take_transitions, study, found, table, key),
        selection_mode="multi-row",
    )
    st.caption("Choose rows to select their points.")


def _take_transitions(study: Study, found: LawComparison, table: pd.DataFrame, key: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    changes = [(str(table["from"][row]), str(table["to"][row])) for row in rows if row < len(table)]
    _choose(study, [point for change in changes for point in points_with_change(found, *change)])


def _moved(study: Study, found: LawComparison, labels: tuple[str, str], key: str) -> None:
    table = moved_table(found, study.dataset)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("**Which points moved most**", width="content")
        with st.container(horizontal=True, width="content"):
            moved = points_that_moved(found)
            st.button(
                f"Select the {len(moved):,} that moved", icon=":material/select_all:", disabled=not moved,
                on_click=selection.choose, args=(study, moved),
            )  # fmt: skip
            csv_button(table, f"CSV of all {len(table):,}", f"moved_{study.id}_k{found.k:.0f}.csv")
    shown = table.head(_MOST_ROWS)
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=360,
        column_config=_headings(loading.unit(study), labels, found.k),
        on_select=partial(_take_rows, study, tuple(shown["point"].tolist()), key),
        selection_mode="multi-row",
    )
    if len(shown) < len(table):
        st.caption(f"Showing the first {len(shown):,} of {len(table):,}; the download has all of them.")
    st.caption(
        f"The shift is the change of ψ at k = {found.k:,} in half-widths of the wider 90 % interval: "
        "beyond ±1 the point has moved. Choose rows to select their points."
    )


def _headings(unit: str, labels: tuple[str, str], k: float) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    columns: dict[str, Any] = {
        "point": number("point", help="stable id: index in the pool", format="%d"),
        "row": st.column_config.Column("row", help="row number in the source"),
        "shift": number("shift", help="change of ψ in half-widths of the wider 90 % interval", format="%+.2f"),
    }
    for place, (end, label) in enumerate(zip(("one", "other"), labels, strict=True), 1):
        columns |= {
            f"psi_{end}": number(f"ψ {place} ({unit})", help=f"{label}, at k = {k:,}; positive helps", format="%.2e"),
            f"psi_{end}_low": number(f"ψ {place} low", help=f"{label}: lower end of the 90 % interval", format="%.2e"),
            f"psi_{end}_high": number(f"ψ {place} high", help=f"{label}: upper end of the 90 % interval", format="%.2e"),
            f"alpha_{end}": number(f"α {place}", help=label, format="%.3f"),
            f"status_{end}": st.column_config.TextColumn(f"status {place}", help=label),
        }
    return columns


def _take_rows(study: Study, points: tuple[int, ...], key: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    _choose(study, [points[row] for row in rows if row < len(points)])


def _choose(study: Study, points: list[int]) -> None:
    if points:
        selection.choose(study, points)
    else:
        selection.clear(study)

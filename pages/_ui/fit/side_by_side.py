"""Fits side by side: a table of all, how they ended, how a quantity is spread in each, and how far they agree."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.errors import DscaleError
from dscale_core.figures import (
    QUANTITIES,
    distributions,
    fits_table,
    fitted_count,
    points_with_status,
    quantity,
    rank_agreement_map,
    status_bars,
    statuses_of,
)
from dscale_core.types import LawStatus
from pages._ui import loading
from pages._ui.fit.fit_choice import choose_fits, labelled_fits
from pages._ui.fit.one_fit import status_line
from pages._ui.frame import choose_size, errors_shown
from pages._ui.selecting import plain_chart, selection, selection_line

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study

__all__ = ["side_by_side"]

_NEWEST = 20
_SPREAD = ("alpha", "log10_c", "psi", "log10_sigma2", "beta")


def side_by_side(study: Study) -> None:
    """All fits in a table; those chosen in charts."""
    k = choose_size(study)
    known = labelled_fits(study)
    _table(study, known)
    labels = choose_fits(study, known)
    if not labels:
        st.info("Choose one fit or more to see how they ended and how their laws are spread.")
        return
    chosen = [known[label] for label in labels]
    with st.container(border=True), errors_shown():
        _spread(study, labels, chosen, k)
    with st.container(border=True), errors_shown():
        _statuses(study, labels, chosen)
    if len(labels) > 1:
        with st.container(border=True), errors_shown():
            st.markdown("**How far they agree on the order of the points**")
            plain_chart(rank_agreement_map(labels, loading.agreement(study, chosen, k), k), "fits_agreement")
            st.caption(
                "Spearman's rank correlation of ψ at size k over the points that both fits value: at 1, two fits "
                "rank all points alike and pick the same ones."
            )


def _table(study: Study, known: dict[str, FitRecord]) -> None:
    newest = list(known)[::-1]
    if len(newest) > _NEWEST:
        every = st.toggle(f"Show all {len(newest):,} fits (now the newest {_NEWEST})", key="all_fits")
        newest = newest if every else newest[:_NEWEST]
    validated = "validation" in study.roles() and study.progress("validation").done > 0
    rows, lost = [], []
    for label in newest:
        fit = known[label]
        try:
            rows.append((fit, label, loading.summary(study, fit)))
        except DscaleError as error:
            lost.append(f"{label}: {error}")
    if rows:
        st.dataframe(
            fits_table(*zip(*rows, strict=True)),
            hide_index=True,
            key="fits_table",
            column_order=_COLUMNS if validated else _COLUMNS[:-1],
            column_config=_headings(),
        )
    if validated:
        st.caption(
            "R² is the mean over sizes against the means of validation draws, which no fit has seen: higher is better."
        )
    else:
        st.caption("Draw validation coalitions on Sample to see here how accurate each fit is on draws that it never saw.")
    for sentence in lost:
        st.warning(sentence)


_COLUMNS = ("fit", "coalitions", "created", "seconds", "points", "ok", "share_ok", "alpha", "alpha_width", "guided", "r2")


def _headings() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "fit": st.column_config.TextColumn("fit", width="medium"),
        "coalitions": number("coalitions", help="drawn when it was fitted", format="%d"),
        "created": st.column_config.DatetimeColumn("made (UTC)", format="YYYY-MM-DD HH:mm"),
        "seconds": number("time (s)", help="how long the fit took", format="%.2f"),
        "points": number("points", format="%d"),
        "ok": number("ok", help="points whose status is ok", format="%d"),
        "share_ok": number("ok (%)", format="percent"),
        "alpha": number("median α", help="over the points with a law", format="%.3f"),
        "alpha_width": number(
            "α width", help="median width of the 90 % interval of α; narrower is more certain", format="%.3f"
        ),
        "guided": st.column_config.CheckboxColumn(
            "guided", help="by the learner's own approximation of contributions, which explains the draws better"
        ),
        "r2": number("R²", help="against validation draws, mean over sizes; higher is better", format="%.3f"),
    }


def _spread(study: Study, labels: list[str], chosen: list[FitRecord], k: int) -> None:
    names = {QUANTITIES[name]: name for name in _SPREAD}
    title = st.selectbox(
        "How this is spread in each fit", list(names), key="spread_of", bind="query-params", persist_state="session"
    )
    unit = loading.unit(study)
    fits = [loading.laws(study, fit) for fit in chosen]
    if not any(fitted_count(laws) for laws in fits):
        st.info("No point has a law in these fits, so nothing is spread. The statuses below say why, and what to do.")
        return
    shown = [quantity(laws, names[title], k, unit) for laws in fits]
    plain_chart(distributions(shown, labels), "fits_spread")


def _statuses(study: Study, labels: list[str], chosen: list[FitRecord]) -> None:
    st.markdown("**How the points of each fit ended**")
    counts = [fit.status_counts for fit in chosen]
    taken = partial(_take_bars, study, tuple(chosen))
    seen = selection.drawn_on("fits_statuses", selection.current(study), *labels)
    figure = status_bars(labels, counts)
    figure.update_layout(meta=str(hash(seen.points)))  # a selection from elsewhere makes another figure: the click is over
    st.plotly_chart(
        figure,
        key="fits_statuses",
        on_select=taken,
        selection_mode="points",
        config={"displayModeBar": False},
    )
    st.caption("Click a bar to select the points behind it.")
    fits = [loading.laws(study, fit) for fit in chosen]
    for status in statuses_of(counts):
        points = points_with_status(fits, status)
        among = " :gray[in any fit]" if len(fits) > 1 else ""
        status_line(study, status, f"**{len(points):,}** points{among}", LawStatus(status).explanation, points)
    selection_line(study, max(laws.points.size for laws in fits))


def _take_bars(study: Study, chosen: tuple[FitRecord, ...]) -> None:
    """Select the points behind the bars that were clicked."""
    event: Mapping[str, Any] = st.session_state["fits_statuses"]
    points: set[int] = set()
    for bar in event["selection"]["points"]:
        place, status = bar["customdata"]
        points |= set(points_with_status([loading.laws(study, chosen[int(place)])], str(status)))
    if points:
        selection.choose(study, points, chart="fits_statuses")
    else:
        selection.clear(study)

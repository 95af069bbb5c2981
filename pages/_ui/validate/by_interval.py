"""How often intervals hold what they claim to hold, and how wide they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.errors import DscaleError
from dscale_core.figures import coverage_against_size, widths_against_size
from dscale_core.validation import coverage_verdict
from pages._ui import loading
from pages._ui.frame import errors_shown
from pages._ui.selecting import plain_chart

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study

__all__ = ["show"]

_LEVELS = (50, 80, 90, 95)


def show(study: Study, fit: FitRecord, role: str) -> None:
    """Coverage and width at each size, of the open fit and of others beside it."""
    known = {record.method: record for record in loading.fits(study)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        level = st.segmented_control(
            "Intervals at", _LEVELS, default=90, required=True, format_func=lambda percent: f"{percent} %",
            key="interval_level", bind="query-params", persist_state="session",
        )  # fmt: skip
        others = [method for method in known if method != fit.method]
        beside = st.multiselect("Beside it", others, default=others, key="intervals_beside") if others else []
    found = {}
    for method in (fit.method, *beside):
        try:
            found[method] = loading.coverage(study, known[method], role, (level or 90) / 100)
        except DscaleError as error:
            st.warning(f"{method}: {error}")
    if fit.method not in found:
        return
    if role == "fit":
        st.caption("In-sample the means are those that the laws were fitted to: coverage is flattered.")
    st.markdown(f"**{fit.method}: {coverage_verdict(found[fit.method])}**")
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"), errors_shown():
        plain_chart(coverage_against_size(found, role == "fit"), "coverage")
        st.caption(
            "Share of points whose mean lies within its interval; the mean's own error is allowed for. Means are measured "
            "on the rows of the fit, so intervals stand here without their part for other rows. The dashed line is "
            "what intervals claim, the shade five points about it. Bars are two standard errors of a right interval's "
            "share: points share coalitions, so their errors go together, and one study moves by as much from the next."
        )
    with right, st.container(border=True, height="stretch"), errors_shown():
        plain_chart(widths_against_size(found, loading.unit(study)), "widths")
        st.caption("Of two estimators that both cover, the one with the narrower intervals knows more.")

"""Power law or two-term law, decided by held-out draws and shown, never made silently."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import evidence_histogram, form_counts, form_evidence, points_between, points_with_form
from pages._ui import loading
from pages._ui.frame import PAGES
from pages._ui.selecting import box_chart, selection, selection_line
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.figures import FormCounts
    from dscale_core.study import FitRecord, Study
    from dscale_core.validation import FormChoice

__all__ = ["show"]


def show(study: Study, fit: FitRecord, role: str) -> None:
    """Both laws are fitted to some passes and judged on the others, beside the page."""
    del fit, role
    done = study.progress().done
    st.caption(
        "Needs no validation draws: both laws are fitted to one half of the fit's draws and judged on the other, so neither "
        "sees what it is judged by."
    )
    future = background.ask("form", ("form", study.id, done), study.choose_form)
    waiting = "Fitting both laws to half of the passes and judging them on the other half"
    background.show_when_done(future, partial(_show, study), waiting, "The forms cannot be compared.", patience=1.5)


def _show(study: Study, found: FormChoice) -> None:
    counts = form_counts(found)
    if not counts.judged:
        st.info(
            "No point has both laws, so they cannot be compared: the draws may all have one size, or be too few. "
            "Fit says why, point by point, and what to do."
        )
        return
    st.markdown(f"**{found.verdict}**")
    _numbers(counts)
    evidence, points = form_evidence(found), points_with_form(found, "two_term")
    with st.container(border=True):
        st.markdown(r"**$\psi_k = c\,k^{-\alpha}$ or $a/k + b/k^2$: what held-out draws say of each point**")
        figure = evidence_histogram(found, selection.current(study).points)
        box_chart(study, figure, "form_evidence", lambda box: points_between(evidence.values, evidence.points, box["x"]))
        st.caption(
            f"{found.n_draws:,} draws, {found.n_folds} folds over {found.unit}. Only the two-term law can follow a point "
            "whose contribution changes sign as k grows. Brush to select."
        )
        selection_line(study, found.points.size)
        st.button(
            f"Select the {len(points):,} points for which the two-term law is clearly better",
            icon=":material/select_all:",
            on_click=selection.choose,
            args=(study, points),
            disabled=not points,
        )
    if "two_term" in {record.method for record in loading.fits(study)}:
        st.caption("A two-term fit exists: choose it in the sidebar to see its laws on every page.")
    else:
        st.caption("No two-term law is fitted yet. Nothing is exchanged for you: fit it to see its laws on every page.")
        st.page_link(PAGES["Fit"], label="Fit the two-term law", icon=":material/arrow_forward:")


def _numbers(counts: FormCounts) -> None:
    shown = (
        ("Two-term law clearly better", counts.two_term, "by chance alone some 2 %"),
        ("Not told apart", counts.undecided, "within two standard errors"),
        ("Power law clearly better", counts.power, "by chance alone some 2 %"),
    )
    for cell, (name, count, meaning) in zip(st.columns(3), shown, strict=True):
        with cell.container(gap=None):
            st.metric(name, f"{count:,}")
            st.caption(f"{counts.share(count):.1%} of the points; {meaning}")
    if counts.unjudged:
        st.caption(
            f"{counts.unjudged:,} points could not be judged: one of the two laws could not be fitted to half of the draws."
        )

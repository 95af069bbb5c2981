"""Power law or two-term law, decided by held-out draws and shown, never made silently."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import form_evidence, points_with_form
from pages._ui import background, loading, selection
from pages._ui.charts import brushable_histogram
from pages._ui.fits import selection_line
from pages._ui.page import PAGES

if TYPE_CHECKING:
    from dscale_core.laws.choice import FormChoice
    from dscale_core.study import FitRecord, Study

__all__ = ["show"]


def show(study: Study, fit: FitRecord, role: str) -> None:
    """Both laws are fitted to some passes and judged on the others, beside the page."""
    del fit, role
    done = study.progress().done
    future = background.ask("form", ("form", study.id, done), study.choose_form)
    waiting = "Fitting both laws to half of the passes and judging them on the other half"
    background.show_when_done(future, partial(_show, study), waiting, "The forms cannot be compared.", patience=1.5)


def _show(study: Study, found: FormChoice) -> None:
    st.markdown(f"**{found.verdict}**")
    evidence, points = form_evidence(found), points_with_form(found, "two_term")
    with st.container(border=True):
        st.markdown(r"**$\psi_k = c\,k^{-\alpha}$ or $a/k + b/k^2$: what held-out draws say of each point**")
        brushable_histogram(study, evidence, "form_evidence", zero=True)
        st.caption(
            f"{found.n_draws:,} draws, {found.n_folds} folds over {found.unit}. Beyond +2 the two-term law predicts a "
            "point's held-out draws clearly better: mostly points whose contribution changes sign as k grows. Brush to "
            "select."
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

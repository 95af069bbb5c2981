"""Fit: one law a point, by the method of choice; what failed and why; fits side by side, and what changed between two."""

import streamlit as st

from pages._ui import loading
from pages._ui.fit import fit_controls, forget_links, one_fit, side_by_side, two_fits
from pages._ui.frame import begin_page, choose_fit, choose_study, empty_state, errors_shown
from pages._ui.work import show_jobs

VIEWS = ["This fit", "Side by side", "Two fits"]

begin_page(
    "Fit", r"One scaling law a point, $\psi_k = c\,k^{-\alpha}$, with an interval and a status that says cause and remedy."
)


def results(study):
    """The chosen view alone is computed."""
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, key="fit_view", bind="query-params", persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    forget_links(view)
    if view == "Side by side":
        side_by_side(study)
    elif view == "Two fits":
        two_fits(study)
    elif fit := choose_fit(study):
        one_fit(study, fit)


with errors_shown():
    study = choose_study()
    if study:
        done = study.progress()
        if done.done:
            fit_controls(study, done)
            if loading.fits(study):
                results(study)
        else:
            show_jobs(study.id, ("sample",))
            empty_state("**No draws yet.** Contributions are drawn first, then laws are fitted.", "Sample", "Go to Sample")

"""Validate: does the law hold here? Seven questions, each answered on draws that the fit never saw where there are some."""

import streamlit as st

from pages._ui import validate_beyond, validate_draws, validate_form, validate_intervals, validate_loss, validate_points
from pages._ui import validate_sizes as at_sizes
from pages._ui.context import choose_fit, choose_study
from pages._ui.page import begin_page, errors_shown
from pages._ui.validating import which_draws

VIEWS = {
    "At each size": at_sizes.show,
    "Each point": validate_points.show,
    "More draws": validate_draws.show,
    "Beyond the sizes": validate_beyond.show,
    "Intervals": validate_intervals.show,
    "The loss itself": validate_loss.show,
    "Form of the law": validate_form.show,
}

begin_page("Validate", "Does the law hold for these data? What it predicts, against the means of real draws.")

with errors_shown():
    study = choose_study()
    fit = choose_fit(study) if study else None
    if fit:
        role = which_draws(study)
        view = st.segmented_control(
            "Question", list(VIEWS), default="At each size", required=True, key="validate_view", bind="query-params",
            persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        VIEWS[view](study, fit, role)

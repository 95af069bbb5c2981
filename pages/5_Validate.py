"""Validate: does the law hold here? Eight questions, each answered on draws that the fit never saw where there are some."""

import streamlit as st

from pages._ui.frame import begin_page, choose_fit, choose_study, errors_shown
from pages._ui.validate import beyond as validate_beyond
from pages._ui.validate import by_draws as validate_draws
from pages._ui.validate import by_form as validate_form
from pages._ui.validate import by_interval as validate_intervals
from pages._ui.validate import by_loss as validate_loss
from pages._ui.validate import by_point as validate_points
from pages._ui.validate import by_rows as validate_rows
from pages._ui.validate import by_size as at_sizes
from pages._ui.validate import which_draws

VIEWS = {
    "At each size": at_sizes.show,
    "Each point": validate_points.show,
    "More draws": validate_draws.show,
    "Beyond the sizes": validate_beyond.show,
    "Intervals": validate_intervals.show,
    "Measured again": validate_rows.show,
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

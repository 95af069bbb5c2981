"""Value: what each point is worth over all sizes of a range, one number a point."""

import streamlit as st

from pages._ui.frame import begin_page, choose_fit, choose_study, empty_state, errors_shown
from pages._ui.value import choose_value, compute, newest, show_value

begin_page("Value", "What each point is worth on average over a range of sizes: one number a point, with its error.")


def value_of(study):
    with st.container(border=True):
        info = choose_value()
        fit = choose_fit(study) if "laws" in info.needs else None
        if "laws" in info.needs and fit is None:
            return
        kept = newest(study, info.name, fit)
        compute(study, info, fit, kept)
    if kept:
        show_value(study, kept)


with errors_shown():
    study = choose_study()
    if study and study.progress().done:
        value_of(study)
    elif study:
        empty_state("**No draws yet.** Contributions are drawn first, then values follow.", "Sample", "Go to Sample")

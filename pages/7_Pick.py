"""Pick: a list of points for one training set, with its promise and its proof; and the top of the ranking, to look at."""

import streamlit as st

from pages._ui.frame import begin_page, choose_study, errors_shown
from pages._ui.pick import ask_for_list, choose_list, show_addition, show_left_out, show_list, show_proof, show_top

LIST, TOP = "a list for my set", "top of the ranking"

begin_page("Pick", "Points to add to your training set, to drop from it or to exchange: chosen together, promised, proven.")


def list_for_a_set(study):
    ask_for_list(study)
    record = choose_list(study)
    if record is None:
        st.info("No list was chosen yet. Say what you train on, then press Choose.")
        return
    show_list(study, record)
    if record.n_points:
        show_left_out(study, record)
        show_proof(study, record)


with errors_shown():
    study = choose_study()
    if study:
        view = st.segmented_control(
            "View", [LIST, TOP], default=LIST, required=True, key="pick_view", bind="query-params",
            persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        if view == TOP:
            show_top(study)
            show_addition(study)
        else:
            list_for_a_set(study)

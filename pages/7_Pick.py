"""Pick: at your size k and budget n, which points to add, to check or to drop."""

import streamlit as st

from dscale_core.figures import picked_values
from pages._ui import loading
from pages._ui.frame import begin_page, choose_fit, choose_size, choose_study, empty_state, errors_shown
from pages._ui.selecting import column_settings, csv_button, first_rows, plain_chart, selection

GOALS = {
    "add": "the most useful points at size k",
    "check": "points to look at: the most harmful at size k, often mislabelled",
    "drop": "points to leave out: the most harmful at size k",
}

begin_page("Pick", "At your size and budget, the points to add, to check or to drop, ranked by the laws.")


def controls(study, n_valued):
    """What to pick, as the arguments of the cached pick."""
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        goal = st.segmented_control("Goal", list(GOALS), default="add", required=True, key="goal", bind="query-params")
        n = st.number_input(
            "Budget n", 1, n_valued, min(100, n_valued), key="n", bind="query-params", width=160, persist_state="session"
        )
        balance = "free"
        if study.dataset.task == "classification":
            balance = st.segmented_control(
                "Labels", ["equal", "free"], default="equal", required=True, key="balance", bind="query-params",
                help="equal: the same number of points from each class",
            )  # fmt: skip
        chosen = selection.current(study).points
        among = st.segmented_control(
            "Among", ["all", "selected"], default="all", required=True, key="among", bind="query-params",
            help=f"{len(chosen):,} points are selected",
        )  # fmt: skip
        flagged = st.checkbox("Include flagged fits", key="flagged", bind="query-params", help="fits whose status is not ok")
    return int(n), balance, goal, chosen if among == "selected" else None, flagged


def remarks(frame):
    """What the pick passed over, so that nothing is left out silently."""
    if left_out := frame.attrs.get("left_out"):
        named = ", ".join(f"{count:,} {status}" for status, count in sorted(left_out.items()))
        st.caption(f"Left out because of their fit's status: {named}.")
    for name, missing in (frame.attrs.get("class_shortfall") or {}).items():
        st.caption(f"Class {name} is {missing:,} short of its equal share; the best of the others fill it.")


def result(study, fit, k, asked):
    n, balance, goal, candidates, flagged = asked
    frame = loading.picked(study, fit, k, n, balance, goal, candidates, flagged)
    unit = loading.unit(study)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(frame):,} of {n:,}** asked for: {GOALS[goal]}, k = {k:,}.")
        with st.container(horizontal=True, width="content"):
            if st.button("Select these points", icon=":material/select_all:", disabled=frame.empty):
                selection.choose(study, frame["point"].tolist())
                st.switch_page("pages/4_Explore.py")
            csv_button(frame, "Download CSV", f"pick_{goal}_{study.id}_k{k}.csv", primary=True)
    remarks(frame)
    with st.container(border=True):
        plain_chart(picked_values(frame, k, unit), "picked_values")
    st.dataframe(first_rows(frame), hide_index=True, height=420, column_config=column_settings(unit, k))


with errors_shown():
    study = choose_study()
    fit = choose_fit(study) if study else None
    if fit:
        k = choose_size(study)
        asked = controls(study, loading.laws(study, fit).points.size)
        if asked[3] is not None and not asked[3]:
            empty_state("**Nothing is selected.** Brush a chart on Explore, or pick among all.", "Explore", "Go to Explore")
        else:
            result(study, fit, k, asked)

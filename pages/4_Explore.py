"""Explore: look at all laws, brush anything, see it everywhere, open one point."""

import streamlit as st

from dscale_core.figures import QUANTITIES, fitted_count, quantity
from pages._ui import loading
from pages._ui.explore import inspector
from pages._ui.frame import begin_page, choose_fit, choose_size, choose_study, errors_shown
from pages._ui.selecting import brushable_boundary, brushable_histogram, brushable_laws, points_table, selection

begin_page("Explore", "Brush a chart to select points; every chart and table on every page follows.")


def charts(study, fit, laws, k):
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"), errors_shown():
        name = st.selectbox(
            "Histogram of", list(QUANTITIES), format_func=QUANTITIES.get, key="histogram_of", persist_state="session"
        )
        shown = quantity(laws, name, k, loading.unit(study))
        brushable_histogram(study, shown, f"histogram_{name}", zero=name == "psi", height=392)
    with right, st.container(border=True, height="stretch"), errors_shown():
        st.markdown("**Exponent against scale**")
        brushable_laws(study, fit)
    if study.dataset.task == "classification":
        with st.container(border=True), errors_shown():
            st.markdown("**Exponent against the distance to the decision boundary**")
            brushable_boundary(study, fit)


def selection_bar(study, laws):
    chosen = selection.current(study)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen.points):,} of {laws.points.size:,}** points selected")
        st.button("Clear", icon=":material/close:", on_click=selection.clear, args=(study,), disabled=not chosen.points)
        st.page_link("pages/7_Pick.py", label="Pick points", icon=":material/checklist:")
        fitted = fitted_count(laws)
        if fitted < laws.points.size:
            st.caption(f"The charts show the {fitted:,} of {laws.points.size:,} points that have a law; Fit says why.")


with errors_shown():
    study = choose_study()
    fit = choose_fit(study) if study else None
    if fit:
        k = choose_size(study)
        laws = loading.laws(study, fit)
        selection_bar(study, laws)
        charts(study, fit, laws, k)
        table = loading.rows(study, fit, k)
        st.subheader("Points", anchor=False)
        order = points_table(study, table, loading.unit(study), k)
        inspector(study, fit, table, order, k)

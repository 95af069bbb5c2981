"""Fit: one law a point, by the method of choice; what failed and why."""

import streamlit as st

from dscale_core import jobs
from dscale_core.figures import quantity, status_table
from dscale_core.laws import describe_method, list_methods
from pages._ui import loading
from pages._ui.charts import brushable_histogram
from pages._ui.context import choose_fit, choose_study
from pages._ui.jobs import is_busy, show_jobs
from pages._ui.page import PAGES, begin_page, empty_state, errors_shown
from pages._ui.words import duration

begin_page(
    "Fit", r"One scaling law a point, $\psi_k = c\,k^{-\alpha}$, with an interval and a status that says cause and remedy."
)


def fit_controls(study, done):
    with st.container(border=True):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        method = left.selectbox("Method", list_methods(), key="method", persist_state="session")
        start = right.button("Fit", type="primary", icon=":material/function:", width="stretch", disabled=is_busy(study.id))
        st.caption(describe_method(method).summary)
        st.caption(f"{done.done:,} of {done.total:,} coalitions are drawn; the fit uses those that are.")
        if start:
            jobs.submit(study, "fit", {"method": method})
            st.session_state["fit"] = method
            st.rerun()
    show_jobs(study.id, ("fit",))


def results(study, fit):
    laws = loading.laws(study, fit)
    st.subheader(f"{fit.method}: {laws.points.size:,} points", anchor=False)
    st.caption(
        f"Fitted to {fit.n_coalitions:,} coalitions in {duration(fit.seconds)}, "
        f"sizes {laws.min_size:,} to {laws.max_size:,}; {fit.created[:16].replace('T', ' ')} UTC."
    )
    if fit.n_coalitions < study.progress().done:
        st.warning("More coalitions were drawn since this fit. Fit again to use them.")
    with st.container(border=True):
        for row in status_table(laws).itertuples():
            name, count, meaning = st.columns([2, 2, 7], vertical_alignment="center")
            name.markdown(f":{'green' if row.status == 'ok' else 'orange'}-badge[{row.status}]")
            count.markdown(f"**{row.points:,}** points :gray[({row.share:.1%})]")
            meaning.markdown(row.explanation)
    cells = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    for cell, name in zip(cells, ("alpha", "log10_c", "log10_sigma2", "beta"), strict=True):
        with cell, st.container(border=True), errors_shown():
            brushable_histogram(study, quantity(laws, name, unit=loading.unit(study)), f"fit_{name}", height=260)
    st.page_link(PAGES["Explore"], label="Explore these laws", icon=":material/arrow_forward:")


with errors_shown():
    study = choose_study()
    if study:
        done = study.progress()
        if done.done:
            fit_controls(study, done)
            fit = choose_fit(study) if loading.fits(study) else None
            if fit:
                results(study, fit)
        else:
            show_jobs(study.id, ("sample",))
            empty_state("**No draws yet.** Contributions are drawn first, then laws are fitted.", "Sample", "Go to Sample")

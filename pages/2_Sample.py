"""Sample: choose a learner and the sizes, see what it costs, start it, close the browser, come back."""

import streamlit as st

from dscale_core import jobs
from dscale_core.study import Study
from pages._ui import loading
from pages._ui.data import choose_dataset
from pages._ui.frame import PAGES, begin_page, choose_study, errors_shown, set_study
from pages._ui.sample import (
    check_recipe,
    choose_recipe,
    choose_validation,
    explain_valuation,
    has_seed,
    say_resolved,
    show_cost,
    show_exponents,
    show_noise,
    show_preview,
)
from pages._ui.work import show_jobs

begin_page("Sample", "Draw contributions δ: how much each point helps random training sets of many sizes.")


def new_study():
    ready = False
    with errors_shown():
        dataset, recipe = choose_recipe(choose_dataset)
        check_recipe(dataset, recipe)
        say_resolved(dataset, recipe.learner, recipe.plan, recipe.utility)
        ready = True
    with st.container(horizontal=True):
        ask = st.button("Estimate the cost", icon=":material/timer:", disabled=not ready)
        start = st.button("Start sampling", type="primary", icon=":material/play_arrow:", disabled=not ready)
    if not ready:
        return
    if start:
        with errors_shown():
            launch(dataset, recipe)
    left, right = st.columns([2, 3], gap="medium")
    with right, st.container(border=True):
        show_preview(dataset, recipe.learner, recipe.utility, recipe.plan)
    with left, st.container(border=True):
        show_cost(dataset, recipe, ask)
    if has_seed(recipe.learner):
        with left, st.container(border=True):
            show_noise(dataset, recipe.learner, recipe.utility, recipe.plan)


def launch(dataset, recipe):
    with st.spinner("Checking the smallest coalition"):
        check_recipe(dataset, recipe, thorough=True)
    study = Study.create(
        dataset, recipe.learner, recipe.plan, cache=loading.cache_folder(), utility=recipe.utility, name=recipe.name
    )
    jobs.submit(study, "sample", {"role": "fit", "n_jobs": recipe.n_jobs})
    set_study(study.id)
    st.session_state["wanted_view"] = "This study"
    st.rerun()


def this_study(study):
    summary, done = study.summary(), study.progress()
    st.markdown(
        f"**{summary.name}** · {summary.dataset_name}, {summary.learner}, {summary.utility} · "
        f"{summary.n_valued:,} points, sizes {summary.min_size:,} to {summary.max_size:,}"
    )
    explain_valuation(study.plan)
    busy = show_jobs(study.id, ("sample", "audit"))
    sampling = busy and done.done < done.total
    if not busy:
        st.progress(done.done / done.total, text=f"{done.done:,} of {done.total:,} coalitions drawn")
    with st.container(horizontal=True):
        if done.done < done.total and not busy and st.button("Draw what is missing", type="primary"):
            jobs.submit(study, "sample", {"role": "fit", "n_jobs": st.session_state.get("more_jobs", 1)})
            st.rerun()
        if done.done:
            st.page_link(PAGES["Fit"], label="Fit the laws", icon=":material/arrow_forward:")
    left, right = st.columns([2, 3], gap="medium")
    with right, st.container(border=True), errors_shown():
        show_exponents(study, sampling)
    with left, st.container(border=True), errors_shown():
        audit(study)
    if has_seed(study.learner):
        with left, st.container(border=True), errors_shown():
            show_noise(study.dataset, study.learner, study.utility, study.plan)
    with left, st.container(border=True), errors_shown():
        choose_validation(study, done.done > 0, busy)


def audit(study):
    st.markdown("**Audit** · are the contributions exact?")
    report = study.last_audit()
    if report is None:
        st.caption("Not audited yet. The audit refits random pairs of models independently and compares.")
    else:
        (st.success if report.passed else st.error)(report.verdict)
        cells = st.columns(3)
        cells[0].metric("Pairs refitted", f"{report.pairs:,}")
        cells[1].metric("Largest error", f"{report.relative_error:.1e}", help="of δ, over its spread between points")
        known = report.rank_correlation == report.rank_correlation
        cells[2].metric("Rank correlation", f"{report.rank_correlation:.4f}" if known else "not defined")
    if st.button("Audit 24 pairs", icon=":material/fact_check:"):
        jobs.submit(study, "audit", {"pairs": 24})
        st.rerun()


with errors_shown():
    known = bool(loading.studies())
    views = ["New study", "This study"] if known else ["New study"]
    if (wanted := st.session_state.pop("wanted_view", None)) in views:
        st.session_state["view"] = wanted
    elif "view" not in st.session_state and "view" not in st.query_params:
        st.session_state["view"] = views[0]  # not by `default`: a start sets it too
    view = st.segmented_control("View", views, required=True, key="view", bind="query-params", label_visibility="collapsed")
    study = choose_study() if known else None
    if view == "This study" and study:
        this_study(study)
    else:
        new_study()

"""Sample: choose a learner and the sizes, see what it costs, start it, close the browser, come back."""

from dataclasses import replace

import streamlit as st

from dscale_core import jobs
from dscale_core.sampling import estimate_cost
from dscale_core.study import Study
from pages._ui import loading
from pages._ui.context import choose_study, set_study
from pages._ui.dataset import choose_dataset
from pages._ui.jobs import show_jobs
from pages._ui.page import PAGES, begin_page, errors_shown
from pages._ui.plan import choose_recipe, choose_workers
from pages._ui.uploads import kept
from pages._ui.words import duration, memory

begin_page("Sample", "Draw contributions δ: how much each point helps random training sets of many sizes.")


def show_cost(dataset, recipe):
    token = recipe.token(dataset.fingerprint)
    if st.session_state.get("cost_asked") != token:
        return
    with st.spinner("Timing a few coalitions"):
        cost = kept(
            "cost",
            token,
            lambda: estimate_cost(dataset, recipe.learner, recipe.plan, recipe.utility, n_jobs=recipe.n_jobs),
        )
    cells = st.columns(4)
    cells[0].metric("Time", duration(cost.seconds))
    cells[1].metric("Contributions/s", f"{cost.contributions_per_second:,.0f}", help=f"{cost.n_contributions:,} in all")
    cells[2].metric("Disk", memory(cost.disk_bytes))
    cells[3].metric("Memory", memory(cost.memory_bytes))


def new_study():
    dataset, recipe = choose_recipe(choose_dataset)
    with st.container(horizontal=True):
        ask = st.button("Estimate the cost", icon=":material/timer:")
        start = st.button("Start sampling", type="primary", icon=":material/play_arrow:")
    if ask:
        st.session_state["cost_asked"] = recipe.token(dataset.fingerprint)
    show_cost(dataset, recipe)
    if start:
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
    busy = show_jobs(study.id, ("sample", "audit"))
    if not busy:
        st.progress(done.done / done.total, text=f"{done.done:,} of {done.total:,} coalitions drawn")
    with st.container(horizontal=True):
        if done.done < done.total and not busy and st.button("Draw what is missing", type="primary"):
            jobs.submit(study, "sample", {"role": "fit", "n_jobs": st.session_state.get("more_jobs", 1)})
            st.rerun()
        if done.done:
            st.page_link(PAGES["Fit"], label="Fit the laws", icon=":material/arrow_forward:")
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"), errors_shown():
        audit(study)
    with right, st.container(border=True, height="stretch"), errors_shown():
        validation(study, done, busy)


def audit(study):
    st.markdown("**Audit** · are the contributions exact?")
    report = study.last_audit()
    if report is None:
        st.caption("Not audited yet. The audit refits random pairs of models independently and compares.")
    else:
        (st.success if report.passed else st.error)(report.verdict)
        cells = st.columns(3)
        cells[0].metric("Pairs refitted", f"{report.pairs:,}")
        cells[1].metric(
            "Relative error", f"{report.relative_error:.1e}", help="largest error of δ over its spread between points"
        )
        cells[2].metric("Rank correlation", f"{report.rank_correlation:.4f}")
    if st.button("Audit 24 pairs", icon=":material/fact_check:"):
        jobs.submit(study, "audit", {"pairs": 24})
        st.rerun()


def validation(study, done, busy):
    st.markdown("**Validation draws** · coalitions that the fit never sees")
    if "validation" in study.roles():
        have = study.progress("validation")
        if busy:
            st.caption("Their progress is shown above while they are drawn.")
        else:
            st.progress(have.done / have.total, text=f"{have.done:,} of {have.total:,} coalitions drawn")
        if have.done < have.total and not busy and st.button("Draw the missing validation coalitions"):
            jobs.submit(study, "sample", {"role": "validation", "n_jobs": st.session_state.get("more_jobs", 1)})
            st.rerun()
        st.page_link(PAGES["Validate"], label="Validate the laws", icon=":material/arrow_forward:")
        return
    st.caption("They make the accuracy on Validate honest. Same sizes and points, a seed of their own.")
    cells = st.columns(2, vertical_alignment="bottom")
    draws = cells[0].number_input("Coalitions", 1, 1_000_000, study.plan.draws, key="validation_draws")
    with cells[1]:
        n_jobs = choose_workers("more_jobs")
    if st.button("Draw validation coalitions", icon=":material/verified:", disabled=done.done == 0):
        study.add_samples(replace(study.plan, draws=int(draws), seed=study.plan.seed + 1), role="validation")
        jobs.submit(study, "sample", {"role": "validation", "n_jobs": n_jobs})
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

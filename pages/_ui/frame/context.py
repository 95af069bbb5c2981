"""Which study, which fit and which size k a page is about: the sidebar, kept in step with the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.laws import list_methods
from pages._ui import loading
from pages._ui.frame.page import empty_state

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study, StudySummary

__all__ = ["choose_fit", "choose_size", "choose_study", "set_study"]

_LARGEST_K = 1_000_000_000


def set_study(study_id: str) -> None:
    """Make this study the open one, from the next rerun on."""
    st.session_state["study_wanted"] = study_id


def choose_study() -> Study | None:
    """The study picker in the sidebar, bound to ``?study=``; None (with an empty state on the page) where there is none."""
    summaries = loading.studies()
    if not summaries:
        empty_state(
            "**No study yet.** A study is a data set, a learner and the contributions drawn for them.",
            "Sample",
            "Start a study",
        )
        st.page_link("app.py", label="or run the demo", icon=":material/play_circle:")
        return None
    names = {summary.id: _study_label(summary) for summary in summaries}
    _follow_link(list(names))
    chosen = st.sidebar.selectbox("Study", list(names), format_func=lambda i: names.get(i, i), key="study")
    if st.query_params.get("study") != chosen:
        st.query_params["study"] = chosen
    st.session_state["study_in_url"] = chosen
    return loading.open_study(chosen, loading.cache_folder())


def _follow_link(known: list[str]) -> None:
    """Take the study from a link, from another page's wish, or keep the one that is open."""
    state, asked = st.session_state, st.query_params.get("study")
    wanted = state.pop("study_wanted", None)
    followed = asked is not None and asked != state.get("study_in_url")
    if followed and asked not in known:
        st.sidebar.warning("The link names a study that is not here. The newest one is open instead.")
    kept = state.get("study") or state.get("study_in_url")
    for candidate in (wanted, asked if followed else None, kept, known[0]):
        if candidate in known:
            state["study"] = candidate
            return


def _study_label(summary: StudySummary) -> str:
    return f"{summary.name} · {summary.created[5:16].replace('T', ' ')}"


def choose_fit(study: Study) -> FitRecord | None:
    """The newest fit by the method of choice, at first the default; None (and an empty state) where nothing is fitted."""
    newest = {record.method: record for record in loading.fits(study)}
    # those in the order of the list, then those by methods that only the process that fitted them knows
    records = {method: newest[method] for method in dict.fromkeys((*list_methods(), *newest)) if method in newest}
    if not records:
        done = study.progress()
        if done.done == 0:
            empty_state("**No draws yet.** Contributions are drawn first, then laws are fitted.", "Sample", "Go to Sample")
        else:
            empty_state(f"**No law is fitted yet.** {done.done:,} coalitions are drawn.", "Fit", "Fit the laws")
        return None
    first = next(iter(records))
    if st.session_state.get("fit") not in records and "fit" not in st.query_params:
        st.session_state["fit"] = first  # not by `index`: a default is left out of the URL, and a link must name its fit
    method = st.sidebar.radio(
        "Law fitted by", list(records), index=None, key="fit", bind="query-params", persist_state="session"
    )
    return records.get(method or first, records[first])


def choose_size(study: Study) -> int:
    """The control "at size k" in the sidebar, bound to ``?k=``; says where k lies beyond the sampled sizes."""
    plan = study.plan
    k = st.sidebar.number_input(
        "At size k",
        min_value=1,
        max_value=_LARGEST_K,
        value=plan.max_size,
        step=max(1, plan.max_size // 20),
        key="k",
        bind="query-params",
        persist_state="session",
        help="Values, ranks and picks are those for a data set of k points.",
    )
    size = plan.max_size if k is None else int(k)
    if size > plan.max_size:
        st.sidebar.warning(f"k lies beyond the sampled sizes (to {plan.max_size:,}): the laws are extrapolated.")
    elif size < plan.min_size:
        st.sidebar.warning(f"k lies below the sampled sizes (from {plan.min_size:,}): the laws are extrapolated.")
    else:
        st.sidebar.caption(f"Sampled from {plan.min_size:,} to {plan.max_size:,} points.")
    return size

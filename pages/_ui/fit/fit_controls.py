"""Starting fits: by one method, or by all that have not seen all draws yet; jobs wait for each other in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core import jobs
from dscale_core.laws import describe_method, list_methods
from pages._ui import loading
from pages._ui.work import show_jobs

if TYPE_CHECKING:
    from dscale_core.study import Progress, Study

__all__ = ["fit_controls"]


def fit_controls(study: Study, done: Progress) -> None:
    """The method, its summary, what it would be fitted to, and the jobs."""
    waiting = _waiting(study)
    missing = _missing(study, done.done, waiting)
    with st.container(border=True):
        left, middle, right = st.columns([5, 2, 3], vertical_alignment="bottom")
        method = left.selectbox("Method", list_methods(), key="method", persist_state="session")
        about = describe_method(method)
        start = middle.button(
            "Fit",
            type="primary",
            icon=":material/function:",
            width="stretch",
            disabled=method in waiting or bool(about.missing),
        )
        start_all = right.button(
            f"Fit all that are missing ({len(missing)})",
            icon=":material/playlist_add:",
            width="stretch",
            disabled=not missing,
            help="Methods that no fit of all the coalitions drawn so far exists for; they are fitted one after the other.",
        )
        st.caption(about.summary)
        if about.missing:
            st.info(about.missing, icon=":material/extension_off:")
        st.caption(_sentence(done, missing))
        if start:
            _submit(study, [method])
        if start_all:
            _submit(study, missing)
    show_jobs(study.id, ("fit",))


def _submit(study: Study, methods: list[str]) -> None:
    for method in methods:
        jobs.submit(study, "fit", {"method": method})
    if len(methods) == 1:
        st.session_state["fit"] = methods[0]
    st.rerun()


def _waiting(study: Study) -> set[str]:
    """Methods whose fit waits or runs."""
    active = jobs.list_jobs(loading.cache_folder(), study.id, active_only=True)
    return {str(job.params.get("method")) for job in active if job.kind == "fit"}


def _missing(study: Study, n_drawn: int, waiting: set[str]) -> list[str]:
    """Methods that can run here, without a fit of all that is drawn, and for which none waits."""
    complete = {fit.method for fit in loading.all_fits(study) if fit.n_coalitions >= n_drawn}
    able = [method for method in list_methods() if not describe_method(method).missing]
    return [method for method in able if method not in complete | waiting]


def _sentence(done: Progress, missing: list[str]) -> str:
    said = f"{done.done:,} of {done.total:,} coalitions are drawn; a fit uses those that are."
    if missing:
        return f"{said} Not fitted to all of them yet: {', '.join(missing)}."
    return f"{said} Every method that can run here is fitted to all of them, or waits for its turn."

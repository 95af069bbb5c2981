"""Which value the page is about, and the button that computes it as a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core import jobs
from dscale_core.values import describe_value, list_values
from pages._ui import loading
from pages._ui.frame import duration
from pages._ui.work import show_jobs

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study, ValueRecord
    from dscale_core.values import ValueInfo

__all__ = ["choose_value", "compute"]


def choose_value() -> ValueInfo:
    """The value to look at, bound to ``?value=``."""
    names = list_values()
    name = st.selectbox("Value", names, key="value", bind="query-params", persist_state="session")
    info = describe_value(name or names[0])
    st.caption(info.summary)
    return info


def compute(study: Study, info: ValueInfo, fit: FitRecord | None, kept: ValueRecord | None) -> None:
    """What the value would be computed from, the button, and the jobs."""
    waiting = any(
        job.kind == "value" and job.params.get("name") == info.name
        for job in jobs.list_jobs(loading.cache_folder(), study.id, active_only=True)
    )
    words, button = st.columns([4, 1], vertical_alignment="center")
    words.caption(f"{_source(study, info, fit)} {_state(study, fit, kept)}")
    if button.button(
        "Compute" if kept is None else "Compute again",
        type="primary" if kept is None else "secondary",
        icon=":material/balance:",
        disabled=waiting,
        width="stretch",
    ):
        jobs.submit(study, "value", {"name": info.name} | ({} if fit is None else {"fit_id": fit.id}))
        st.rerun()
    show_jobs(study.id, ("value",))


def _source(study: Study, info: ValueInfo, fit: FitRecord | None) -> str:
    if fit is not None:
        return f"From the laws by {fit.method}, fitted to {fit.n_coalitions:,} coalitions."
    if "draws" in info.needs:
        return f"From the {study.progress().done:,} coalitions drawn so far."
    return "From the data and the learner alone."


def _state(study: Study, fit: FitRecord | None, kept: ValueRecord | None) -> str:
    if kept is None:
        return "Not computed yet."
    said = f"Computed in {duration(kept.seconds)} for sizes {kept.min_size:,} to {kept.max_size:,}."
    if fit is None and kept.n_coalitions and kept.n_coalitions < study.progress().done:
        return f"{said} More coalitions were drawn since: compute it again to use them."
    return said

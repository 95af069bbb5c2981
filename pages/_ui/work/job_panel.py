"""Background work on the page: progress while it runs, a cancel that cancels, an error that stays until it is dismissed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core import jobs
from pages._ui import loading
from pages._ui.frame import duration, errors_shown

if TYPE_CHECKING:
    from dscale_core.jobs import Job

__all__ = ["job_word", "show_jobs"]

_ACTIVE = ("queued", "running")
_NAMES = {
    "sample": "Sampling",
    "fit": "Fitting",
    "audit": "Audit",
    "value": "Value",
    "choose": "List",
    "verify": "Verification",
    "addition": "Addition to random sets",
}
_WORDS = {
    "queued": ":gray-badge[waiting]",
    "running": ":blue-badge[running]",
    "done": ":green-badge[done]",
    "failed": ":red-badge[failed]",
    "cancelled": ":orange-badge[cancelled]",
    "interrupted": ":orange-badge[interrupted]",
}


def job_word(state: str) -> str:
    """A job's state as a coloured word."""
    return _WORDS.get(state, state)


def show_jobs(study_id: str, kinds: tuple[str, ...] = ("sample", "fit", "audit"), finished: bool = False) -> bool:
    """What runs, waits or went wrong, live; with `finished`, what is done too. Returns whether anything is active.

    The page runs again whenever a job starts or ends, so that the rest of it is never older than this panel.
    """
    active = _active(_newest(study_id, kinds))

    @st.fragment(run_every=1.0 if active else None)
    def panel() -> None:
        with errors_shown():
            shown = _newest(study_id, kinds)
            for job in shown:
                if finished or job.state != "done":
                    _show(job)
            if _active(shown) != active:
                st.rerun()

    panel()
    return bool(active)


def _active(shown: list[Job]) -> list[int]:
    return [job.id for job in shown if job.state in _ACTIVE]


def _newest(study_id: str, kinds: tuple[str, ...]) -> list[Job]:
    """All active jobs and the newest finished one of each kind and method, in the order in which they were asked for."""
    dismissed, seen, shown = st.session_state.get("dismissed_jobs", set()), set(), []
    for job in jobs.list_jobs(loading.cache_folder(), study_id):
        slot = (job.kind, *(job.params.get(name) for name in ("role", "method", "name")))
        if job.kind in kinds and (job.state in _ACTIVE or slot not in seen):
            seen.add(slot)
            if job.id not in dismissed:
                shown.append(job)
    return shown[::-1]


def _show(job: Job) -> None:
    with st.container(border=True, key=f"job_{job.id}"):
        head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        head.markdown(f"**{_title(job)}** {job_word(job.state)}", width="content")
        if job.state in _ACTIVE:
            _show_active(job, head)
        elif job.state == "failed":
            st.error(job.error or job.message or "The job failed; its log says more.", icon=":material/error:")
            _resume_button(job, head, "Try again")
            if st.button("Dismiss", key=f"dismiss_{job.id}"):
                st.session_state.setdefault("dismissed_jobs", set()).add(job.id)
                st.rerun()
        elif job.state in ("interrupted", "cancelled"):
            kept = f"{job.done:,} of {job.total:,} coalitions are kept. " if job.kind == "sample" else "Nothing is kept. "
            st.caption(kept + job.message)
            _resume_button(job, head, "Resume")
        if job.state not in ("queued", "done"):
            with st.expander("Log"):
                st.code(jobs.job_log(job.id, loading.cache_folder()) or "The log is empty so far.", language=None)


def _show_active(job: Job, head: st.delta_generator.DeltaGenerator) -> None:
    share = job.done / job.total if job.total else 0.0
    left = jobs.seconds_left(job)
    if job.kind == "sample":
        parts = [f"{job.done:,} of {job.total:,} coalitions"] if job.total else []
    else:
        parts = [f"{share:.0%}" if job.done else "at work"] if job.state == "running" else []
    if job.rate > 0:
        parts.append(f"{job.rate:,.0f} contributions/s")
    if left is not None:
        parts.append(f"{duration(left)} left")
    st.progress(min(share, 1.0), text=" · ".join(parts) or "waiting for its turn")
    if job.cancel_requested:
        head.caption("stopping", width="content")
    elif head.button("Cancel", key=f"cancel_{job.id}"):
        jobs.cancel(job.id, loading.cache_folder())
        st.rerun(scope="app")


def _resume_button(job: Job, place: st.delta_generator.DeltaGenerator, label: str) -> None:
    if place.button(label, key=f"resume_{job.id}", type="primary"):
        jobs.resume(job.id, loading.cache_folder())
        st.rerun(scope="app")


def _title(job: Job) -> str:
    name = _NAMES.get(job.kind, job.kind)
    if job.kind == "sample" and job.params.get("role", "fit") != "fit":
        return f"{name} ({job.params['role']} draws)"
    of = job.params.get("name") or job.params.get("method")
    return f"{name} ({of})" if of else name

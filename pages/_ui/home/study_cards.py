"""The list of studies on the home page: what each is, how far it is, and where to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core import jobs
from pages._ui import loading
from pages._ui.frame import PAGES, empty_state, errors_shown
from pages._ui.work import job_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dscale_core.jobs import Job
    from dscale_core.study import StudySummary

__all__ = ["study_cards"]

_SHOWN = 20
_WIDTHS = [4, 3, 2, 2, 4]


def study_cards(summaries: Sequence[StudySummary]) -> None:
    """All studies, newest first; the first 20 at once."""
    st.subheader("Studies", anchor=False)
    if not summaries:
        empty_state("**No study yet.** Run the demo above, or choose your data.", "Data", "Choose data")
        return
    shown = summaries
    if len(summaries) > _SHOWN:
        every = st.toggle(f"Show all {len(summaries):,} studies (now the newest {_SHOWN})", key="all_studies")
        shown = summaries if every else summaries[:_SHOWN]
    wanted = [summary.id for summary in shown]
    busy = bool(jobs.list_jobs(loading.cache_folder(), active_only=True))

    @st.fragment(run_every=2.0 if busy else None)
    def cards() -> None:
        with errors_shown():
            newest = _telling_jobs()
            for summary in loading.studies():
                if summary.id in wanted:
                    _card(summary, newest.get(summary.id))

    cards()


def _telling_jobs() -> dict[str, Job]:
    """The job that says most about each study: the one that runs, else the newest."""
    telling: dict[str, Job] = {}
    for job in jobs.list_jobs(loading.cache_folder()):
        if job.study_id not in telling or job.state == "running":
            telling[job.study_id] = job
    return telling


def _card(summary: StudySummary, job: Job | None) -> None:
    with st.container(border=True):
        name, data, learner, state, links = st.columns(_WIDTHS, vertical_alignment="center", gap="medium")
        name.markdown(f"**{summary.name}**  \n:gray[{summary.created[:16].replace('T', ' ')} UTC]")
        data.markdown(
            f"{summary.dataset_name}  \n:gray[{summary.n_valued:,} points, k {summary.min_size:,}–{summary.max_size:,}]"
        )
        learner.markdown(f"{summary.learner}  \n:gray[{summary.utility}, {summary.valued_on}]")
        with state:
            st.markdown(_state(summary, job))
            if summary.done < summary.total:
                st.progress(summary.done / summary.total, text=f"{summary.done:,} of {summary.total:,}")
        with links, st.container(horizontal=True, gap="small"):
            for page in _next_pages(summary):
                st.page_link(PAGES[page], label=page, query_params=_query(page, summary.id))


def _state(summary: StudySummary, job: Job | None) -> str:
    if job is not None and job.state != "done":
        return job_word(job.state)
    if summary.done < summary.total:
        return ":orange-badge[not complete]" if summary.done else ":gray-badge[not started]"
    return f":green-badge[fitted] :gray[{', '.join(summary.fits)}]" if summary.fits else ":blue-badge[sampled]"


def _next_pages(summary: StudySummary) -> tuple[str, ...]:
    if summary.fits:
        return ("Explore", "Validate", "Pick")
    return ("Sample", "Fit") if summary.done else ("Sample",)


def _query(page: str, study_id: str) -> dict[str, str]:
    return {"study": study_id, "view": "This study"} if page == "Sample" else {"study": study_id}

"""The question that a list answers, and the button that has it chosen as a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core import jobs
from dscale_core.curation import SHARES
from pages._ui import loading
from pages._ui.frame import errors_shown
from pages._ui.pick.time_allowed import within_the_time
from pages._ui.pick.trained_on import choose_set
from pages._ui.sample import choose_workers
from pages._ui.work import show_jobs

if TYPE_CHECKING:
    from dscale_core.study import Study
    from pages._ui.pick.trained_on import Wanted

__all__ = ["ask_for_list"]

_GOALS = {"add to": "add", "drop from": "drop", "exchange in": "swap"}


def ask_for_list(study: Study) -> None:
    """Which points, for which set; the button; and the job while it runs."""
    with st.container(border=True):
        st.markdown("**Which points should I add to, drop from or exchange in this set?**")
        controls = st.container(horizontal=True, vertical_alignment="bottom")
        asked = _goal_and_budget(study, controls)
        with errors_shown():
            wanted = choose_set(study)
            with st.container(width=230):
                n_jobs = choose_workers("list_jobs")
            limit = within_the_time(study, asked, wanted, n_jobs)
            _button(study, asked | {"n_jobs": n_jobs}, wanted, limit)
    show_jobs(study.id, ("choose",))


def _goal_and_budget(study: Study, place: st.delta_generator.DeltaGenerator) -> dict[str, Any]:
    goal = place.segmented_control(
        "Points to", list(_GOALS), default="add to", required=True, key="list_goal", bind="query-params",
    )  # fmt: skip
    most = study.dataset.n_points - 2
    n = place.number_input(
        "at most n", 1, most, min(100, most), key="list_n", bind="query-params", width=130, persist_state="session"
    )
    asked = {"goal": _GOALS[goal or "add to"], "n": int(n)}
    if study.dataset.task == "classification" and asked["goal"] != "drop":
        shares = place.segmented_control(
            "Class shares", list(SHARES), default=SHARES[0], required=True, key="list_shares", bind="query-params",
            help="of the points that join; a class that has no more points that help leaves its share to the others",
        )  # fmt: skip
        asked["shares"] = shares or SHARES[0]
    seed = place.number_input("Seed", 0, None, 0, key="list_seed", bind="query-params", width=110, persist_state="session")
    return asked | {"seed": int(seed)}


def _button(study: Study, asked: dict[str, Any], wanted: Wanted, limit: dict[str, Any] | None) -> None:
    busy = bool([job for job in jobs.list_jobs(loading.cache_folder(), study.id, active_only=True) if job.kind == "choose"])
    waits = busy or not wanted.is_whole or limit is None
    if st.button("Choose", type="primary", icon=":material/playlist_add_check:", disabled=waits):
        jobs.submit(study, "choose", asked | (limit or {}) | _named(study, wanted))
        st.rerun()


def _named(study: Study, wanted: Wanted) -> dict[str, Any]:
    """The set as a job takes it; points that were named become the study's current set."""
    if wanted.named is None:
        return {"k": wanted.k} | ({"n_sets": wanted.n_sets} if wanted.n_sets > 1 else {})
    before = study.current()
    if before is None or before.points.tolist() != wanted.named.points.tolist():
        before = study.set_current(wanted.named.points, wanted.named.source)
    return {"current_id": before.id}

"""Validation draws on the Sample page: at which sizes, how many, how far they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core import jobs
from dscale_core.errors import ArgumentError
from dscale_core.sampling import check_plan, validation_plan
from pages._ui.frame import PAGES, errors_shown
from pages._ui.sample.recipe import choose_workers, listed_sizes

if TYPE_CHECKING:
    from dscale_core.study import Study
    from dscale_core.types import SamplingPlan

__all__ = ["choose_validation"]

_ROLE = "validation"


def choose_validation(study: Study, ready: bool, busy: bool) -> None:
    """Ask for validation draws where there are none; show how far they are, and ask for more, where there are."""
    st.markdown("**Validation draws** · coalitions that the fit never sees")
    if _ROLE in study.roles():
        _there(study, busy)
    else:
        _none_yet(study, ready)


def _none_yet(study: Study, ready: bool) -> None:
    st.caption(
        "They make the accuracy on Validate honest: the same points, a seed of their own, many draws at a few sizes. Sizes "
        "beyond those of the fit show how far its laws reach."
    )
    proposal = validation_plan(study.plan)
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    text = left.text_input("Sizes", ", ".join(map(str, proposal.sizes)), key="validation_sizes")
    draws = middle.number_input("Draws a size", 1, 1_000_000, proposal.draws, key="validation_draws")
    with right:
        n_jobs = choose_workers("more_jobs")
    plan = None
    with errors_shown():
        plan = _checked(study, text, int(draws))
        st.caption(f"{plan.n_coalitions:,} coalitions; the fit has {study.plan.n_coalitions:,}.")
    disabled = plan is None or not ready
    if st.button("Draw validation coalitions", icon=":material/verified:", disabled=disabled) and plan is not None:
        study.add_samples(plan, role=_ROLE)
        _submit(study, n_jobs)


def _checked(study: Study, text: str, draws: int) -> SamplingPlan:
    sizes = listed_sizes(text)
    if not sizes:
        raise ArgumentError("sizes", "name at least one size", "none", "Write them as 100, 300, 1000.")
    plan = validation_plan(study.plan, sizes, draws)
    check_plan(study.dataset, study.learner, plan, study.utility)
    return plan


def _there(study: Study, busy: bool) -> None:
    have, plan = study.progress(_ROLE), study.plan_of(_ROLE)
    if busy:
        st.caption("Their progress is shown above while they are drawn.")
    else:
        st.progress(have.done / have.total, text=f"{have.done:,} of {have.total:,} coalitions drawn")
    if isinstance(plan.sizes, str):
        st.caption(f"Sizes {plan.min_size:,} to {plan.max_size:,}.")
    else:
        st.caption(f"{plan.draws:,} draws at each of the sizes {', '.join(f'{k:,}' for k in plan.sizes)}.")
    if not busy and have.done < have.total and st.button("Draw the missing validation coalitions"):
        _submit(study, st.session_state.get("more_jobs", 1))
    if not busy and have.done == have.total and st.button("Draw as many again", icon=":material/add:"):
        study.add_samples(replace(plan, draws=2 * plan.draws), role=_ROLE)
        _submit(study, st.session_state.get("more_jobs", 1))
    st.page_link(PAGES["Validate"], label="Validate the laws", icon=":material/arrow_forward:")


def _submit(study: Study, n_jobs: int) -> None:
    jobs.submit(study, "sample", {"role": _ROLE, "n_jobs": n_jobs})
    st.rerun()

"""What a plan costs on this machine, and what a smaller one would save, before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.sampling import estimate_cost
from pages._ui.frame import duration, memory
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.sampling import CostEstimate
    from dscale_core.types import Dataset
    from pages._ui.sample.recipe import Recipe

__all__ = ["show_cost"]

_PATIENCE = 30.0  # seconds that a click waits for its answer


def show_cost(dataset: Dataset, recipe: Recipe, asked: bool) -> None:
    """The estimate: by itself for exact engines, which are quick to time; for the others when it is `asked` for."""
    st.markdown("**What it costs** on this machine")
    token = ("cost", *recipe.token(dataset.fingerprint))
    if asked:
        background.forget(token)
        st.session_state["cost_asked"] = token
    elif not recipe.learner.exact and st.session_state.get("cost_asked") != token:
        st.caption("Every contribution is a refit here, so timing them takes a while. Ask for the estimate above.")
        return
    future = background.ask(
        "cost", token, lambda: estimate_cost(dataset, recipe.learner, recipe.plan, recipe.utility, n_jobs=recipe.n_jobs)
    )
    if asked:
        with st.spinner("Timing a few coalitions"):
            background.wait(future, _PATIENCE)
    background.show_when_done(
        future, lambda cost: _show(cost, recipe), "Timing a few coalitions", "The cost cannot be estimated."
    )


def _show(cost: CostEstimate, recipe: Recipe) -> None:
    left, right = st.columns(2)
    left.metric("Time", duration(cost.seconds))
    right.metric("Contributions/s", f"{cost.contributions_per_second:,.0f}", help=f"{cost.n_contributions:,} in all")
    left, right = st.columns(2)
    left.metric("Disk", memory(cost.disk_bytes))
    right.metric(
        "Memory",
        memory(cost.memory_bytes + cost.working_bytes),
        help=f"{memory(cost.memory_bytes)} of draws, and about {memory(cost.working_bytes)} for the processes, the data and "
        "their working space",
    )
    workers = "1 process" if recipe.n_jobs == 1 else f"{recipe.n_jobs} processes"
    st.caption(f"Measured on a few coalitions of this plan, for {workers}.")
    if cost.savings:
        rows = [f"| {saving.label} | {duration(saving.seconds)} |" for saving in cost.savings]
        st.markdown("\n".join(["| A smaller plan | takes |", "| :-- | --: |", *rows]))

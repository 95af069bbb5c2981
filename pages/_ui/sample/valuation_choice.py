"""What coalitions are valued on: the choice for a new study, and what a study's kind means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import streamlit as st

from dscale_core.sampling import resolve_plan

if TYPE_CHECKING:
    from dscale_core.types import Dataset, Learner, SamplingPlan

__all__ = ["choose_valuation", "explain_valuation", "say_resolved"]

_KINDS = ("auto", "fresh", "fixed")
_MEANING = {
    "fresh": "Each coalition is valued on other rows, so values and their intervals are about **new rows**. A point that is "
    "among the rows of a coalition is not valued in that draw.",
    "fixed": "All coalitions are valued on the same rows, so values are about **these rows alone**: other rows would "
    "give other values, the more so the larger k is, and intervals are as wide as that asks for.",
}


def choose_valuation() -> tuple[Literal["auto", "fresh", "fixed"], int]:
    """The rows that each coalition is valued on, and how many where they are drawn anew."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    chosen = left.segmented_control(
        "Valuation rows",
        _KINDS,
        default="auto",
        required=True,
        key="valuation",
        help="Fresh: drawn anew for each coalition, from the valuation set and the pool outside it. Fixed: the valuation "
        "set for all, as published. Auto: fresh where coalitions leave rows enough.",
    )
    rows = 1000
    if chosen != "fixed":
        rows = int(right.number_input("Rows a coalition", 1, 1_000_000, rows, key="valuation_rows"))
    return cast("Literal['auto', 'fresh', 'fixed']", chosen), rows


def say_resolved(dataset: Dataset, learner: Learner, plan: SamplingPlan, utility: str) -> None:
    """What the chosen plan will be valued on."""
    resolved = resolve_plan(dataset, learner, plan, utility)
    lead = ""
    if plan.valuation == "auto" and resolved.valuation == "fixed":
        lead = "Coalitions leave too few rows here, or this learner would have to start anew for each. "
    explain_valuation(resolved, lead)


def explain_valuation(plan: SamplingPlan, lead: str = "") -> None:
    """A plan's kind and what it means for values, in two sentences."""
    st.caption(f"{lead}Valued on **{plan.valued_on}**. {_MEANING[plan.valuation]}")

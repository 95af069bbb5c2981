"""The top of the ranking by ψ at one size: a view of single points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.curation import BALANCE_OF_GOAL
from dscale_core.figures import picked_values
from pages._ui import loading
from pages._ui.frame import choose_fit, choose_size, empty_state
from pages._ui.pick.same_again import show_reliability
from pages._ui.selecting import column_settings, csv_button, first_rows, plain_chart, selection

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.study import FitRecord, Study

__all__ = ["show_top"]

_GOALS = {
    "add": "the most useful points at size k, each by itself",
    "check": "points to look at: the most harmful at size k, often mislabelled",
    "drop": "the most harmful points at size k, each by itself",
}


@dataclass(frozen=True)
class _Asked:
    n: int
    balance: str
    goal: str
    candidates: tuple[int, ...] | None
    flagged: bool


def show_top(study: Study) -> None:
    """The ranking's top by the fit and at the size in the sidebar."""
    st.caption(
        "A view, not a list to train on: each point is valued by itself, so the top is full of points that say the same, "
        "and together they overshoot. For points to train on, have a list chosen."
    )
    fit = choose_fit(study)
    if fit is None:
        return
    k = choose_size(study)
    asked = _controls(study, loading.laws(study, fit).points.size)
    if asked.candidates == ():
        empty_state("**Nothing is selected.** Brush a chart on Explore, or rank all.", "Explore", "Go to Explore")
    else:
        _result(study, fit, k, asked)


def _controls(study: Study, n_valued: int) -> _Asked:
    """What to rank, as the arguments of the cached pick."""
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        goal = st.segmented_control("Goal", list(_GOALS), default="add", required=True, key="goal", bind="query-params")
        goal = goal or "add"
        n = st.number_input(
            "Show n", 1, n_valued, min(100, n_valued), key="n", bind="query-params", width=160, persist_state="session"
        )
        balance = "free"
        if study.dataset.task == "classification":
            usual = BALANCE_OF_GOAL[goal]
            # help and harm each keep what was chosen for them
            key = "balance" if goal == "add" else "balance_of_harm"
            balance = st.segmented_control(
                "Labels", ["equal", "free"], default=usual, required=True, key=key, bind="query-params",
                help="equal: the same number of points from each class; free: by value alone, which is how wrong labels lie",
            ) or usual  # fmt: skip
        chosen = selection.current(study).points
        among = st.segmented_control(
            "Among", ["all", "selected"], default="all", required=True, key="among", bind="query-params",
            help=f"{len(chosen):,} points are selected",
        )  # fmt: skip
        flagged = st.checkbox("Include flagged fits", key="flagged", bind="query-params", help="fits whose status is not ok")
    return _Asked(int(n), balance, goal, chosen if among == "selected" else None, flagged)


def _remarks(frame: pd.DataFrame) -> None:
    """What the ranking passed over, so that nothing is left out silently."""
    if left_out := frame.attrs.get("left_out"):
        named = ", ".join(f"{count:,} {status}" for status, count in sorted(left_out.items()))
        st.caption(f"Left out because of their fit's status: {named}.")
    for name, missing in (frame.attrs.get("class_shortfall") or {}).items():
        st.caption(f"Class {name} is {missing:,} short of its equal share; the best of the others fill it.")


def _result(study: Study, fit: FitRecord, k: int, asked: _Asked) -> None:
    frame = loading.picked(study, fit, k, asked.n, asked.balance, asked.goal, asked.candidates, asked.flagged)
    unit = loading.unit(study)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(frame):,} of {asked.n:,}** asked for: {_GOALS[asked.goal]}, k = {k:,}.")
        with st.container(horizontal=True, width="content"):
            if st.button("Select these points", icon=":material/select_all:", disabled=frame.empty):
                selection.choose(study, frame["point"].tolist())
                st.switch_page("pages/4_Explore.py")
            csv_button(frame, "Download CSV", f"pick_{asked.goal}_{study.id}_k{k}.csv", primary=True)
    _remarks(frame)
    with st.container(border=True):
        plain_chart(picked_values(frame, k, unit), "picked_values")
    show_reliability(study, fit, k, "**Reliability of the ranking.**")
    st.dataframe(first_rows(frame), hide_index=True, height=420, column_config=column_settings(unit, k))

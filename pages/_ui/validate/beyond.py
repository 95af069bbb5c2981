"""Laws fitted to small coalitions, judged on larger ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import accuracy_beyond, is_judged
from dscale_core.validation import extrapolation_verdict
from pages._ui.selecting import plain_chart
from pages._ui.validate.questions import choose_methods, needs_validation
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study
    from dscale_core.validation import Extrapolation

__all__ = ["show"]

_SHOWN = {
    "R²": ("r2", "The dashed line is the R² that perfect laws would reach against these means."),
    "ranks": ("spearman", "Agreement of ranks is what picking the best points needs; it can last when R² is lost."),
    "90 % intervals": ("coverage", "Intervals that are honest stay near their line however far they are extrapolated."),
}


def show(study: Study, fit: FitRecord, role: str) -> None:
    """Fits the draws of sizes up to a limit by each chosen estimator, beside the page."""
    del fit  # all estimators are fitted anew
    if needs_validation(role):
        return
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
    with left:
        methods = choose_methods("beyond_methods")
    with right:
        limit = _choose_limit(study)
    if limit is None:
        st.info(
            "Nothing lies beyond a limit here: the draws are of one size, or no validation draw is larger. Sample a range "
            "of sizes, and validation draws at the largest of them or beyond."
        )
        return
    if not methods:
        st.info("Choose one estimator or more.")
        return
    done = [study.progress(name).done for name in ("fit", "validation")]
    token = ("extrapolation", study.id, *done, limit, *methods)
    future = background.ask("extrapolation", token, partial(study.extrapolation, methods, limit=limit))
    waiting = "Fitting the small coalitions alone; the chart comes by itself"
    background.show_when_done(future, _show, waiting, "Extrapolation cannot be shown.", patience=1.5)


def _choose_limit(study: Study) -> int | None:
    """The largest size to fit, bound to ``?beyond_limit=``; None where nothing could lie beyond one."""
    least, plan = study.plan.min_size + 1, study.plan
    most = min(plan.max_size, study.plan_of("validation").max_size - 1)
    if most <= least:
        return None
    limit: int = st.slider(
        "Fit coalitions of up to k points", least, most, min(max((plan.min_size + most) // 3, least), most),
        key="beyond_limit", bind="query-params", persist_state="session",
    )  # fmt: skip
    return limit


def _show(found: Extrapolation) -> None:
    st.markdown(f"**{extrapolation_verdict(found)}**")
    if not is_judged(found):
        st.caption("No estimator has a law for these points. Raise the limit, or see on Fit what went wrong.")
        return
    with st.container(border=True):
        shown = st.segmented_control(
            "Shown", list(_SHOWN), default="R²", required=True, key="beyond_shown", bind="query-params",
            persist_state="session",
        )  # fmt: skip
        quantity, meaning = _SHOWN[shown or "R²"]
        plain_chart(accuracy_beyond(found, quantity), "beyond")
        st.caption(
            f"{found.n_points:,} of {found.n_points_in_all:,} points. The shade is what was fitted; all to the right of it "
            f"is extrapolated. {meaning} To look further, draw validation coalitions larger than the fit's."
        )

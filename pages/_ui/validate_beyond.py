"""Laws fitted to small coalitions, judged on larger ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import accuracy_beyond
from dscale_core.laws.verdicts import extrapolation_verdict
from pages._ui import background
from pages._ui.charts import plain_chart
from pages._ui.validating import choose_methods, needs_validation

if TYPE_CHECKING:
    from dscale_core.laws.validation import Extrapolation
    from dscale_core.study import FitRecord, Study

__all__ = ["show"]

_SHOWN = {"R²": "r2", "ranks": "spearman", "90 % intervals": "coverage"}


def show(study: Study, fit: FitRecord, role: str) -> None:
    """Fits the draws of sizes up to a limit by each chosen estimator, beside the page."""
    del fit  # all estimators are fitted anew
    if needs_validation(role):
        return
    plan, largest = study.plan, study.plan_of("validation").max_size
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        methods = choose_methods("beyond_methods")
    top = min(plan.max_size, largest - 1)
    if top <= plan.min_size:
        st.info("All draws have one size, so nothing lies beyond. Sample a range of sizes.")
        return
    limit = right.slider(
        "Fit coalitions of up to", plan.min_size + 1, top, min(max((plan.min_size + top) // 3, plan.min_size + 1), top),
        key="beyond_limit", bind="query-params", persist_state="session",
    )  # fmt: skip
    if not methods:
        st.info("Choose one estimator or more.")
        return
    done = [study.progress(name).done for name in ("fit", "validation")]
    token = ("extrapolation", study.id, *done, limit, *methods)
    future = background.ask("extrapolation", token, partial(study.extrapolation, methods, limit=limit))
    waiting = "Fitting the small coalitions alone; the chart comes by itself"
    background.show_when_done(future, _show, waiting, "Extrapolation cannot be shown.", patience=1.5)


def _show(found: Extrapolation) -> None:
    st.markdown(f"**{extrapolation_verdict(found)}**")
    with st.container(border=True):
        shown = st.segmented_control("Shown", list(_SHOWN), default="R²", required=True, key="beyond_shown")
        plain_chart(accuracy_beyond(found, _SHOWN[shown or "R²"]), "beyond")
        st.caption(
            f"{found.n_points:,} of {found.n_points_in_all:,} points. The shade is what was fitted; all to the right of it "
            "is extrapolated. To look further, draw validation coalitions larger than the fit's."
        )

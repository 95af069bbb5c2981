"""What the views of the Validate page share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.laws import describe_method, list_methods
from pages._ui.frame import empty_state

if TYPE_CHECKING:
    from dscale_core.study import Study

__all__ = ["choose_methods", "needs_validation", "which_draws"]

_AT_FIRST = ("shrinkage", "likelihood")  # the default and the published one


def choose_methods(key: str) -> list[str]:
    """Estimators to compare."""
    known = [method for method in list_methods() if not describe_method(method).missing]
    first = [method for method in _AT_FIRST if method in known]
    return st.multiselect("Estimators", known, default=first, key=key, bind="query-params", persist_state="session")


def needs_validation(role: str) -> bool:
    """Whether draws that no fit saw are missing; says so, with the way to them."""
    if role == "validation":
        return False
    empty_state(
        "**This question needs draws that no fit has seen.** Draw validation coalitions: many at a few sizes.",
        "Sample",
        "Draw validation coalitions",
    )
    return True


def which_draws(study: Study) -> str:
    """The role of the draws that laws are held against, said aloud: validation where there are some, else fit."""
    role = "validation" if "validation" in study.roles() and study.progress("validation").done else "fit"
    done = study.progress(role)
    plan = study.plan_of(role)
    if role == "validation":
        held = f"Held against {done.done:,} validation coalitions that the fit never saw"
        st.success(f"{held}, valued on {plan.valued_on}.", icon=":material/verified:")
        if done.done < done.total:
            st.caption(f"{done.done:,} of {done.total:,} validation coalitions are drawn so far.")
        return role
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":orange-badge[in-sample] Held against the {done.done:,} coalitions that the law was fitted to, valued on "
            f"{plan.valued_on}: "
            "agreement is flattered. Draw validation coalitions for an honest answer."
        )
        st.page_link("pages/2_Sample.py", label="Draw validation coalitions", icon=":material/arrow_forward:")
    return role

"""Would the values come out the same with other coalitions and other valuation rows?"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.validation import reliability_verdict
from pages._ui.work import ask_reliability, background

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study
    from dscale_core.validation import Reliability

__all__ = ["show"]


def show(study: Study, fit: FitRecord, role: str) -> None:
    """The correlation to be expected with another measurement, at the smallest, the middle and the largest size."""
    del role  # it is the fit's own draws that would be drawn again
    future = ask_reliability(study, fit)
    waiting = "Measuring by halves; the answer comes by itself"
    background.show_when_done(future, partial(_show, study), waiting, "Reliability cannot be shown.", patience=1.5)


def _show(study: Study, found: Reliability | None) -> None:
    st.caption(f"This study is valued on {study.plan.valued_on}.")
    if found is None:
        st.info(
            "How much other valuation rows would change cannot be told cheaply for this learner. Values are those "
            "for the one valuation set; a study of another one would show the difference."
        )
        return
    st.markdown(f"**{reliability_verdict(found, float(found.size[-1]))}**")
    what = "draws" if found.kind == "fresh" else "valuation rows"
    rows = [
        f"| {size:,.0f} | {expected:.2f} | {f'{needed:,.0f}' if needed < inf else 'not known'} |"
        for size, expected, needed in zip(found.size, found.expected, found.needed, strict=True)
    ]
    st.markdown("\n".join([f"| size k | correlation expected | {what} for .8 |", "| --: | --: | --: |", *rows]))
    halves = "coalitions and their rows" if found.kind == "fresh" else "rows of the valuation set"
    st.caption(
        f"{found.n_points:,} points, {found.amount:,} {what}. Told from the correlation over points between two halves of "
        f"the {halves}, and stepped up to the whole (Spearman and Brown)."
    )

"""Beside what rests on ψ: would the ranking come out the same, measured again?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.validation import reliability_verdict
from pages._ui.work import ask_reliability, background

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study
    from dscale_core.validation import Reliability

__all__ = ["show_reliability"]


def show_reliability(study: Study, fit: FitRecord, k: float, lead: str) -> None:
    """One sentence at the size nearest to k, once it is measured; ``lead`` says of what."""
    future = ask_reliability(study, fit)
    waiting = "Measuring whether the ranking would come out the same again"
    background.show_when_done(future, partial(_say, k, lead), waiting, "How reliable the ranking is cannot be told.")


def _say(k: float, lead: str, found: Reliability | None) -> None:
    if found is None:
        st.caption(f"{lead} How much other valuation rows would change it cannot be told cheaply for this learner.")
        return
    st.caption(f"{lead} {reliability_verdict(found, k)}")

"""How accuracy grows with the number of draws, estimator by estimator."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import accuracy_against_draws, is_judged
from dscale_core.laws import guided_methods
from dscale_core.validation import convergence_verdict
from pages._ui.selecting import plain_chart
from pages._ui.validate.questions import choose_methods, needs_validation
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study
    from dscale_core.validation import Convergence

__all__ = ["show"]

_MEAN = "mean over sizes"


def show(study: Study, fit: FitRecord, role: str) -> None:
    """Fits the first 5, 10, 20 … draws by each chosen estimator, beside the page."""
    del fit  # all estimators are fitted anew
    if needs_validation(role):
        return
    methods = choose_methods("draws_methods")
    if not methods:
        st.info("Choose one estimator or more.")
        return
    done = [study.progress(name).done for name in ("fit", "validation")]
    token = ("convergence", study.id, *done, *methods)
    shares = _shares()
    future = background.ask("convergence", token, partial(_compute, study, methods, shares, token))
    waiting = "Fitting the first draws again and again; the chart comes by itself"
    background.show_when_done(future, _show, waiting, "Convergence cannot be shown.", patience=1.5)
    if not future.done():
        _show_progress(shares, token)


@st.cache_resource(show_spinner=False)
def _shares() -> dict[Hashable, float]:
    """How far each computation is that runs now."""
    return {}


def _compute(study: Study, methods: list[str], shares: dict[Hashable, float], token: Hashable) -> Convergence:
    try:
        return study.convergence(methods, on_progress=partial(shares.__setitem__, token))
    finally:
        shares.pop(token, None)


@st.fragment(run_every=0.5)
def _show_progress(shares: dict[Hashable, float], token: Hashable) -> None:
    share = shares.get(token)
    if share is not None:
        st.progress(min(share, 1.0), f"{share:.0%} of the fits are done")


def _show(found: Convergence) -> None:
    st.markdown(f"**{convergence_verdict(found)}**")
    if not is_judged(found):
        st.caption("No estimator has a law for these points. Fit says why, and what to do.")
        return
    with st.container(border=True):
        sizes = {_MEAN: None} | {f"k ≈ {size:,.0f}": float(size) for size in found.size}
        chosen = st.segmented_control(
            "R²", list(sizes), default=_MEAN, required=True, key="draws_size", bind="query-params", persist_state="session"
        )
        plain_chart(accuracy_against_draws(found, sizes[chosen or _MEAN]), "convergence")
        st.caption(
            f"{found.n_points:,} of {found.n_points_in_all:,} points, fitted to the first draws only and held against the "
            "means of all validation draws. The noise ceiling is what perfect laws would reach against these means."
        )
        if guided := [method for method in found.methods if method in guided_methods()]:
            st.caption(
                f"Where the learner has a cheap approximation of contributions that draws bear out, {' and '.join(guided)} "
                f"{'starts' if len(guided) == 1 else 'start'} from its mean over many coalitions: few draws are then enough."
            )

"""The law of the loss itself, with its likelihood surface."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import likelihood_surface, loss_curve
from dscale_core.types import LawStatus
from dscale_core.validation import aggregate_verdict
from pages._ui import loading
from pages._ui.selecting import plain_chart
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.laws import AggregateLaw
    from dscale_core.study import FitRecord, Study

__all__ = ["show"]

# where the words for a point's fit do not fit the loss
_OF_THE_LOSS = {
    LawStatus.NO_SIGNAL: "All coalitions have the same loss, so nothing falls: sample smaller sizes, or another utility.",
    LawStatus.NOT_FINITE: "A coalition's loss is infinite or overflows: look at the features and the utility.",
    LawStatus.AT_BOUND: "These losses leave the exponent open, up to the edge of those tried: draw more coalitions, over a "
    "wider range of sizes.",
}


def show(study: Study, fit: FitRecord, role: str) -> None:
    """Fitted to the losses that sampling stores anyway, those of the fit's own draws."""
    del fit, role
    done = study.progress().done
    st.caption(
        f"About the loss of models trained on k points, not about single points. It needs no validation draws: it "
        f"describes the {done:,} losses that sampling kept with the fit's own draws."
    )
    future = background.ask("aggregate", ("aggregate", study.id, done), study.aggregate)
    show_law = partial(_show, unit=loading.unit(study))
    background.show_when_done(future, show_law, "Fitting the law of the loss", "It cannot be shown.", patience=3.0)


def _show(found: AggregateLaw, unit: str) -> None:
    status = LawStatus(found.status)
    reason = _OF_THE_LOSS.get(status)
    if not found.surface.size:
        st.markdown(f"**{reason or status.explanation}**")
        return
    st.markdown(f"**{aggregate_verdict(found, unit)}**")
    if reason:
        st.warning(reason)
    _numbers(found, unit)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown(r"**Loss of a model trained on k points, $\epsilon + c\,k^{-\alpha}$**")
        plain_chart(loss_curve(found, unit), "loss_curve")
        st.caption("Bars are one standard error. Beyond the sampled sizes the law is dotted: it is a guess.")
    with right, st.container(border=True, height="stretch"):
        st.markdown("**How well floor and exponent are told apart**")
        plain_chart(likelihood_surface(found, unit), "loss_surface")
        st.caption(
            "The cross is the best pair, and the line encloses the pairs that 90 % confidence leaves. A long ridge means "
            "that a low floor with a small exponent explains the losses as well as a high floor with a large one: a "
            "wider range of sizes shortens it most."
        )


def _numbers(found: AggregateLaw, unit: str) -> None:
    shown = (
        ("Exponent α", f"{found.alpha:.2f}", f"90 % interval {found.alpha_low:.2f} to {found.alpha_high:.2f}"),
        (f"Floor ε ({unit})" if unit else "Floor ε", _plain(found.epsilon),
         f"90 % interval {_plain(found.epsilon_low)} to {_plain(found.epsilon_high)}"),
        ("Amplitude c", _plain(found.c), "the loss above the floor at k = 1"),
        ("R²", f"{found.r2:.3f}" if found.r2 == found.r2 else "not defined",
         f"against the mean losses of {found.n_draws:,} coalitions of {found.min_size:,} to {found.max_size:,} points"),
    )  # fmt: skip
    for cell, (name, value, meaning) in zip(st.columns(4), shown, strict=True):
        with cell.container(gap=None):
            st.metric(name, value)
            st.caption(meaning)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

"""The law of the loss itself, with its likelihood surface."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import likelihood_surface, loss_curve
from dscale_core.laws.verdicts import aggregate_verdict
from pages._ui import background, loading
from pages._ui.charts import plain_chart

if TYPE_CHECKING:
    from dscale_core.laws.aggregate import AggregateLaw
    from dscale_core.study import FitRecord, Study

__all__ = ["show"]


def show(study: Study, fit: FitRecord, role: str) -> None:
    """Fitted to the losses that sampling stores anyway, those of the fit's own draws."""
    del fit, role
    done = study.progress().done
    future = background.ask("aggregate", ("aggregate", study.id, done), study.aggregate)
    show_law = partial(_show, unit=loading.unit(study))
    background.show_when_done(future, show_law, "Fitting the law of the loss", "It cannot be shown.", patience=3.0)


def _show(found: AggregateLaw, unit: str) -> None:
    st.markdown(f"**{aggregate_verdict(found, unit)}**")
    if not found.surface.size:
        return
    cells = st.columns(4)
    cells[0].metric("Exponent α", f"{found.alpha:.2f}")
    cells[0].caption(f"90 % interval {found.alpha_low:.2f} to {found.alpha_high:.2f}")
    cells[1].metric(f"Floor ε ({unit})", f"{found.epsilon:.4g}")
    cells[1].caption(f"90 % interval {found.epsilon_low:.3g} to {found.epsilon_high:.3g}")
    cells[2].metric("Coalitions", f"{found.n_draws:,}")
    cells[2].caption(f"of {found.min_size:,} to {found.max_size:,} points")
    cells[3].metric("R²", f"{found.r2:.3f}")
    cells[3].caption("against the mean losses, in-sample")
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown(r"**Loss of a model trained on k points, $\epsilon + c\,k^{-\alpha}$**")
        plain_chart(loss_curve(found, unit), "loss_curve")
        st.caption("Bars are one standard error. Beyond the sampled sizes the law is dotted: it is a guess.")
    with right, st.container(border=True, height="stretch"):
        st.markdown("**How well floor and exponent are told apart**")
        plain_chart(likelihood_surface(found, unit), "loss_surface")
        st.caption(
            "A long ridge means that a low floor with a small exponent explains the losses as well as a high floor with a "
            "large one. The line encloses 90 %."
        )

"""Predicted against measured at each size: the scatter at one size, the numbers of all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import accuracy_against_size, accuracy_table, class_groups, predicted_against_measured
from dscale_core.validation import agreement_verdict
from pages._ui import loading
from pages._ui.frame import choose_size, errors_shown
from pages._ui.selecting import plain_chart, scatter_chart, selection

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study

__all__ = ["show"]


def show(study: Study, fit: FitRecord, role: str) -> None:
    """A sentence, the scatter at the size nearest to k, agreement over sizes, and a table."""
    k = choose_size(study)
    in_sample, unit = role == "fit", loading.unit(study)
    found = loading.accuracy(study, fit, role)
    st.markdown(f"**{agreement_verdict(found, k)}**")
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"), errors_shown():
        at = loading.agreement_at(study, fit, role, k)
        st.markdown(f"**Predicted and measured at k ≈ {at.size:,.0f}**")
        groups = class_groups(study.dataset, at.points)
        draw = partial(predicted_against_measured, at, groups, in_sample, unit)
        signature = (study.id, fit.id, role, f"{at.size}")
        scatter_chart(study, at.points, at.predicted, at.mean, "predicted_measured", signature, draw)
        chosen = selection.current(study).points
        st.caption(f"{len(chosen):,} of {at.points.size:,} points selected. On the dotted line law and mean agree.")
    with right, st.container(border=True, height="stretch"), errors_shown():
        st.markdown("**Agreement over points, size by size**")
        plain_chart(accuracy_against_size(found, in_sample, at=k), "accuracy_by_size")
        st.caption("The noise ceiling is the R² that the true expected values would reach against these means.")
    with st.container(border=True), errors_shown():
        number = st.column_config.NumberColumn
        st.dataframe(
            accuracy_table(found),
            hide_index=True,
            key="accuracy_table",
            column_config={
                "k": number("size k", format="%.0f"),
                "r2": number("R²", help="of predicted against measured, over points", format="%.3f"),
                "ceiling": number("at most", help="noise ceiling of R²", format="%.3f"),
                "pearson": number("Pearson r", format="%.3f"),
                "spearman": number("Spearman ρ", help="agreement of ranks", format="%.3f"),
                "signs": number("same sign", help="share of points", format="percent"),
                "points": number("points", format="%d"),
            },
        )

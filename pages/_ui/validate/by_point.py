"""How well each point's own law holds: its lack of fit, and ten laws with their means and intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import curves_by_quantile, lack_of_fit_histogram, points_between
from pages._ui import loading
from pages._ui.frame import SEQUENTIAL, choose_size, errors_shown
from pages._ui.selecting import box_chart, plain_chart, selection

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study

__all__ = ["show"]


def show(study: Study, fit: FitRecord, role: str) -> None:
    """The curves, then the histogram, whose brush selects."""
    k = choose_size(study)
    with st.container(border=True), errors_shown():
        st.markdown("**Ten points, from the lowest exponent to the highest: measured means and their laws**")
        found = loading.curves(study, fit, role)
        if found:
            plain_chart(curves_by_quantile(found, loading.unit(study), SEQUENTIAL, at=k), "quantile_curves")
            st.caption(
                "Shades are 90 % intervals of ψ, bars one standard error of a mean; marks at one size stand slightly apart. "
                "An open mark has the opposite sign to its law. Click a legend entry to hide it, twice to see it alone."
            )
        else:
            st.info("No point has a law in this fit, so there is nothing to draw. Fit says why, and what to do.")
    with st.container(border=True), errors_shown():
        st.markdown("**How far each point's law is from its means**")
        laws, lack = loading.laws(study, fit), loading.lack_of_fit(study, fit, role)
        chosen = selection.current(study).points
        figure = lack_of_fit_histogram(lack, laws.points, role == "fit", chosen)
        box_chart(study, figure, "lack_of_fit_histogram", lambda box: points_between(lack, laws.points, box["x"]))
        st.caption(
            f"{len(chosen):,} of {laws.points.size:,} points selected. Brush to select. In standard errors of the "
            "means: about 1 where the law is right, above 2 where the draws leave it. How well a law is known is what its "
            "interval says."
        )

"""Validate: does the law hold here? Predicted against measured, point by point and size by size."""

import streamlit as st

from dscale_core.figures import accuracy_against_size, curves_by_quantile, points_between, r2_histogram
from pages._ui import loading, selection
from pages._ui.charts import box_chart, plain_chart
from pages._ui.context import choose_fit, choose_size, choose_study
from pages._ui.page import begin_page, errors_shown
from pages._ui.theme import SEQUENTIAL

begin_page("Validate", "Does the law hold for these data? What it predicts, against the means of real draws.")


def which_draws(study):
    role = "validation" if "validation" in study.roles() and study.progress("validation").done else "fit"
    done = study.progress(role)
    if role == "validation":
        st.success(f"Held against {done.done:,} validation coalitions that the fit never saw.", icon=":material/verified:")
        if done.done < done.total:
            st.caption(f"{done.done:,} of {done.total:,} validation coalitions are drawn so far.")
        return role
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":orange-badge[in-sample] Held against the {done.done:,} coalitions that the law was fitted to: "
            "agreement is flattered. Draw validation coalitions for an honest answer."
        )
        st.page_link("pages/2_Sample.py", label="Draw validation coalitions", icon=":material/arrow_forward:")
    return role


with errors_shown():
    study = choose_study()
    fit = choose_fit(study) if study else None
    if fit:
        k = choose_size(study)
        role = which_draws(study)
        in_sample = role == "fit"
        unit = loading.unit(study)
        with st.container(border=True), errors_shown():
            st.markdown("**Ten points, from the lowest exponent to the highest: measured means and their laws**")
            figure = curves_by_quantile(loading.curves(study, fit, role), unit, SEQUENTIAL, at=k)
            plain_chart(figure, "quantile_curves")
            st.caption(
                "Bars are one standard error; marks at one size stand slightly apart. "
                "An open mark has the opposite sign to its law."
            )
        left, right = st.columns(2, gap="medium")
        with left, st.container(border=True, height="stretch"), errors_shown():
            st.markdown("**R² of each point's law over sizes**")
            laws, r2 = loading.laws(study, fit), loading.point_r2(study, fit, role)
            chosen = selection.current(study).points
            figure = r2_histogram(r2, laws.points, in_sample, chosen)
            box_chart(study, figure, "r2_histogram", lambda box: points_between(r2, laws.points, box["x"]))
            st.caption(f"{len(chosen):,} of {laws.points.size:,} points selected. Brush to select.")
        with right, st.container(border=True, height="stretch"), errors_shown():
            st.markdown("**Agreement over points, size by size**")
            plain_chart(accuracy_against_size(loading.accuracy(study, fit, role), in_sample, at=k), "accuracy_by_size")
            st.caption("The noise ceiling is the R² that the true expected values would reach against these means.")

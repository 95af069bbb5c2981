"""One fit: how its points ended, what to do about those that have no law, and how its laws are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.figures import fitted_count, points_with_status, quantity, status_table
from dscale_core.laws import guided_methods
from pages._ui import loading
from pages._ui.fit.fit_choice import made
from pages._ui.frame import PAGES, duration, errors_shown
from pages._ui.selecting import brushable_histogram, selection, selection_line

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study
    from dscale_core.types import Laws

__all__ = ["one_fit", "status_line"]

_GUIDED = (
    ":material/explore: Guided by the learner's own cheap approximation of contributions, averaged over many more "
    "coalitions: what was fitted are the draws' deviations from it, which correct its bias. "
    "It explains the draws better."
)
_ALONE = "Fitted to the draws alone: the learner has no approximation of contributions, or it does not explain these draws."
_SHOWN = ("alpha", "log10_c", "log10_sigma2", "beta")


def one_fit(study: Study, fit: FitRecord) -> None:
    """Statuses with remedies, then four histograms that select."""
    laws = loading.laws(study, fit)
    st.subheader(f"{fit.method}: {laws.points.size:,} points", anchor=False)
    st.caption(
        f"Fitted to {fit.n_coalitions:,} coalitions in {duration(fit.seconds)}, "
        f"sizes {laws.min_size:,} to {laws.max_size:,}; {made(fit)}."
    )
    if fit.method in guided_methods():
        st.caption(_GUIDED if laws.guided else _ALONE)
    if fit.n_coalitions < study.progress().done:
        st.warning("More coalitions were drawn since this fit. Fit again to use them.")
    with st.container(border=True):
        for row in status_table(laws).to_dict("records"):
            count = f"**{row['points']:,}** points :gray[({row['share']:.1%})]"
            points = points_with_status([laws], row["status"])
            status_line(study, row["status"], count, row["explanation"], points)
    selection_line(study, laws.points.size)
    if fitted_count(laws):
        _histograms(study, laws)
    else:
        st.info("No point has a law in this fit, so there is nothing to draw. The list above says why, and what to do.")
    st.page_link(PAGES["Explore"], label="Explore these laws", icon=":material/arrow_forward:")


def status_line(study: Study, status: str, count: str, explanation: str, points: tuple[int, ...]) -> None:
    """A status, how many points have it, cause and remedy, and a button that selects them."""
    name, counted, meaning, chooser = st.columns([2, 2, 5, 3], vertical_alignment="center")
    name.markdown(f":{'green' if status == 'ok' else 'orange'}-badge[{status}]")
    counted.markdown(count)
    meaning.markdown(explanation)
    chooser.button(
        "Select these points",
        key=f"select_{status}",
        icon=":material/select_all:",
        on_click=selection.choose,
        args=(study, points),
        disabled=not points,
        width="stretch",
    )


def _histograms(study: Study, laws: Laws) -> None:
    cells = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    for cell, name in zip(cells, _SHOWN, strict=True):
        with cell, st.container(border=True), errors_shown():
            brushable_histogram(study, quantity(laws, name, unit=loading.unit(study)), f"fit_{name}", height=260)

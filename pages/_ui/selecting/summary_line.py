"""How many points are selected, wherever points can be selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages._ui.frame import PAGES
from pages._ui.selecting import selection

if TYPE_CHECKING:
    from dscale_core.study import Study

__all__ = ["selection_line"]


def selection_line(study: Study, n_points: int) -> None:
    """How many points are selected, a way to clear them and a way to look at them."""
    chosen = selection.current(study).points
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen):,} of {n_points:,}** points selected")
        st.button("Clear", icon=":material/close:", on_click=selection.clear, args=(study,), disabled=not chosen)
        st.page_link(PAGES["Explore"], label="Look at them on Explore", icon=":material/scatter_plot:")

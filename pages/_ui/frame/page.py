"""How every page begins, how it shows an error, and what it says when there is nothing to show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from dscale_core.errors import DscaleError

__all__ = ["PAGES", "begin_page", "empty_state", "errors_shown"]

PAGES = {
    "Home": "app.py",
    "Data": "pages/1_Data.py",
    "Sample": "pages/2_Sample.py",
    "Fit": "pages/3_Fit.py",
    "Explore": "pages/4_Explore.py",
    "Validate": "pages/5_Validate.py",
    "Value": "pages/6_Value.py",
    "Pick": "pages/7_Pick.py",
}

_ICONS = {
    "Home": ":material/home:",
    "Data": ":material/database:",
    "Sample": ":material/casino:",
    "Fit": ":material/function:",
    "Explore": ":material/scatter_plot:",
    "Validate": ":material/verified:",
    "Value": ":material/balance:",
    "Pick": ":material/checklist:",
}

# a file of our own: a browser fetches the icon of a shortcode from another host
_ICON = Path(__file__).with_name("icon.svg")


def begin_page(title: str, sentence: str) -> None:
    """Page settings, title and one sentence; the first call of every page."""
    st.set_page_config(page_title=f"{title} · dscale", page_icon=str(_ICON), layout="wide")
    if st.session_state.get("page") != title:
        # Charts are mounted anew on another page: their own brush is gone, so they draw the shared selection.
        st.session_state["page"] = title
        st.session_state["brushed_chart"] = None
    _navigation()
    st.title(title, anchor=False)
    st.markdown(f":gray[{sentence}]")


def _navigation() -> None:
    with st.sidebar:
        for name, page in PAGES.items():
            st.page_link(page, label=name, icon=_ICONS[name], width="stretch")
        st.divider()


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show a DscaleError as the sentence it is, and go on with the page; anything else is a fault and passes."""
    try:
        yield
    except DscaleError as error:
        st.error(str(error), icon=":material/error:")


def empty_state(sentence: str, page: str, label: str) -> None:
    """Nothing to show yet: say why, and lead to the page that changes it."""
    with st.container(border=True):
        st.markdown(sentence)
        st.page_link(PAGES[page], label=label, icon=":material/arrow_forward:")

"""What tables of points share: the rows that are sent to the browser, and the download of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.curation import export_csv

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_button", "first_rows"]

_MOST_ROWS = 20_000  # far below where a table in the browser loses search and selection


def first_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows to show, by rank; says so where there are more."""
    shown = frame.head(_MOST_ROWS)
    if len(shown) < len(frame):
        st.caption(f"Showing the first {len(shown):,} of {len(frame):,} rows by rank; the download has all of them.")
    return shown


def csv_button(frame: pd.DataFrame, label: str, file_name: str, primary: bool = False) -> None:
    """A download of all rows, written once it is clicked."""
    st.download_button(
        label,
        data=lambda: export_csv(frame),
        file_name=file_name,
        mime="text/csv",
        type="primary" if primary else "secondary",
        icon=":material/download:",
        on_click="ignore",
        disabled=frame.empty,
    )

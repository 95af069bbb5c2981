"""Which data set a new study will use: a built-in one, named in the URL, or the table of this session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.datasets import list_datasets
from dscale_core.figures import class_balance, target_histogram
from pages._ui import loading
from pages._ui.selecting import plain_chart

if TYPE_CHECKING:
    from dscale_core.types import Dataset

__all__ = ["choose_builtin", "choose_dataset", "describe", "keep_table", "kept_table"]

_OWN = "your table"


def keep_table(dataset: Dataset) -> None:
    """Keep a table of the user's own for this session, as the data set of the next study."""
    st.session_state["table_dataset"] = dataset
    st.session_state["wanted_source"] = _OWN


def kept_table() -> Dataset | None:
    """The table kept in this session."""
    return st.session_state.get("table_dataset")


def choose_builtin(label: str = "Data set") -> str:
    """The chooser of built-in sets, bound to ``?dataset=``."""
    names = list_datasets()
    return st.selectbox(label, names, key="dataset", bind="query-params", persist_state="session")


def choose_dataset() -> Dataset:
    """The data set for a new study: the session's own table where there is one and it is wanted, else a built-in set."""
    own = kept_table()
    if own is not None:
        st.session_state.setdefault("source_choice", st.session_state.pop("wanted_source", "built-in"))
        wanted = st.session_state.pop("wanted_source", None)
        if wanted:
            st.session_state["source_choice"] = wanted
        source = st.segmented_control(
            "Data", ["built-in", _OWN], required=True, key="source_choice", persist_state="session"
        )
        if source == _OWN:
            st.caption(f"{own.name}: {own.n_points:,} points to value, {own.n_features:,} features.")
            return own
    return loading.builtin_dataset(choose_builtin())


def describe(dataset: Dataset) -> None:
    """What will be learned from what: sizes, classes, notes and the first records."""
    cells = st.columns(5)
    cells[0].metric("Pool (points to value)", f"{dataset.n_points:,}")
    cells[1].metric("Valuation set", f"{dataset.y_valuation.size:,}", help="where the loss is measured")
    cells[2].metric("Test set", f"{dataset.y_test.size:,}", help="only ever used to verify picks")
    cells[3].metric("Features", f"{dataset.n_features:,}")
    cells[4].metric("Task", dataset.task, f"{len(dataset.class_names)} classes" if dataset.class_names else None,
                    delta_color="off", delta_arrow="off")  # fmt: skip
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown("**Classes**" if dataset.task == "classification" else "**Target**")
        draw = class_balance if dataset.task == "classification" else target_histogram
        plain_chart(draw(dataset), "class_balance")
    with right, st.container(border=True, height="stretch"):
        st.markdown(f"**Records of the pool** · first 50 of {dataset.n_points:,}")
        st.dataframe(dataset.records.head(50), height=285)
    if dataset.notes:
        with st.container(border=True):
            st.markdown("**What reading and encoding did**")
            st.markdown("\n".join(f"- {note}" for note in dataset.notes))

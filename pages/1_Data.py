"""Data: choose a built-in set or bring a table; see what will be learned from what."""

import streamlit as st

from dscale_core.datasets import describe_dataset, inspect_table, read_table
from pages._ui import loading
from pages._ui.data import ENDINGS, choose_builtin, dataset_name, describe, keep_table, kept, kept_table, with_file
from pages._ui.frame import PAGES, begin_page, errors_shown

begin_page("Data", "Choose a built-in data set or bring a table, and see what will be learned from what.")


def built_in():
    name = choose_builtin()
    info = describe_dataset(name)
    st.caption(f"{info.summary} {info.n_rows:,} rows, {info.n_features:,} features, {info.task}.")
    dataset = loading.builtin_dataset(name)
    describe(dataset)
    st.page_link(
        PAGES["Sample"],
        label=f"Sample {name}",
        icon=":material/arrow_forward:",
        query_params={"dataset": name},
    )


def source():
    """The table as a name, a token that changes with it, and a way to run something on its file; None without one."""
    upload = st.file_uploader(
        "A table: CSV or TSV (also .gz) or Parquet", type=[ending.removeprefix(".") for ending in ENDINGS], key="upload"
    )
    path = st.text_input("or a path on this computer", key="table_path", placeholder="/data/people.csv").strip()
    if upload is not None:
        return dataset_name(upload.name), upload.file_id, lambda work: with_file(upload, work)
    if path:
        return dataset_name(path), path, lambda work: work(path)
    return None


def controls(preview):
    """How to read the table, as keyword arguments of read_table."""
    names = [column.name for column in preview.columns]
    texts = [column.name for column in preview.columns if column.role == "text"]
    cells = st.columns(5, vertical_alignment="bottom")
    label = cells[0].selectbox("Label", names, index=names.index(preview.suggested_label), key=f"label_{names}")
    task = cells[1].selectbox("Task", ["from the label", "classification", "regression"], key="table_task")
    text = cells[2].selectbox("Text column", ["none", *[name for name in texts if name != label]], key=f"text_{names}")
    valuation = cells[3].number_input("Valuation share", 0.01, 0.9, 0.2, 0.05, key="valuation_share")
    test = cells[4].number_input("Test share", 0.01, 0.9, 0.2, 0.05, key="test_share")
    ignore = st.multiselect(
        "Columns not to learn from", [name for name in names if name not in (label, text)], key=f"ignore_{names}",
        help="such as one that says which rows you train on today: it stays beside the points, to name your set by on Pick",
    )  # fmt: skip
    return {
        "label": label,
        "task": None if task == "from the label" else task,
        "text": None if text == "none" else text,
        "valuation": valuation,
        "test": test,
        "ignore": ignore,
    }


def columns_seen(preview):
    with st.expander(f"{preview.n_rows:,} rows, {len(preview.columns):,} columns: what each seems to be"):
        fields = ("name", "kind", "role", "n_missing", "n_unique")
        rows = [{field: getattr(column, field) for field in fields} for column in preview.columns]
        st.dataframe(rows, hide_index=True)
        st.dataframe(preview.frame_head, hide_index=True)


def own_table():
    found = source()
    if found is None:
        table = kept_table()
        if table is None:
            st.info("Upload a table or name a path. Nothing leaves this computer.")
        else:
            st.success(f"{table.name} is kept for this session.")
            describe(table)
            st.page_link(PAGES["Sample"], label=f"Sample {table.name}", icon=":material/arrow_forward:")
        return
    name, token, on_file = found
    preview = kept("table_preview", token, lambda: on_file(inspect_table))
    for note in preview.notes:
        st.caption(note)
    columns_seen(preview)
    asked = controls(preview)
    if st.button("Use this table", type="primary", icon=":material/check:"):
        with st.spinner("Reading, encoding and splitting"):
            st.session_state["read_as"] = (token, asked)
            keep_table(on_file(lambda path: read_table(path, name=name, **asked)))
    if kept_table() is not None and st.session_state.get("read_as") == (token, asked):
        describe(kept_table())
        st.page_link(PAGES["Sample"], label=f"Sample {name}", icon=":material/arrow_forward:")
        st.caption("A table is kept for this browser session; a study made from it keeps a copy of its own.")


with errors_shown():
    way = st.segmented_control(
        "Source", ["built-in", "your table"], default="built-in", required=True, key="source", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if way == "your table":
        own_table()
    else:
        built_in()

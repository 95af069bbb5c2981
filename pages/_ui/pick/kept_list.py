"""A list that was chosen: its promise in words and as a curve, who is on it, its table and what can be taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.curation import export_json, export_parquet, promise_in_words
from dscale_core.figures import chosen_by_label, chosen_in_the_pool, promise_curve
from pages._ui import loading
from pages._ui.frame import duration
from pages._ui.selecting import column_settings, csv_button, first_rows, plain_chart, selection

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.curation import Choice
    from dscale_core.study import ChoiceRecord, FitRecord, Study

__all__ = ["choose_list", "show_list"]

_DONE = {"add": "to add", "drop": "to drop", "swap": "to exchange"}


def choose_list(study: Study) -> ChoiceRecord | None:
    """The list to look at, bound to ``?list=``: at first the newest, which a list that was chosen meanwhile becomes."""
    records = {record.id: record for record in study.lists.records()}
    if not records:
        return None
    state, newest, asked = st.session_state, next(iter(records)), st.query_params.get("list")
    followed = asked in records and asked != state.get("list_in_url")
    kept = state.get("list") if state.get("list_newest", newest) == newest else None
    state["list"] = asked if followed else kept if kept in records else newest
    state["list_newest"] = newest
    chosen = st.selectbox("List", list(records), format_func=lambda one: _label(records, one), key="list")
    st.query_params["list"] = state["list_in_url"] = chosen
    return records[chosen]


def _label(records: dict[str, ChoiceRecord], choice_id: str) -> str:
    one = records[choice_id]
    made = one.created[5:16].replace("T", " ")
    what = f"{one.n_points:,} of {one.asked:,} {_DONE[one.goal]}"
    return f"{what} · for a set of {one.current_size:,} · seed {one.seed} · {made} UTC"


def show_list(study: Study, record: ChoiceRecord) -> None:
    """Promise, charts, table and downloads."""
    choice, unit = loading.choice(study, record.id), loading.unit(study)
    fit = next(iter(loading.fits(study)), None)
    unbroken = promise_in_words(choice, unit).replace(" %", "\u00a0%")
    st.markdown(f"#### {unbroken}")
    st.caption(" ".join(_remarks(record, choice)))
    if not choice.points.size:
        return
    table = loading.choice_table(study, record.id, fit)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        plain_chart(promise_curve(choice, choice.worth, unit), "promise_curve")
        st.caption("From rows that did not choose: the list was chosen anew on the other rows and judged on these.")
    with right, st.container(border=True):
        _who(study, choice, table, fit, unit)
    _take_away(study, record, table, unit)


def _remarks(record: ChoiceRecord, choice: Choice) -> list[str]:
    said = [record.source]
    if choice.stop < choice.asked:
        said.append(f"It stopped at {choice.stop:,} of {choice.asked:,}: no further step was worth its risk.")
    else:
        said.append(f"The budget of {choice.asked:,} ended first.")
    said.append(f"Chosen on {choice.n_rows:,} labelled rows in {choice.n_blocks} blocks, seed {choice.seed}, in "
                f"{duration(record.seconds)}.")  # fmt: skip
    for name, short in choice.class_shortfall.items():
        said.append(f"Class {name} is {short:,} short of its share of those that join.")
    return said


def _who(study: Study, choice: Choice, table: pd.DataFrame, fit: FitRecord | None, unit: str) -> None:
    fitted = 0 if fit is None else int(table["psi"].notna().sum())
    if fit is None or 2 * fitted < len(table):
        plain_chart(chosen_by_label(table), "who_was_chosen")
        few = f"Only {fitted:,} of them have a law" if fit else "Fit laws"
        st.caption(
            f"Who is on the list. {few}{': fit more points' if fit else ''} to see their exponents and values as well."
        )
        return
    laws, k = loading.laws(study, fit), _size(choice)
    plain_chart(chosen_in_the_pool(table, k, laws.psi(k), laws.alpha, unit), "who_was_chosen")
    st.caption("Who is on the list, before all points that have a law, in grey.")


def _size(choice: Choice) -> int:
    return round(sum(members.size for members in choice.sets) / len(choice.sets))


def _take_away(study: Study, record: ChoiceRecord, table: pd.DataFrame, unit: str) -> None:
    name = f"list_{record.goal}_{study.id}_{record.id}"
    with st.container(horizontal=True, vertical_alignment="center"):
        csv_button(table, "CSV", f"{name}.csv", primary=True)
        st.download_button(
            "Parquet", data=lambda: export_parquet(table), file_name=f"{name}.parquet", mime="application/octet-stream",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "How it was made (JSON)", data=lambda: export_json(study.lists.describe(record.id)), file_name=f"{name}.json",
            mime="application/json", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        if st.button("Select these points", icon=":material/select_all:"):
            selection.choose(study, table["point"].tolist())
            st.switch_page("pages/4_Explore.py")
    size = round(record.current_size)
    st.dataframe(first_rows(table), hide_index=True, column_config=_columns(unit, size))


def _columns(unit: str, k: int) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return column_settings(unit, k) | {
        "order": number("order", help="1 = chosen first", format="%d"),
        "action": st.column_config.Column("action", help="whether the point joins the set or leaves it"),
        "gain": number(f"gain ({unit})", help="when chosen, on the rows that chose: too high for a promise", format="%.2g"),
        "promise": number(
            f"promise ({unit})", help="of this point and all above it together, on rows that did not choose", format="%.3g"
        ),
        "promise_low": number("promise low", help="lower end of the 90 % interval", format="%.3g"),
        "promise_high": number("promise high", help="upper end of the 90 % interval", format="%.3g"),
        "psi_after": number(f"ψ after ({unit})", help="ψ at the size of the set once the list is in", format="%.3g"),
    }

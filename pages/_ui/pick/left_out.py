"""Why points of a high rank are not on the list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.curation import explain_left_out
from pages._ui import loading
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.curation import LeftOut
    from dscale_core.study import ChoiceRecord, Study

__all__ = ["show_left_out"]

_SHOWN = 10


def show_left_out(study: Study, record: ChoiceRecord) -> None:
    """The ten highest of the ranking that are not on the list, once asked for; nothing without a fit, or where all leave."""
    fit = next(iter(loading.fits(study)), None)
    if fit is None or record.goal == "drop":
        return
    if not st.toggle("Why are points of a high rank not on the list?", key="left_out", bind="query-params"):
        return
    choice, laws = loading.choice(study, record.id), loading.laws(study, fit)
    work = partial(explain_left_out, study.dataset, study.learner, choice, laws, _SHOWN)
    future = background.ask("left_out", ("left_out", study.id, record.id, fit.id), work)
    show = partial(_show, unit=loading.unit(study))
    waiting = "Following their gains along the list; the table comes by itself"
    background.show_when_done(future, show, waiting, "The table cannot be shown.", patience=1.5)


def _show(found: LeftOut, unit: str) -> None:
    st.caption(
        "The highest of the ranking at the set's size among the candidates: what each gains for this set before the list "
        "and after it, and the chosen point that took most of it away."
    )
    st.dataframe(found.to_frame(), hide_index=True, column_config=_columns(unit))


def _columns(unit: str) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "point": number("point", help="stable id: index in the pool", format="%d"),
        "psi": number(f"ψ ({unit})", help="for random sets of this size, by itself; positive helps", format="%.3g"),
        "before": number(f"gain before ({unit})", help="for this set as it is", format="%.3g"),
        "after": number(f"gain after ({unit})", help="for this set with the list carried out", format="%.3g"),
        "taken_by": number("fell most after", help="the chosen point after which its gain fell most", format="%d"),
        "fall": number(f"by ({unit})", format="%.3g"),
        "why": st.column_config.TextColumn("why", width="medium"),
    }

"""Which set a list is for: a random one, the one named before, the selection, a column's value, a file of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core.curation import NamedPoints, points_by_column, points_by_rows, read_row_ids
from dscale_core.errors import DataError
from pages._ui import loading
from pages._ui.selecting import selection

if TYPE_CHECKING:
    from dscale_core.study import Study

__all__ = ["Wanted", "choose_set"]

_RANDOM, _BEFORE, _SELECTED, _COLUMN, _FILE = (
    "a random set", "the set named before", "the selected points", "the rows with a value", "the rows in a file",
)  # fmt: skip

_MOST_SETS = 8


@dataclass(frozen=True)
class Wanted:
    """The set to choose for: named points, or sets of so many random ones; neither where something is still missing."""

    named: NamedPoints | None = None
    k: int | None = None
    n_sets: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether a list can be chosen for it."""
        return self.named is not None or self.k is not None


def choose_set(study: Study) -> Wanted:
    """The control for what is trained on today, what it needs beside it, and a line that says what it is."""
    before = study.current()
    place = st.container(horizontal=True, vertical_alignment="bottom")
    kinds = [*([_BEFORE] if before else []), _RANDOM, _SELECTED, _COLUMN, _FILE]  # the study's own set where it has one
    kind = place.selectbox(
        "My training set is", kinds, key="list_for", bind="query-params", persist_state="session", width=230,
    )  # fmt: skip
    if kind == _RANDOM:
        return _random_set(study, place)
    if kind == _BEFORE and before is not None:
        named: NamedPoints | None = NamedPoints(before.points, before.source)
    elif kind == _COLUMN:
        named = _by_column(study, place)
    else:
        named = _by_file(study) if kind == _FILE else _selected(study)
    if named is not None:
        st.caption(f"{named.source} The other {study.dataset.n_points - named.points.size:,} points are candidates.")
    return Wanted(named)


def _random_set(study: Study, place: st.delta_generator.DeltaGenerator) -> Wanted:
    n, plan = study.dataset.n_points, study.plan
    middle = round((plan.min_size * plan.max_size) ** 0.5)
    k = place.number_input(
        "of k points", 2, n - 1, min(middle, n - 1), key="list_k", bind="query-params", persist_state="session", width=160
    )
    n_sets = place.number_input(
        "sets", 1, _MOST_SETS, 1, key="list_sets", bind="query-params", persist_state="session", width=120,
        help="more than one: the list that is best for their mean, where you do not know which set it will join",
    )  # fmt: skip
    if n_sets == 1:
        said = f"the list is for {int(k):,} points drawn at random by the seed; the other {n - int(k):,} are candidates."
    else:
        said = (
            f"the list is for the mean of {int(n_sets)} sets of {int(k):,} random points; whoever is in none is a candidate."
        )
    st.caption(f"No set of yours is meant, so {said} A list is best for the set that it was chosen for: name yours.")
    return Wanted(k=int(k), n_sets=int(n_sets))


def _selected(study: Study) -> NamedPoints | None:
    points = selection.current(study).points
    if not points:
        st.info("No point is selected. Brush a chart on Explore, then come back.")
        return None
    import numpy as np

    return NamedPoints(np.array(points, dtype=np.int64), f"The {len(points):,} points selected.")


def _by_column(study: Study, place: st.delta_generator.DeltaGenerator) -> NamedPoints | None:
    columns = loading.columns(study)
    if not columns:
        st.info("No column of the records has from two to fifty values. Name rows by a file instead.")
        return None
    column = place.selectbox(
        "Column", list(columns), key="list_column", bind="query-params", persist_state="session", width=200
    )
    values = columns[column or next(iter(columns))]
    value = place.selectbox("is", values, key="list_value", bind="query-params", persist_state="session", width=200)
    return points_by_column(study.dataset, column, value or values[0])


def _by_file(study: Study) -> NamedPoints | None:
    upload = st.file_uploader(
        "Row numbers of the source, counted from 0: one a line, or the first column of a CSV", type=["csv", "txt", "tsv"],
        key="list_file",
    )  # fmt: skip
    if upload is None:
        return None
    try:
        text = upload.getvalue().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("The file is no text in UTF-8. Save the row numbers as a plain text or CSV file.") from None
    return points_by_rows(study.dataset, read_row_ids(text), "the rows in the file")

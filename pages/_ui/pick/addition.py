"""The rankings on random sets: what the best by the laws gain there, beside random points, on the test set."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core import jobs
from dscale_core.figures import gain_by_points_added
from pages._ui import loading
from pages._ui.frame import duration
from pages._ui.selecting import plain_chart
from pages._ui.work import show_jobs

if TYPE_CHECKING:
    from dscale_core.curation import Addition
    from dscale_core.study import AdditionRecord, Study

__all__ = ["show_addition"]

_REPEATS = 30


def show_addition(study: Study) -> None:
    """What is asked, the button and the job, the newest verdict with its curves."""
    st.subheader("Rankings on random sets, on the test set", anchor=False)
    st.caption(
        "The published experiment: the points that are best by their laws at a small size, at a large one, and by Shapley "
        "value are added to random sets of both sizes, equally many of each class, beside random points."
    )
    if not loading.fits(study):
        st.caption("It needs laws: fit them first.")
        return
    _ask(study)
    show_jobs(study.id, ("addition",))
    newest = next(iter(study.additions.records()), None)
    if newest is not None:
        _show(study, newest)


def _ask(study: Study) -> None:
    plan, n = study.plan, study.dataset.n_points
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        small = st.number_input("Sets of", 2, n - 2, min(plan.min_size, n - 2), key="added_small", width=130)
        large = st.number_input("and of", 3, n - 1, min(plan.max_size, n - 1), key="added_large", width=130)
        most = max(n - int(large), 1)
        added = st.number_input("points added", 1, most, min(100, most), key="added_n", width=130)
        repeats = st.number_input("sets of either size", 2, 1000, _REPEATS, key="added_repeats", width=150)
        waiting = any(one.kind == "addition" for one in jobs.list_jobs(loading.cache_folder(), study.id, active_only=True))
        if st.button("Measure", icon=":material/science:", disabled=waiting or study.dataset.y_test.size < 2):
            asked = {"n": int(added), "small": int(small), "large": int(large), "repeats": int(repeats)}
            jobs.submit(study, "addition", asked | {"n_jobs": os.cpu_count() or 1})
            st.rerun()


def _show(study: Study, record: AdditionRecord) -> None:
    found = loading.addition(study, record.id)
    st.markdown(f"**{found.verdict}**")
    with st.container(border=True):
        quantity = "gain"
        if study.dataset.task == "classification":
            shown = st.segmented_control(
                "Added, measured by", ["loss", "accuracy"], default="loss", required=True, key="added_by",
                bind="query-params", label_visibility="collapsed",
            )  # fmt: skip
            quantity = "accuracy" if shown == "accuracy" else "gain"
        for size, place in enumerate(st.columns(2, gap="medium")):
            with place:
                figure = gain_by_points_added(found, size, _words(found), quantity, loading.unit(study))
                plain_chart(figure, f"added_{size}")
        st.caption(
            f"Means over {found.repeats:,} sets of either size with 95 % intervals, on {found.n_test:,} test rows; "
            f"{found.n_candidates:,} candidates; in {duration(record.seconds)}."
        )


def _words(found: Addition) -> dict[str, str]:
    small, large = found.sizes.tolist()
    return {"small": f"best at {small:,}", "large": f"best at {large:,}", "shapley": "Shapley value", "random": "random"}

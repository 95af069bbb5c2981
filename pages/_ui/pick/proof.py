"""The proof of a list: trained on, beside its rivals, and measured on the test set."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import streamlit as st

from dscale_core import jobs
from dscale_core.curation import ARMS, worth_in_words
from dscale_core.figures import arms_of_verification
from pages._ui import loading
from pages._ui.frame import duration
from pages._ui.pick.same_again import show_reliability
from pages._ui.selecting import plain_chart
from pages._ui.work import show_jobs

if TYPE_CHECKING:
    from dscale_core.curation import Verification
    from dscale_core.study import ChoiceRecord, Study, VerificationRecord

__all__ = ["show_proof"]

_REPEATS = 30


def show_proof(study: Study, record: ChoiceRecord) -> None:
    """The verdict, or that there is none; the button, the job, and the chart of the arms."""
    st.subheader("On the test set", anchor=False)
    newest = next(iter(study.lists.verifications(record.id)), None)
    n_test = study.dataset.y_test.size
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        if newest is None:
            st.markdown(
                ":orange-badge[not verified] This list was not verified: what it gains on rows that nothing has seen is not "
                "known yet."
            )
        else:
            st.markdown(f"**{newest.verdict}**")
        _button(study, record, newest, n_test)
    if n_test < 2:
        st.caption("This study's data have no test rows, so nothing can be proven. Read the table with test rows.")
    show_jobs(study.id, ("verify",))
    if newest is not None:
        _show(study, record, newest)


def _button(study: Study, record: ChoiceRecord, newest: VerificationRecord | None, n_test: int) -> None:
    waiting = any(job.kind == "verify" for job in jobs.list_jobs(loading.cache_folder(), study.id, active_only=True))
    if st.button(
        "Verify on the test set" if newest is None else "Verify again",
        type="primary" if newest is None else "secondary",
        icon=":material/verified:",
        disabled=waiting or n_test < 2,
    ):
        seed = 0 if newest is None else newest.seed + 1
        asked = {"choice": record.id, "repeats": _REPEATS, "seed": seed, "n_jobs": os.cpu_count() or 1}
        jobs.submit(study, "verify", asked)
        st.rerun()


def _show(study: Study, record: ChoiceRecord, newest: VerificationRecord) -> None:
    found = loading.verification(study, record.id, newest.id)
    with st.container(border=True):
        quantity = "gain"
        if study.dataset.task == "classification":
            shown = st.segmented_control(
                "Measured by", ["loss", "accuracy"], default="loss", required=True, key="proof_by", bind="query-params",
                label_visibility="collapsed",
            )  # fmt: skip
            quantity = "accuracy" if shown == "accuracy" else "gain"
        words = {name: arm.summary for name, arm in ARMS.items()}
        plain_chart(arms_of_verification(found, words, quantity, loading.unit(study)), "arms")
        st.caption(" ".join(_remarks(record, newest, found, loading.choice(study, record.id).candidates.size)))
        fit = next((one for one in loading.all_fits(study) if one.id == newest.fit_id), None)
        if fit is not None:
            lead = "Top of the ranking and Shapley rest on ψ; the list does not. **Reliability of ψ.**"
            show_reliability(study, fit, record.current_size, lead)


def _remarks(record: ChoiceRecord, newest: VerificationRecord, found: Verification, n_candidates: int) -> list[str]:
    said = [
        f"Gain over the set as it is, {record.current_size:,} points, with 95 % intervals: {found.n_test:,} test rows, "
        f"{found.repeats} draws of each arm that is random, in {duration(newest.seconds)}."
    ]
    if found.worth is not None and found.worth.number > 0:
        said.append(f"Measured here, the list is worth {worth_in_words(found.worth, n_candidates)}.")
    if newest.fit_id is None:
        said.append("Without a fit, the arms that rank by laws are missing.")
    return said

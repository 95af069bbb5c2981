"""Where every candidate is a fit: how long a list will take, and how many candidates the time allowed is enough for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dscale_core.curation import estimate_choosing, estimate_in_words, random_sets
from pages._ui.work import background

if TYPE_CHECKING:
    from dscale_core.curation import ChoosingEstimate
    from dscale_core.study import Study
    from pages._ui.pick.trained_on import Wanted

__all__ = ["within_the_time"]

_MINUTES = 10


def within_the_time(study: Study, asked: dict[str, Any], wanted: Wanted, n_jobs: int) -> dict[str, Any] | None:
    """What the job is to be limited to, none for exact engines; None while that is not known, or nothing can be done."""
    if study.learner.exact or not wanted.is_whole:
        return {}
    minutes = st.number_input(
        "Minutes at most", 1, None, _MINUTES, key="list_minutes", bind="query-params", persist_state="session", width=160,
        help="every candidate is a fit: fewer are looked at where all would take longer",
    )  # fmt: skip
    own = wanted.named.points.tobytes() if wanted.named else (wanted.k, wanted.n_sets, asked["seed"])
    token = ("list_time", study.id, asked["goal"], asked["n"], own, n_jobs)
    future = background.ask("list_time", token, partial(_estimate, study, asked, wanted, n_jobs))
    if not future.done():
        background.show_when_done(future, lambda _: None, "Timing a few fits", "The time cannot be estimated.")
        return None
    if (sentence := background.reason(future)) is not None:
        st.caption(f":material/info: The time cannot be estimated. {sentence}")
        return None
    return _limited(future.result(), int(minutes), asked["n"])


def _estimate(study: Study, asked: dict[str, Any], wanted: Wanted, n_jobs: int) -> ChoosingEstimate:
    dataset, named = study.dataset, wanted.named
    sets = named.points if named else random_sets(dataset, wanted.k or 2, wanted.n_sets, asked["seed"])
    return estimate_choosing(dataset, study.learner, sets, None, asked["goal"], asked["n"], n_jobs, study.utility)


def _limited(found: ChoosingEstimate, minutes: int, n: int) -> dict[str, Any] | None:
    said = estimate_in_words(found, exact=False)
    if found.seconds <= 60 * minutes:
        st.caption(said)
        return {}
    most = found.within(60 * minutes)
    if most is None:
        st.caption(f"{said} {minutes:,} min are too few to look at {n:,}: ask for fewer points, or allow more time.")
        return None
    st.caption(f"{said} Within {minutes:,} min {most:,} of them are looked at, drawn at random by the seed.")
    return {"most_candidates": most}

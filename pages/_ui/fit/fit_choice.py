"""All fits of a study: what each is called, which of them a view is about, and the line that says what is selected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages._ui import loading

if TYPE_CHECKING:
    from dscale_core.study import FitRecord, Study

__all__ = ["MOST_FITS", "choose_fits", "choose_pair", "forget_links", "labelled_fits", "made"]

_LINKED = {"Side by side": ("fits",), "Two fits": ("from", "to")}
MOST_FITS = 8  # side by side: more lines than this cannot be told apart


def labelled_fits(study: Study) -> dict[str, FitRecord]:
    """Every fit by a name that stays what it is when more are made, as links need; the oldest first."""
    seen: Counter[str] = Counter()
    named = {}
    for fit in loading.all_fits(study):
        label = f"{fit.method}, {fit.n_coalitions:,} coalitions"
        seen[label] += 1
        named[label if seen[label] == 1 else f"{label} ({seen[label]})"] = fit
    return named


def made(fit: FitRecord) -> str:
    """When a fit was made."""
    return f"{fit.created[:16].replace('T', ' ')} UTC"


def choose_fits(study: Study, known: dict[str, FitRecord]) -> list[str]:
    """Labels of the fits to lay side by side, bound to ``?fits=``; at first the newest of each method.

    A fit that is made meanwhile joins them.
    """
    seen = st.session_state.get("fits_seen", {})
    if seen.get("study") == study.id and "fits" in st.session_state:
        made_now = [label for label in known if label not in seen["labels"]]
        st.session_state["fits"] = [*st.session_state["fits"], *made_now][:MOST_FITS]
    st.session_state["fits_seen"] = {"study": study.id, "labels": list(known)}
    newest = {fit.method: label for label, fit in known.items()}
    _follow("fits", st.query_params.get_all("fits"), list(known), list(newest.values())[:MOST_FITS])
    chosen = st.multiselect(
        "Fits to lay side by side", list(known), key="fits", max_selections=MOST_FITS, persist_state="session"
    )
    if st.query_params.get_all("fits") != chosen:
        st.query_params["fits"] = chosen
    st.session_state["fits_in_url"] = chosen
    return chosen


def choose_pair(known: dict[str, FitRecord]) -> tuple[str, str]:
    """Labels of two fits, bound to ``?from=`` and ``?to=``; at first the newest and the one before it of its method."""
    before, newest = _newest_pair(known)
    left, middle, right = st.columns([10, 1, 10], vertical_alignment="bottom")
    with left:
        one = _choose("From", "from", list(known), before)
    with right:
        other = _choose("To", "to", list(known), newest)
    middle.button("", icon=":material/swap_horiz:", help="Swap the two", on_click=_swap, args=(one, other), width="stretch")
    return one, other


def forget_links(view: str) -> None:
    """Take out of the URL what other views have put there."""
    for name, keys in _LINKED.items():
        for key in keys if name != view else ():
            st.query_params.pop(key, None)
            st.session_state.pop(f"{key}_in_url", None)


def _newest_pair(known: dict[str, FitRecord]) -> tuple[str, str]:
    labels = list(known)
    newest = labels[-1]
    same = [label for label in labels[:-1] if known[label].method == known[newest].method]
    return (same or labels[:-1] or labels)[-1], newest


def _choose(title: str, key: str, labels: Sequence[str], first: str) -> str:
    asked = st.query_params.get_all(key)
    _follow(key, asked, labels, [first], single=True)
    chosen: str = st.selectbox(title, labels, key=key, persist_state="session")
    if asked != [chosen]:
        st.query_params[key] = chosen
    st.session_state[f"{key}_in_url"] = [chosen]
    return chosen


def _follow(key: str, asked: list[str], known: Sequence[str], first: list[str], single: bool = False) -> None:
    """Set a widget's state from a link, else keep what of it is known, else `first`.

    By hand and not by ``bind``, which writes into the URL only what was changed: a link must name its fits, because the
    first choice is another one once more fits are made.
    """
    state = st.session_state
    followed = [label for label in asked if label in known] if asked != state.get(f"{key}_in_url") else []
    held = state.get(key)
    kept = [label for label in ([held] if single else held or []) if label in known]
    wanted = followed[:MOST_FITS] or kept
    if not wanted and (single or held != []):
        wanted = first
    state[key] = wanted[0] if single else wanted


def _swap(one: str, other: str) -> None:
    st.session_state["from"], st.session_state["to"] = other, one

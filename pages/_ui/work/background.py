"""Short work beside the page: one thread of the server, results kept by token, so that no control ever waits for it.

Work that takes longer than seconds, or must survive the server, is a job (`dscale_core.jobs`), not this.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import streamlit as st

from dscale_core.errors import DscaleError

__all__ = ["Bench", "ask", "forget", "reason", "show_when_done", "wait"]

_log = logging.getLogger(__name__)
_KEPT = 24


class Bench:
    """Results by token, made one after the other in a thread of their own; the oldest are forgotten."""

    def __init__(self, kept: int = _KEPT) -> None:
        # one thread: two at once would time each other's work
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bench")
        self._lock, self._kept = Lock(), kept
        self._found: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    def ask(self, token: Hashable, work: Callable[[], Any]) -> Future[Any]:
        """The result for ``token``, begun now unless it was asked for before."""
        with self._lock:
            future = self._found.get(token)
            if future is None or future.cancelled():
                future = self._found[token] = self._pool.submit(work)
            self._found.move_to_end(token)
            while len(self._found) > self._kept:
                self._found.popitem(last=False)[1].cancel()
            return future

    def forget(self, token: Hashable) -> None:
        """Take back what was asked for; it does not begin if it has not begun."""
        with self._lock:
            future = self._found.pop(token, None)
        if future is not None:
            future.cancel()

    def unask(self, token: Hashable) -> None:
        """Take back what has not begun; what has is kept."""
        with self._lock:
            future = self._found.get(token)
        if future is not None:
            future.cancel()


@st.cache_resource(show_spinner=False)
def _bench() -> Bench:
    return Bench()


def ask(slot: str, token: Hashable, work: Callable[[], Any]) -> Future[Any]:
    """The result for ``token``; what this session asked for in the same ``slot`` before is taken back if it waits still."""
    previous = st.session_state.get(f"asked_{slot}")
    if previous is not None and previous != token:
        _bench().unask(previous)
    st.session_state[f"asked_{slot}"] = token
    return _bench().ask(token, work)


def forget(token: Hashable) -> None:
    """Let ``token`` be made anew when it is next asked for."""
    _bench().forget(token)


def wait(future: Future[Any], seconds: float) -> None:
    """Wait for a result, not longer than ``seconds``; its error stays in it."""
    try:
        future.exception(timeout=seconds)
    except TimeoutError:
        return


def show_when_done(
    future: Future[Any], show: Callable[[Any], None], waiting: str, failed: str, patience: float = 0.0
) -> None:
    """Draw the result here once it is there, and ``waiting`` until then; an error is one sentence that begins ``failed``.

    With ``patience``, in seconds, what is nearly there is waited for: all above is on the screen by then, and a result that
    comes in time saves the page a second run.
    """
    if patience:
        wait(future, patience)
    running = not future.done()

    @st.fragment(run_every=0.5 if running else None)
    def panel() -> None:
        if running and future.done():
            st.rerun()
        if running:
            st.caption(f":material/hourglass_top: {waiting}")
        elif (sentence := reason(future)) is not None:
            st.caption(f":material/info: {failed} {sentence}")
        else:
            show(future.result())

    panel()


def reason(future: Future[Any]) -> str | None:
    """Why a finished result is none; None where it is one."""
    if future.cancelled():
        return "Something else was asked for meanwhile."
    error = future.exception()
    if error is None:
        return None
    if isinstance(error, DscaleError):
        return str(error)
    _log.error("Work beside the page failed.", exc_info=error)
    return "It ended with an unexpected error, which the server's log holds; sampling is not affected."

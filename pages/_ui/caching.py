"""Results that all sessions share, kept by what they were computed from: never by an array or a frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from inspect import signature
from typing import Any, Literal, ParamSpec, TypeVar

import streamlit as st

__all__ = ["shared"]

P = ParamSpec("P")
R = TypeVar("R")


def shared(spinner: str | Literal[False], most: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep the ``most`` newest results of a loader for all sessions, and say ``spinner`` while one is computed.

    A result is found again by the loader's arguments: a study counts as its cache folder and id, a fit as its id, and the
    ``role`` of a sample set as its name and the number of its coalitions drawn so far, so that it is computed anew once more
    are drawn. Other arguments are plain values and lists of these; anything else raises TypeError.
    """

    def decorate(load: Callable[P, R]) -> Callable[P, R]:
        form = signature(load)

        def compute(key: tuple[Hashable, ...], _call: Callable[[], R]) -> R:
            del key  # Streamlit looks results up by it, and not by names that begin with an underscore
            return _call()

        # Streamlit tells caches apart by the names of their functions, which here would all be the same
        compute.__module__, compute.__qualname__ = load.__module__, load.__qualname__
        cache = st.cache_resource(show_spinner=spinner, max_entries=most)(compute)

        @wraps(load)
        def find(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = form.bind(*args, **kwargs)
            bound.apply_defaults()
            found: R = cache(_key(bound.arguments), lambda: load(*args, **kwargs))
            return found

        return find

    return decorate


def _key(arguments: dict[str, Any]) -> tuple[Hashable, ...]:
    key = tuple(_part(name, value) for name, value in arguments.items())
    if "role" not in arguments:
        return key
    study, role = arguments["study"], arguments["role"]
    return (*key, study.progress(role).done if role in study.roles() else 0)


def _part(name: str, value: Any) -> Hashable:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return tuple(_part(name, one) for one in value)
    from dscale_core.study import FitRecord, Study

    if isinstance(value, Study):
        return str(value.cache), value.id
    if isinstance(value, FitRecord):
        return value.id
    raise TypeError(
        f"No result can be kept by {name}, which is a {type(value).__name__}: give a study, a fit or a plain value."
    )

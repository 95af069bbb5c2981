"""What a job needs that was registered from outside: written down where it is submitted, taken up by the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dscale_core.laws import METHODS
from dscale_core.learners import LEARNERS
from dscale_core.registry import Registry
from dscale_core.store import Store
from dscale_core.values import VALUES

if TYPE_CHECKING:
    from dscale_core.study import Study

__all__ = ["adopt", "entries_of"]

_REGISTRIES: dict[str, Registry[Any]] = {"learner": LEARNERS, "method": METHODS, "value": VALUES}
# kind of job -> the registry that one of its parameters names an entry of, that parameter, and what it is where left out
_NAMED = {"fit": ("method", "method", "shrinkage"), "value": ("value", "name", "")}


def entries_of(study: Study, kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Entries from outside that a job has to bring, as registries write them down; empty where all is dscale's own.

    Raises, before anything is queued, ArgumentError or NotFoundError where another process could not take one up.
    """
    found: dict[str, Any] = {}
    row = Store(study.cache).studies.get(study.id)
    if row.learner_entry is None:
        # a study that was created before studies kept their learner's entry
        found["learner"] = LEARNERS.written(row.learner)
    else:
        LEARNERS.check(row.learner_entry)
    if kind in _NAMED:
        registry, param, default = _NAMED[kind]
        found[registry] = _REGISTRIES[registry].written(str(params.get(param, default)))
    brought = {name: entry for name, entry in found.items() if entry is not None}
    for name, entry in brought.items():
        _REGISTRIES[name].check(entry)
    return brought


def adopt(entries: Mapping[str, Any]) -> None:
    """Take up what a job brought. Raises as `Registry.adopt`."""
    for name, entry in entries.items():
        if name in _REGISTRIES:
            _REGISTRIES[name].adopt(entry)

"""Results as the store keeps them: plain values, or arrays and plain facts, field by field and by name; and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.store import Kept

__all__ = ["put_together", "storable", "taken_apart"]

_T = TypeVar("_T")


def storable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON has them. Raises ArgumentError for what cannot be written down, as a learner's parameters may be."""
    try:
        kept: dict[str, Any] = json.loads(json.dumps(dict(values), default=lambda value: value.item()))
    except (TypeError, ValueError, AttributeError) as error:
        remedy = "Use numbers, texts and lists, or register the learner under a name of its own."
        raise ArgumentError("learner.params", "be plain values that can be written down", dict(values), remedy) from error
    return kept


def taken_apart(result: Any) -> Kept:
    """The fields of a frozen record: arrays by name, several arrays as ``name.0``, ``name.1``, a record's own as
    ``name.field``; all else is a fact.
    """
    arrays: dict[str, np.ndarray] = {}
    facts: dict[str, Any] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif isinstance(value, tuple) and value and all(isinstance(one, np.ndarray) for one in value):
            arrays |= {f"{field.name}.{i}": one for i, one in enumerate(value)}
        elif is_dataclass(value):
            inner = taken_apart(value)
            arrays |= {f"{field.name}.{name}": one for name, one in inner.arrays.items()}
            facts |= {f"{field.name}.{name}": one for name, one in inner.facts.items()}
        else:
            facts[field.name] = value
    return Kept(arrays, facts)


def put_together(kind: type[_T], kept: Kept, records: Mapping[str, type] | None = None) -> _T:
    """The record again; ``records`` says which fields are records, and of which kind. What is unknown is passed over."""
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        name = field.name
        inner = _inside(kept, name)
        if name in kept.arrays:
            values[name] = kept.arrays[name]
        elif name in kept.facts:
            value = kept.facts[name]
            values[name] = tuple(value) if isinstance(value, list) else value
        elif records and name in records and (inner.arrays or inner.facts):
            values[name] = put_together(records[name], inner)
        elif inner.arrays:
            values[name] = tuple(inner.arrays[str(i)] for i in range(len(inner.arrays)))
    return kind(**values)


def _inside(kept: Kept, name: str) -> Kept:
    start = f"{name}."
    return Kept(
        {full.removeprefix(start): one for full, one in kept.arrays.items() if full.startswith(start)},
        {full.removeprefix(start): one for full, one in kept.facts.items() if full.startswith(start)},
    )

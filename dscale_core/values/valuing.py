"""The registry of values: numbers that say what a point is worth over all sizes of a range, not at one.

To add a value: one module with ``value(given: ValueInputs) -> Values`` and one line below; from outside, `register_value`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Literal, TypeAlias

from dscale_core.errors import ArgumentError
from dscale_core.registry import Entry, Registry, accepts
from dscale_core.types import Dataset, Draws, Laws, Learner, Values

__all__ = [
    "VALUES",
    "ValueInfo",
    "ValueInputs",
    "compute_value",
    "describe_value",
    "list_values",
    "register_value",
]

Need: TypeAlias = Literal["draws", "laws"]


@dataclass(frozen=True)
class ValueInfo:
    """A value as a person reads it.

    needs : what it is computed from beside dataset and learner: ``"draws"``, ``"laws"``, both or nothing
    """

    name: str
    summary: str
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, eq=False)
class ValueInputs:
    """What a value is given. ``draws`` and ``laws`` are there where it needs them, and may be None where it does not."""

    dataset: Dataset
    learner: Learner
    utility: str
    unit: str  # of the utility
    min_size: int  # the sizes that the value is about, both ends included
    max_size: int
    draws: Draws | None = None
    laws: Laws | None = None
    seed: int = 0
    on_progress: Callable[[float], object] | None = None  # takes the share done, in [0, 1]; an exception of it ends the work


def _fault(loaded: Any, info: ValueInfo) -> str:
    return "" if accepts(loaded, info) else "be a function of one argument, the ValueInputs"


VALUES = Registry(
    "value",
    [
        Entry(
            "dscale_core.values.law_shapley:value",
            ValueInfo(
                "law_shapley",
                "Mean of ψ_k over all sizes of the range, from the laws alone: data Shapley without further training.",
                ("laws",),
            ),
        ),
        Entry(
            "dscale_core.values.mean_contribution:value",
            ValueInfo(
                "mean_contribution",
                "Mean of the draws with every size of the range counting alike: Monte Carlo data Shapley, free of any law.",
                ("draws",),
            ),
        ),
    ],
    lambda plain: ValueInfo(plain["name"], plain["summary"], tuple(plain["needs"])),
    _fault,
)


def list_values() -> list[str]:
    """Names of the values."""
    return VALUES.names()


def describe_value(name: str) -> ValueInfo:
    """What one value is and what it needs. Raises NotFoundError for an unknown name."""
    return VALUES.entry(name).info


def compute_value(name: str, given: ValueInputs) -> Values:
    """The value of that name; ``cost`` is the time it took.

    Raises NotFoundError for an unknown name, ArgumentError where it is not given what it needs.
    """
    entry = VALUES.entry(name)
    for need in entry.info.needs:
        if getattr(given, need) is None:
            remedy = "Pass what ds.sample returns." if need == "draws" else "Pass what ds.fit returns."
            raise ArgumentError(need, f"be given for the value {name!r}", "None", remedy)
    if not 1 <= given.min_size <= given.max_size:
        got = f"min_size={given.min_size}, max_size={given.max_size}"
        raise ArgumentError("min_size", "be at least 1 and at most max_size", got, "Correct one of the two.")
    started = perf_counter()
    found = VALUES.load(entry)(given)
    if not isinstance(found, Values):
        raise ArgumentError(entry.home, "return Values", type(found).__name__, "Correct the function.")
    return replace(found, name=name, cost=perf_counter() - started)


def register_value(name: str, home: str | Callable[..., Any], *, summary: str, needs: tuple[Need, ...] = ()) -> None:
    """Add a value of one's own, ``value(given: ValueInputs) -> Values``; background jobs find it too.

    home : ``"module:function"``, or the function itself
    needs : as in `ValueInfo`

    Raises ArgumentError where the name is taken, or something else is needed.
    """
    unknown = [need for need in needs if need not in ("draws", "laws")]
    if unknown or isinstance(needs, str):
        raise ArgumentError("needs", 'hold "draws" and "laws" alone', repr(needs), 'Write needs=("draws",).')
    VALUES.add(home, ValueInfo(name, summary, tuple(needs)))

"""What a learner's parameter may be: its default, the words it may be, the range of its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias

from dscale_core.errors import ArgumentError

__all__ = ["Param", "as_param"]

Kind: TypeAlias = Literal["flag", "whole", "number", "word", "any"]
_KINDS: dict[type, Kind] = {bool: "flag", int: "whole", float: "number", str: "word"}


@dataclass(frozen=True)
class Param:
    """A parameter as its learner accepts it; pages draw their controls by it and `make_learner` checks against it.

    choices : values it may be; with a range beside them, numbers in the range too: gamma is
        ``Param("scale", choices=("scale",), above=0)``
    low, high : ends of its range, both included; above : a lower end that is not
    kind : ``"flag"``, ``"whole"`` or ``"number"`` (finite), ``"word"``, or ``"any"``, which is not checked; left out it
        follows from the default, and from the range where the default is a word or None
    summary : what it does, for people

    Raises ArgumentError where the default is none that it may be.
    """

    default: Any
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    above: float | None = None
    kind: Kind | None = None
    summary: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))
        if self.kind is None:
            implied = _KINDS.get(type(self.default), "any")
            bounded = self._is_bounded and implied in ("word", "any")
            object.__setattr__(self, "kind", "number" if bounded else implied)
        if not self._allows(self.default):
            remedy = "Correct the default, or what is said of the parameter."
            raise ArgumentError("default", f"be {self.requirement}", repr(self.default), remedy)

    @property
    def takes_numbers(self) -> bool:
        """Whether numbers are accepted that are not among the choices."""
        return self.kind in ("whole", "number") and (self._is_bounded or not self.choices)

    @property
    def requirement(self) -> str:
        """What a value must be, continuing "be"."""
        if len(self.choices) > 2 and not self.takes_numbers:
            return f"one of {', '.join(map(str, self.choices))}"
        words = [f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in self.choices]
        said = [*([self._range] if self.takes_numbers else []), *words]
        listed = f"{', '.join(said[:-1])} or {said[-1]}" if len(said) > 1 else "".join(said)
        return listed or {"flag": "True or False", "word": "a word"}.get(str(self.kind), "a plain value")

    def check(self, name: str, value: Any) -> None:
        """Raise ArgumentError, naming the parameter, unless it may be ``value``."""
        if not self._allows(value):
            raise ArgumentError(name, f"be {self.requirement}", repr(value), f"Use {self.default!r}, the default.")

    def _allows(self, value: Any) -> bool:
        if self._is_choice(value):
            return True
        if self.takes_numbers:
            return self._in_range(value)
        if self.choices:
            return False
        return self.kind == "any" or isinstance(value, bool if self.kind == "flag" else str)

    def _is_choice(self, value: Any) -> bool:
        # 1, 1.0 and True are equal, and yet not the same answer
        return any(type(value) is type(choice) and value == choice for choice in self.choices)

    @property
    def _is_bounded(self) -> bool:
        return not (self.low is None and self.high is None and self.above is None)

    def _in_range(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, Integral if self.kind == "whole" else Real):
            return False
        number = float(value)
        at_least = -math.inf if self.low is None else self.low
        at_most = math.inf if self.high is None else self.high
        return math.isfinite(number) and at_least <= number <= at_most and (self.above is None or number > self.above)

    @property
    def _range(self) -> str:
        whole = self.kind == "whole"
        if not whole and self.high is None and 0 in (self.above, self.low):
            return "positive" if self.low is None else "zero or positive"
        ends = [f"at least {self.low:.12g}"] if self.low is not None else []
        ends += [f"more than {self.above:.12g}"] if self.above is not None else []
        ends += [f"at most {self.high:.12g}"] if self.high is not None else []
        return " ".join(["a whole number" if whole else "a number", *(["of", " and ".join(ends)] if ends else [])])


def as_param(value: Any) -> Param:
    """A parameter declared by its default alone, which is not checked, or as it was declared."""
    return value if isinstance(value, Param) else Param(value, kind="any")

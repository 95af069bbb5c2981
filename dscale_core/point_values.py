"""`Values`: what a valuation that does not depend on one size says of every point."""

from __future__ import annotations

from dataclasses import dataclass

from dscale_core.arrays import FloatVector, IntVector
from dscale_core.errors import ArgumentError

__all__ = ["Values"]


@dataclass(frozen=True, eq=False)
class Values:
    """One value a point, with its standard error. Positive helps; NaN where a point has none.

    Raises ArgumentError where the arrays' lengths differ.
    """

    name: str  # of the valuation, as in `list_values`
    points: IntVector  # (p,) pool indices
    value: FloatVector  # (p,)
    error: FloatVector  # (p,) standard deviation of the value's error; NaN where it is not known
    unit: str  # of value and error
    cost: float = 0.0  # seconds that computing it took

    def __post_init__(self) -> None:
        for name in ("value", "error"):
            got = getattr(self, name).shape
            if got != self.points.shape:
                raise ArgumentError(name, f"have shape {self.points.shape} as points has", got, "Pass one entry a point.")

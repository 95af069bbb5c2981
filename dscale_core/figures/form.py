"""Power law or two-term law: held-out evidence, point by point."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dscale_core.figures.quantities import Quantity
from dscale_core.types import FloatVector, IntVector

__all__ = ["form_evidence", "points_with_form"]


class Choice(Protocol):
    """Held-out evidence for the two-term law, (p,) each."""

    @property
    def points(self) -> IntVector: ...
    @property
    def form(self) -> NDArray[np.str_]: ...
    @property
    def difference(self) -> FloatVector: ...
    @property
    def standard_error(self) -> FloatVector: ...


def form_evidence(choice: Choice) -> Quantity:
    """Evidence in standard errors: beyond +2 the two-term law predicts held-out draws clearly better."""
    error = np.where(choice.standard_error > 0, choice.standard_error, np.nan)
    title = "held-out evidence for the two-term law (standard errors; positive favours it)"
    return Quantity("evidence", title, "evidence", choice.difference / error, choice.points)


def points_with_form(choice: Choice, form: str) -> tuple[int, ...]:
    """Ids of the points for which held-out draws recommend ``power`` or ``two_term``."""
    return tuple(int(point) for point in choice.points[choice.form == form])

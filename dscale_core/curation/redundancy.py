"""Why points of a high rank are not on a list: what each would have gained for the set before and after it, and which of the
chosen took most of that away.

A point's rank is its value for random sets, by itself. For one set, next to others, it may help less: because it does not
help this set at all, or because a point that was chosen says the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dscale_core.curation.choice import Choice
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector, Laws, Learner, ValuationRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LeftOut", "explain_left_out"]

_REDUNDANT = 0.5  # of what it gained before is gone


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Points that rank high and are not on the list, the highest first.

    points : (p,) pool indices; psi : (p,) their value at the set's size; before, after : (p,) what each gains for the set as
    it was and with the list carried out, unit of the utility; taken_by : (p,) the chosen point after which its gain fell
    most, fall : (p,) by how much; why : (p,) in words
    """

    points: IntVector
    psi: FloatVector
    before: FloatVector
    after: FloatVector
    taken_by: IntVector
    fall: FloatVector
    why: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """A row a point."""
        import pandas as pd

        names = ("psi", "before", "after", "taken_by", "fall")
        columns = {"point": self.points} | {name: getattr(self, name) for name in names}
        return pd.DataFrame(columns | {"why": np.array(self.why, dtype=object)})


def explain_left_out(
    dataset: Dataset,
    learner: Learner,
    choice: Choice,
    laws: Laws,
    n: int = 10,
    on_progress: Callable[[float], object] | None = None,
) -> LeftOut:
    """The ``n`` candidates of the highest ψ that are not on the list, by the exact engine step by step along it.

    Valued on the valuation set and on the candidates that are neither asked about nor on the list.
    """
    k = float(np.mean([members.size for members in choice.sets]))
    psi = np.full(dataset.n_points, np.nan)
    psi[laws.points] = laws.psi(k)
    asked = np.setdiff1d(choice.candidates, choice.points)
    asked = asked[np.isfinite(psi[asked])]
    asked = asked[np.lexsort((asked, -psi[asked]))[:n]]
    gains = _along(dataset, learner, choice, asked, on_progress)
    falls = gains[:-1] - gains[1:]
    worst = falls.argmax(axis=0) if falls.size else np.zeros(asked.size, dtype=np.int64)
    fall = falls[worst, np.arange(asked.size)] if falls.size else np.zeros(asked.size)
    taken_by = choice.points[worst] if falls.size else np.full(asked.size, -1)
    why = tuple(_why(choice, *told) for told in zip(gains[0], gains[-1], taken_by, strict=True))
    return LeftOut(asked, psi[asked], gains[0], gains[-1], taken_by, fall, why)


def _along(
    dataset: Dataset, learner: Learner, choice: Choice, asked: IntVector, on_progress: Callable[[float], object] | None
) -> FloatMatrix:
    """Gains of the points asked about before the first step and after each, (steps + 1, p), averaged over the sets."""
    beside = np.setdiff1d(choice.candidates, np.concatenate([asked, choice.points]))
    X = np.concatenate([dataset.X_valuation, dataset.X_pool[beside]])
    rows = ValuationRows(X, np.concatenate([dataset.y_valuation, dataset.y_pool[beside]]), np.zeros(1, dtype=np.int64))
    steps = choice.points.size
    gains = np.zeros((steps + 1, asked.size))
    for members in choice.sets:
        now = members
        for i in range(steps + 1):
            if i:
                point = choice.points[i - 1]
                now = now[now != point] if choice.dropped[i - 1] else np.union1d(now, [point])
            if asked.size:
                gains[i] += learner.block_contributions(dataset, now, asked, rows, choice.utility).delta[:, 0]
            if on_progress:
                on_progress((i + 1) / (steps + 1))
    return gains / len(choice.sets)


def _why(choice: Choice, before: float, after: float, taken_by: int) -> str:
    if before <= 0:
        return "does not help this set"
    if after <= _REDUNDANT * before:
        return f"redundant with point {taken_by}"
    if choice.stop >= choice.asked:
        return "still helps; the budget ended first"
    return "still helps, by less than its risk"

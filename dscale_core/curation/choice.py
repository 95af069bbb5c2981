"""What choosing returns: the points in the order in which they were chosen, and what they are expected to bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dscale_core.types import FloatVector, IntVector

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Choice", "Goal", "RandomWorth", "Shares"]

Goal = Literal["add", "drop", "swap"]
Shares = Literal["free", "proportional", "equal"]


@dataclass(frozen=True, eq=False)
class RandomWorth:
    """How many points drawn at random bring as much as the list, and the gains it was read off from.

    number, low, high : of random points, with the ends of the 90 % interval; infinite where all candidates bring less
    sizes, gains : (s,) numbers of random points and what they gained on the mean, on the rows of the promise
    """

    number: float
    low: float
    high: float
    sizes: IntVector
    gains: FloatVector


@dataclass(frozen=True, eq=False)
class Choice:
    """A list of points for one training set.

    points : (n,) pool indices in the order chosen; dropped : (n,) whether a point leaves the set instead of joining it
    gain : (n,) what each point gained when it was chosen, on the rows that chose it: too high, and good for comparing alone
    promise, promise_low, promise_high : (n,) what the first 1, ..., n points are expected to gain together, with the ends of
        the 90 % interval of what the dataset's test rows will show, from rows that did not choose; unit of the utility,
        positive helps
    stop : number of points after which no other was worth its risk; n where the budget ended first
    sets : pool indices of the set that it is for, or of the several whose mean it is for
    candidates : pool indices that could join
    """

    goal: Goal
    points: IntVector
    dropped: NDArray[np.bool_]
    gain: FloatVector
    promise: FloatVector
    promise_low: FloatVector
    promise_high: FloatVector
    stop: int
    asked: int
    shares: Shares
    seed: int
    utility: str
    sets: tuple[IntVector, ...]
    candidates: IntVector
    n_rows: int
    n_blocks: int
    class_shortfall: dict[str, int]
    worth: RandomWorth | None = None

    @property
    def added(self) -> IntVector:
        """The points that join, in order."""
        return np.asarray(self.points[~self.dropped], dtype=np.int64)

    def carried_out(self, members: IntVector) -> IntVector:
        """A training set with the list carried out, pool indices, sorted."""
        return np.union1d(np.setdiff1d(members, self.points[self.dropped]), self.added)

    def to_frame(self) -> pd.DataFrame:
        """A row a point, in order: order, point, action, gain, promise, promise_low, promise_high."""
        import pandas as pd

        return pd.DataFrame(
            {
                "order": np.arange(1, self.points.size + 1),
                "point": self.points,
                "action": np.where(self.dropped, "drop", "add").astype(object),
                "gain": self.gain,
                "promise": self.promise,
                "promise_low": self.promise_low,
                "promise_high": self.promise_high,
            }
        )

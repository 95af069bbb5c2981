"""The test set in blocks of rows, and what a training set loses on it; the intervals of what is saved there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.intervals import two_sided
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector, Learner, ValuationRows

__all__ = ["OnTest", "interval", "measured_on_test"]

_BLOCKS = 40  # of test rows, paired
_Z95 = two_sided(0.95)


@dataclass(frozen=True, eq=False)
class OnTest:
    """Losses on the test set: the utility's first and, for classes, those in accuracy."""

    dataset: Dataset
    learner: Learner
    rows: ValuationRows
    utilities: tuple[str, ...]

    def losses(self, members: IntVector) -> FloatMatrix:
        """Of the model of some pool points, by utility and block, (u, b)."""
        return self.learner.block_losses(self.dataset, members, self.rows, self.utilities)


def measured_on_test(dataset: Dataset, learner: Learner, utility: str, repeats: int, seed: int) -> OnTest:
    """The test rows in blocks drawn by seed. Raises ArgumentError without test rows and for fewer than two repeats."""
    t = dataset.y_test.size
    if t < 2:
        raise ArgumentError("dataset", "have a test set", f"{t} rows", "Read the table with test=0.2.")
    if repeats < 2:
        raise ArgumentError("repeats", "be at least 2", repeats, "Use 30.")
    order = np.random.default_rng([seed, 4]).permutation(t)
    blocks = min(_BLOCKS, t)
    starts = np.floor(np.arange(blocks) * t / blocks).astype(np.int64)
    rows = ValuationRows(np.ascontiguousarray(dataset.X_test[order]), dataset.y_test[order], starts)
    return OnTest(dataset, learner, rows, (utility, *(["accuracy"] if dataset.task == "classification" else [])))


def interval(
    gains: FloatMatrix, beyond: FloatMatrix | None, weight: FloatVector, luck: float = 0.0
) -> tuple[float, float, float]:
    """Mean and its 95 % interval of gains (repeats, b), or of what they are beyond others', paired by block.

    A single list is held against single lists of the others' kind, not against their mean alone: a list of random points is
    one of them, and is to be told apart from them once in twenty times. luck : a variance that is known from elsewhere
    """
    paired = gains.mean(axis=0) - (0.0 if beyond is None else beyond.mean(axis=0))
    mean = float(paired @ weight)
    variance = luck + (float(paired.var(ddof=1)) / paired.size if paired.size > 1 else 0.0)
    for drawn in (gains, beyond):
        if drawn is not None and drawn.shape[0] > 1:
            scatter = float((drawn @ weight).var(ddof=1))
            variance += scatter / drawn.shape[0] + (scatter if drawn is beyond and gains.shape[0] == 1 else 0.0)
    reach = _Z95 * float(np.sqrt(variance))
    return mean, mean - reach, mean + reach

"""`RowDeviation`: by how much values would differ on other valuation rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dscale_core.arrays import FloatMatrix, FloatVector, IntVector

__all__ = ["RowDeviation"]


@dataclass(frozen=True, eq=False)
class RowDeviation:
    """By how much ψ_k would differ on other valuation rows, of which there are finitely many, whatever coalitions are drawn.

    sizes (h,) ascending; deviation (h, p): standard deviations, in the unit of the loss.
    """

    sizes: FloatVector
    deviation: FloatMatrix

    def at(self, k: float) -> FloatVector:
        """The deviations at size k, (p,): k times them is linear in log k, and level beyond the sizes."""
        flat, log_k = self.deviation * self.sizes[:, None], np.log(self.sizes)
        place = float(np.interp(np.log(k), log_k, np.arange(log_k.size)))
        left = min(int(place), max(log_k.size - 2, 0))
        right = min(left + 1, log_k.size - 1)
        return np.asarray((flat[left] + (place - left) * (flat[right] - flat[left])) / k)

    def take(self, columns: IntVector) -> RowDeviation:
        """The same for some points, by position."""
        return RowDeviation(self.sizes, self.deviation[:, columns])

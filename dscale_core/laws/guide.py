"""What a learner's own formula expects, as an estimator reads it: `Guide`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dscale_core.errors import ArgumentError
from dscale_core.types import FloatMatrix, FloatVector, IntVector

__all__ = ["Guide"]


@dataclass(frozen=True, eq=False)
class Guide:
    """Expected contributions at a few sizes, found without any draw (`Learner.expected_contributions`).

    sizes (g,) increasing; expected (g, p) ψ_k of each point, in the unit of the loss. Raises ArgumentError where the shapes
    do not go together or a value is not finite.
    """

    sizes: FloatVector
    expected: FloatMatrix

    def __post_init__(self) -> None:
        k, psi = np.asarray(self.sizes, dtype=np.float64), np.asarray(self.expected, dtype=np.float64)
        if k.ndim != 1 or k.size == 0 or np.any(np.diff(k) <= 0) or not np.all(np.isfinite(k)) or k[0] < 1:
            raise ArgumentError("sizes", "be a list of increasing sizes", k.shape, "Sort the sizes and drop repeats.")
        if psi.ndim != 2 or psi.shape[0] != k.size or not np.all(np.isfinite(psi)):
            raise ArgumentError(
                "expected", f"be finite, one row for each of {k.size} sizes", psi.shape, "Pass (g, p) values."
            )
        object.__setattr__(self, "sizes", k)
        object.__setattr__(self, "expected", psi)

    def at(self, sizes: ArrayLike) -> FloatMatrix:
        """Expected contributions (m, p) at sizes (m,): k ψ_k, linear in log k. Raises ArgumentError outside the sizes."""
        wanted = np.asarray(sizes, dtype=np.float64)
        least, most = float(self.sizes[0]), float(self.sizes[-1])
        if wanted.min() < least * 0.999 or wanted.max() > most * 1.001:
            required = f"span the draws' sizes, {wanted.min():g} to {wanted.max():g}"
            raise ArgumentError("guide", required, f"{least:g} to {most:g}", "Ask the formula for more sizes.")
        log_k, flat = np.log(self.sizes), self.expected * self.sizes[:, None]
        if self.sizes.size == 1:
            return np.repeat(flat, wanted.size, axis=0) / wanted[:, None]
        right = np.clip(np.searchsorted(log_k, np.log(wanted)), 1, self.sizes.size - 1)
        share = np.clip((np.log(wanted) - log_k[right - 1]) / (log_k[right] - log_k[right - 1]), 0.0, 1.0)[:, None]
        return np.asarray(((1 - share) * flat[right - 1] + share * flat[right]) / wanted[:, None])

    def take(self, columns: IntVector) -> Guide:
        """The same for some points."""
        return Guide(self.sizes, self.expected[:, columns])

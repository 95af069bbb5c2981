"""What is known of ψ_k without the draws that a law is fitted to, as an estimator reads it: `Guide`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.types import FloatMatrix, FloatVector, IntVector, RowDeviation

__all__ = ["Guide"]


@dataclass(frozen=True, eq=False)
class Guide:
    """Expected contributions at a few sizes: by a learner's formula (`Learner.expected_contributions`), or the mean of its
    surrogate over many coalitions (`surrogate`).

    sizes (g,) increasing; expected (g, p) ψ_k of each point, in the unit of the loss.
    modes (q, g, p): independent directions of one standard deviation each in which ``expected`` may be off, along the sizes.
    control (m, p): what the guide says of each draw itself, whose mean over coalitions is ``expected``: the surrogate of the
    coalitions drawn. Draws are then judged by how far they are from it, without the noise that both share.
    rows: what other valuation rows would change, which neither draws nor the guide can see; intervals add it.

    Raises ArgumentError where the shapes do not go together or an expected value is not finite.
    """

    sizes: FloatVector
    expected: FloatMatrix
    modes: NDArray[np.float64] | None = None
    control: NDArray[Any] | None = None
    rows: RowDeviation | None = None

    def __post_init__(self) -> None:
        k, psi = np.asarray(self.sizes, dtype=np.float64), np.asarray(self.expected, dtype=np.float64)
        if k.ndim != 1 or k.size == 0 or np.any(np.diff(k) <= 0) or not np.all(np.isfinite(k)) or k[0] < 1:
            raise ArgumentError("sizes", "be a list of increasing sizes", k.shape, "Sort the sizes and drop repeats.")
        if psi.ndim != 2 or psi.shape[0] != k.size or not np.all(np.isfinite(psi)):
            raise ArgumentError(
                "expected", f"be finite, one row for each of {k.size} sizes", psi.shape, "Pass (g, p) values."
            )
        if self.modes is not None and self.modes.shape[1:] != psi.shape:
            required = f"have shape (q, {psi.shape[0]}, {psi.shape[1]})"
            raise ArgumentError("modes", required, self.modes.shape, "Pass them at the sizes of expected.")
        if self.control is not None and self.control.shape[1:] != psi.shape[1:]:
            required = f"have shape (m, {psi.shape[1]})"
            raise ArgumentError("control", required, self.control.shape, "Pass one row a draw, one column a point.")
        object.__setattr__(self, "sizes", k)
        object.__setattr__(self, "expected", psi)

    def at(self, sizes: ArrayLike) -> FloatMatrix:
        """Expected contributions (m, p) at sizes (m,): k ψ_k, linear in log k. Raises ArgumentError outside the sizes."""
        return self._read(self.expected, sizes)

    def modes_at(self, sizes: ArrayLike) -> NDArray[np.float64]:
        """The modes (q, m, p) at sizes (m,), read likewise; none where the guide takes itself for exact."""
        if self.modes is None:
            return np.zeros((0, np.asarray(sizes).size, self.expected.shape[1]))
        return np.stack([self._read(mode, sizes) for mode in self.modes])

    def less(self, delta: NDArray[Any], sizes: FloatVector) -> NDArray[Any]:
        """How far draws (m, p) are from what the guide says of them; NaN where either is missing."""
        return np.asarray(delta - (self.at(sizes) if self.control is None else self.control))

    def take(self, columns: IntVector, rows: IntVector | None = None) -> Guide:
        """The same for some points, and some draws."""
        modes = None if self.modes is None else self.modes[:, :, columns]
        control = self.control
        if control is not None:
            control = control[:, columns] if rows is None else control[np.ix_(rows, columns)]
        beside = None if self.rows is None else self.rows.take(columns)
        return Guide(self.sizes, self.expected[:, columns], modes, control, beside)

    def _read(self, values: FloatMatrix, sizes: ArrayLike) -> FloatMatrix:
        wanted = np.asarray(sizes, dtype=np.float64)
        # a thousandth beyond is rounding of sizes: test_guide.py::test_sizes_outside_are_refused_but_for_rounding
        least, most = float(self.sizes[0]), float(self.sizes[-1])
        if wanted.min() < least * 0.999 or wanted.max() > most * 1.001:
            required = f"span the draws' sizes, {wanted.min():g} to {wanted.max():g}"
            raise ArgumentError("guide", required, f"{least:g} to {most:g}", "Ask the formula for more sizes.")
        log_k, flat = np.log(self.sizes), values * self.sizes[:, None]
        if self.sizes.size == 1:
            return np.repeat(flat, wanted.size, axis=0) / wanted[:, None]
        right = np.clip(np.searchsorted(log_k, np.log(wanted)), 1, self.sizes.size - 1)
        share = np.clip((np.log(wanted) - log_k[right - 1]) / (log_k[right] - log_k[right - 1]), 0.0, 1.0)[:, None]
        return np.asarray(((1 - share) * flat[right - 1] + share * flat[right]) / wanted[:, None])

"""ψ_k as a curve along the sizes, with what it may be off by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["Curve", "curve_of"]


@dataclass(frozen=True, eq=False)
class Curve:
    """ψ_k at some sizes (g, p), and independent directions of one standard deviation in which it may be off (q, g, p)."""

    psi: FloatMatrix
    modes: NDArray[np.float64]

    @property
    def variance(self) -> FloatMatrix:
        """Of ψ_k, (g, p)."""
        return np.asarray((self.modes**2).sum(axis=0))


def curve_of(laws: Laws, sizes: FloatVector) -> Curve:
    """Power laws at sizes (g,); their two modes are the roots of the covariance of (amplitude, α), carried along the law."""
    x = np.log(sizes / laws.center)
    f = np.exp(-laws.alpha * x[:, None])
    moves = np.stack([f, -laws.psi(laws.center) * x[:, None] * f])  # ψ_k with amplitude and with α, (2, g, p)
    values, vectors = np.linalg.eigh(laws.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return Curve(np.stack([laws.psi(k) for k in sizes]), np.einsum("igp,piq->qgp", moves, root))

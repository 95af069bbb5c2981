"""Draws of known laws, independent and normal: where the truth is a power law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SyntheticDraws", "synthetic_draws"]

_MIDDLE = 316.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SyntheticDraws:
    """delta (m, p) at sizes (m,), and the laws behind them: amplitude at k = 316 and alpha, each (p,)."""

    delta: NDArray[np.float32]
    sizes: Floats
    amplitude: Floats
    alpha: Floats

    def psi(self, k: float) -> Floats:
        """The true ψ_k, (p,)."""
        return np.asarray(self.amplitude * (k / _MIDDLE) ** -self.alpha)


def synthetic_draws(n_points: int, n_draws: int, seed: int, strength: float = 0.6) -> SyntheticDraws:
    """Shared log-uniform sizes from 100 to 1000; ``strength``: spread of the amplitudes in units of one draw's noise."""
    rng = np.random.default_rng(seed)
    sizes = np.round(np.exp(rng.uniform(np.log(100), np.log(1000), n_draws))).astype(np.float64)
    x = np.log(sizes / _MIDDLE)[:, None]
    alpha, beta = rng.normal(1.1, 0.3, n_points), rng.normal(2.5, 0.4, n_points)
    noise = np.exp(rng.normal(-7, 1, n_points))
    amplitude = noise * rng.normal(0.1, strength, n_points)
    delta = amplitude * np.exp(-alpha * x) + noise * np.exp(-beta / 2 * x) * rng.normal(size=(n_draws, n_points))
    return SyntheticDraws(delta.astype(np.float32), sizes, amplitude, alpha)

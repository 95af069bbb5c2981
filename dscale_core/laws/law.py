"""The individual scaling law and its likelihood.

Notation (used in names and docstrings of this package; other modules refer to this table)

====== ==================== ==================================================================================
symbol name                 meaning
====== ==================== ==================================================================================
z      point                a pool point; a column of the draws
D      coalition            a random subset of the pool that does not contain z; a row of the draws
k      size                 number of points in D
δ      delta                contribution L(f_D) − L(f_{D∪z}); **positive helps**; unit of the loss L
ψ_k    psi                  E[δ] over random D of size k: ψ_k = c k^(−α)
c      c                    amplitude of the law at k = 1; negative where the point harms; unit of the loss
α      alpha                exponent of the mean: how fast the contribution fades
σ      sigma                standard deviation of δ at k = 1; unit of the loss
β      beta                 exponent of the noise: Var δ = σ² k^(−β)
k0     center               geometric mean of the sampled sizes; x = log(k / k0) is the centred log size
a      amplitude            ψ at the centre, c k0^(−α): almost uncorrelated with α where c is not
====== ==================== ==================================================================================

Model: δ_j ~ Normal(c k_j^(−α), σ² k_j^(−β)), independent over draws j. Given (α, β), the likelihood is largest at
c = Σ δ k^(β−α) / Σ k^(β−2α) and σ² = mean of k^β (δ − c k^(−α))².
Source: Covert, Ji, Hashimoto, Zou, *Scaling Laws for the Value of Individual Data Points in Machine Learning*, ICML 2024.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MAX_EXPONENT",
    "MIN_EXPONENT",
    "negative_log_likelihood",
    "power_law",
]

Floats = NDArray[np.float64]

# The publication optimises log α and log β, both at most 2, without a lower bound: exponents are positive and at most e².
MAX_EXPONENT = exp(2.0)
# Zero to every purpose, since k^1e-12 is 1 to eleven digits, and yet a place inside the box that a step can leave. Both hold
# in test_maximum.py::test_points_at_a_bound_of_the_exponents_are_marked.
MIN_EXPONENT = 1e-12


def power_law(k: ArrayLike, c: ArrayLike, alpha: ArrayLike) -> Floats:
    """ψ_k = c k^(−α), in the unit of c; arguments broadcast."""
    exponent = -np.asarray(alpha, dtype=np.float64)
    return np.asarray(np.asarray(c, dtype=np.float64) * np.power(np.asarray(k, dtype=np.float64), exponent))


def negative_log_likelihood(delta: Floats, sizes: Floats, c: float, alpha: float, sigma: float, beta: float) -> float:
    """−log p(δ | c, α, σ, β) of one point, summed over its m draws, in nats. Needs sigma > 0."""
    variance = sigma**2 * sizes**-beta
    residual = delta - power_law(sizes, c, alpha)
    return float(0.5 * np.sum(np.log(2 * np.pi * variance) + residual**2 / variance))

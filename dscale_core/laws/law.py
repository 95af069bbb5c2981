"""The individual scaling law, its likelihood and its closed forms.

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

Model: δ_j ~ Normal(c k_j^(−α), σ² k_j^(−β)), independent over draws j. Given (α, β), c and σ have closed forms.
Source: Covert, Ji, Hashimoto, Zou, *Scaling Laws for the Value of Individual Data Points in Machine Learning*, ICML 2024.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MAX_EXPONENT",
    "MIN_EXPONENT",
    "closed_form_c",
    "closed_form_variance",
    "negative_log_likelihood",
    "power_law",
]

Floats = NDArray[np.float64]

# The publication optimises log α and log β, both at most 2, without a lower bound: exponents are positive and at most e².
MAX_EXPONENT = exp(2.0)
MIN_EXPONENT = 1e-12


def power_law(k: ArrayLike, c: ArrayLike, alpha: ArrayLike) -> Floats:
    """ψ_k = c k^(−α), in the unit of c; arguments broadcast."""
    exponent = -np.asarray(alpha, dtype=np.float64)
    return np.asarray(np.asarray(c, dtype=np.float64) * np.power(np.asarray(k, dtype=np.float64), exponent))


def closed_form_c(delta: Floats, sizes: Floats, alpha: float, beta: float) -> float:
    """c = Σ δ k^(β−α) / Σ k^(β−2α) of one point: delta (m,) finite, sizes (m,)."""
    return float(np.sum(delta * sizes ** (beta - alpha)) / np.sum(sizes ** (beta - 2 * alpha)))


def closed_form_variance(delta: Floats, sizes: Floats, c: float, alpha: float, beta: float) -> float:
    """σ² = mean(k^β (δ − c k^(−α))²) of one point: delta (m,) finite, sizes (m,)."""
    return float(np.mean(sizes**beta * (delta - c * sizes**-alpha) ** 2))


def negative_log_likelihood(delta: Floats, sizes: Floats, c: float, alpha: float, sigma: float, beta: float) -> float:
    """−log p(δ | c, α, σ, β) of one point, summed over its m draws, in nats. Needs sigma > 0."""
    variance = sigma**2 * sizes**-beta
    residual = delta - power_law(sizes, c, alpha)
    return float(0.5 * np.sum(np.log(2 * np.pi * variance) + residual**2 / variance))

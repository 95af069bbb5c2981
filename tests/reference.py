"""Slow, literal formulas that the fast code is held against: plain loops, one point at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from dscale_core.types import Laws

Floats = NDArray[np.float64]
MAX_EXPONENT = np.exp(2.0)


@dataclass(frozen=True)
class KnownDraws:
    """Draws of known laws: delta (m, p), sizes (m,), and the truth (p,); psi is known at every size."""

    delta: Floats
    sizes: Floats
    c: Floats
    alpha: Floats
    sigma: Floats
    beta: Floats

    def psi(self, k: float) -> Floats:
        return self.c * k**-self.alpha


def known_draws(points: int, draws: int, seed: int, signal: float = 1.0, low: int = 100, high: int = 1000) -> KnownDraws:
    """Independent normal draws; ``signal``: typical ratio of the mean to one draw's noise at the middle size."""
    rng = np.random.default_rng(seed)
    sizes = np.round(np.exp(rng.uniform(np.log(low), np.log(high), draws)))
    sizes[:2] = low, high
    middle = np.sqrt(low * high)
    alpha, beta = rng.normal(1.1, 0.25, points), rng.normal(2.2, 0.4, points)
    noise = np.exp(rng.normal(-6, 1, points))
    amplitude = noise * signal * rng.normal(0.3, 1.0, points)
    x = np.log(sizes / middle)[:, None]
    delta = amplitude * np.exp(-alpha * x) + noise * np.exp(-beta / 2 * x) * rng.normal(size=(draws, points))
    return KnownDraws(delta, sizes, amplitude * middle**alpha, alpha, noise * middle ** (beta / 2), beta)


def laws_of(
    c: ArrayLike, alpha: ArrayLike, sigma: ArrayLike = 1.0, beta: ArrayLike = 2.0,
    covariance: ArrayLike = 0.0, center: float = 316.0, sizes: tuple[int, int] = (100, 1000), **more: Any,
) -> Laws:  # fmt: skip
    """Power laws of these parameters, which may broadcast; covariance (2, 2) or (p, 2, 2) of (ψ at the centre, α)."""
    c, alpha, sigma, beta = np.array(np.broadcast_arrays(*np.atleast_1d(c, alpha, sigma, beta)), dtype=np.float64)
    p = c.size
    values: dict[str, Any] = {
        "method": "given", "c": c, "alpha": alpha, "sigma": sigma, "beta": beta, "alpha_low": alpha - 0.2,
        "alpha_high": alpha + 0.3, "status": np.full(p, "ok", dtype="<U13"), "n_draws": np.full(p, 30),
        "lack_of_fit": np.full(p, np.nan),
        "covariance": np.broadcast_to(covariance, (p, 2, 2)).astype(np.float64), "center": center,
        "min_size": sizes[0], "max_size": sizes[1],
    }  # fmt: skip
    return Laws(**(values | more))


def log_likelihood(delta: Floats, sizes: Floats, c: float, alpha: float, sigma: float, beta: float) -> float:
    """Σ log Normal(δ_j | c k_j^(−α), σ² k_j^(−β)) over the finite draws."""
    total = 0.0
    for d, k in zip(delta, sizes, strict=True):
        if np.isfinite(d):
            variance = sigma**2 * k**-beta
            total -= 0.5 * (np.log(2 * np.pi * variance) + (d - c * k**-alpha) ** 2 / variance)
    return total


def closed_forms(delta: Floats, sizes: Floats, alpha: float, beta: float) -> tuple[float, float]:
    """c and σ given the exponents, term by term."""
    top = bottom = 0.0
    for d, k in zip(delta, sizes, strict=True):
        top += d * k ** (beta - alpha)
        bottom += k ** (beta - 2 * alpha)
    c = top / bottom
    squares = [k**beta * (d - c * k**-alpha) ** 2 for d, k in zip(delta, sizes, strict=True)]
    return c, float(np.sqrt(sum(squares) / len(squares)))


def fit_likelihood(delta: Floats, sizes: Floats) -> tuple[float, float, float, float, float]:
    """c, α, σ, β, log-likelihood by a general-purpose optimiser from many starts."""

    def loss(exponents: Floats) -> float:
        alpha, beta = exponents
        c, sigma = closed_forms(delta, sizes, alpha, beta)
        return -log_likelihood(delta, sizes, c, alpha, sigma, beta)

    best = None
    for alpha in (0.1, 1.0, 2.0, 5.0):
        for beta in (0.5, 2.0, 4.0):
            found = minimize(loss, [alpha, beta], method="L-BFGS-B", bounds=[(1e-12, MAX_EXPONENT)] * 2)
            best = found if best is None or found.fun < best.fun else best
    alpha, beta = best.x
    c, sigma = closed_forms(delta, sizes, alpha, beta)
    return c, alpha, sigma, beta, -best.fun


def fit_log_linear(delta: Floats, sizes: Floats) -> tuple[float, float]:
    """c, α of the log estimator for listed sizes: polyfit of log10|mean| on −log10 k, then least squares for c."""
    listed = sorted(set(sizes))
    means = [delta[sizes == k].mean() for k in listed]
    alpha = np.polyfit([-np.log10(k) for k in listed], [np.log10(abs(m)) for m in means], 1)[0]
    f = np.array([k**-alpha for k in sizes])
    return float((delta * f).sum() / (f * f).sum()), float(alpha)


def mean_psi(c: float, alpha: float, low: int, high: int) -> float:
    """Mean of c k^(−α) over the integers low..high, one by one."""
    return sum(c * k**-alpha for k in range(low, high + 1)) / (high - low + 1)


def fit_two_term(delta: Floats, sizes: Floats, beta: float) -> tuple[Floats, Floats]:
    """(a, b) of a/k + b/k² by least squares on rows scaled by k^(β/2), and their covariance."""
    weight = sizes ** (beta / 2)
    design = np.stack([weight / sizes, weight / sizes**2], axis=1)
    terms = np.linalg.lstsq(design, weight * delta, rcond=None)[0]
    residual = weight * delta - design @ terms
    return terms, np.linalg.inv(design.T @ design) * (residual @ residual) / (delta.size - 2)


def student_nodes(
    y: Floats, x: Floats, alpha: Floats, beta: Floats, ratio: Floats, degrees: float, scale2: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """The conjugate model of one point by linear algebra, at nodes given by arrays alike in length.

    y ~ Student(ν, 0, s0² (W⁻¹ + v f f')) with f = e^(−αx) and W = e^(βx). Log density of y, mean and variance of the
    amplitude, and mean of the noise's variance, each one a node.
    """
    n = y.size
    f = np.exp(-alpha[:, None] * x)
    K = np.exp(-beta[:, None] * x)[:, :, None] * np.eye(n) + ratio[:, None, None] * f[:, :, None] * f[:, None, :]
    of_y = np.linalg.solve(K, np.broadcast_to(y[:, None], (alpha.size, n, 1)))[..., 0]
    of_f = np.linalg.solve(K, f[..., None])[..., 0]
    squares = of_y @ y
    log_density = -0.5 * np.linalg.slogdet(K)[1] - 0.5 * (degrees + n) * np.log(degrees * scale2 + squares)
    noise = (degrees * scale2 + squares) / (degrees + n - 2)
    mean = ratio * (f * of_y).sum(axis=1)
    variance = noise * (ratio - ratio**2 * (f * of_f).sum(axis=1))
    return log_density, mean, variance, noise

"""Slow, literal formulas that the fast code is held against: plain loops, one point at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

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

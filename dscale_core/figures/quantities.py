"""What of a law can be drawn, by name: its values (one a point), its axis title and its unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dscale_core.errors import NotFoundError
from dscale_core.types import FloatVector, IntVector, Laws

__all__ = ["QUANTITIES", "Quantity", "fitted_count", "log10_magnitude", "quantity"]

QUANTITIES: dict[str, str] = {
    "alpha": "exponent α",
    "psi": "expected contribution ψ at size k",
    "log10_c": "scale log₁₀ |c|",
    "log10_sigma2": "noise log₁₀ σ²",
    "beta": "noise exponent β",
    "lack_of_fit": "lack of fit",
}


@dataclass(frozen=True, eq=False)
class Quantity:
    """One number a point, with the words for its axis. NaN where the point has no law (or c is zero under a logarithm)."""

    name: str
    title: str  # axis title with unit
    short: str  # the symbol, for hovers
    values: FloatVector  # (p,)
    points: IntVector  # (p,)


def quantity(laws: Laws, name: str, k: float | None = None, unit: str = "") -> Quantity:
    """The quantity called `name` (a key of `QUANTITIES`); `k` is needed for ``psi`` alone, `unit` is that of the loss.

    Raises NotFoundError for an unknown name.
    """
    if name not in QUANTITIES:
        raise NotFoundError(f"There is no quantity {name!r}. Choose one of {', '.join(QUANTITIES)}.")
    per = f", c in {unit}" if unit else ""
    noise = f", σ in {unit}" if unit else ""
    at = laws.max_size if k is None else k
    titles = {
        "alpha": ("exponent α (no unit)", "α"),
        "psi": (f"ψ at k = {at:,.0f} ({unit or 'unit of the loss'}; positive helps)", "ψ"),
        "log10_c": (f"log₁₀ |c| (dex{per})", "log₁₀ |c|"),
        "log10_sigma2": (f"log₁₀ σ² (dex{noise})", "log₁₀ σ²"),
        "beta": ("noise exponent β (no unit)", "β"),
        "lack_of_fit": ("lack of fit (standard errors of the means; about 1 if right)", "lack of fit"),
    }
    title, short = titles[name]
    return Quantity(name, title, short, _values(laws, name, at), laws.points)


def _values(laws: Laws, name: str, k: float) -> FloatVector:
    if name == "psi":
        return laws.psi(k)
    if name == "log10_c":
        return log10_magnitude(laws.c)
    if name == "log10_sigma2":
        return 2 * log10_magnitude(laws.sigma)
    return np.asarray(getattr(laws, name), dtype=np.float64)


def log10_magnitude(values: FloatVector) -> FloatVector:
    """log10 |x|; NaN where x is zero or not finite."""
    magnitude = np.abs(values)
    usable = np.isfinite(magnitude) & (magnitude > 0)
    return np.where(usable, np.log10(np.where(usable, magnitude, 1.0)), np.nan)


def fitted_count(laws: Laws) -> int:
    """How many points have a law at all (finite alpha)."""
    return int(np.isfinite(laws.alpha).sum())

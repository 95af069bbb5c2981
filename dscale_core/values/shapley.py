"""Data Shapley values that follow from the laws: the mean of ψ_k over the sizes.

The Shapley value of a point is its expected contribution to a random coalition whose size is uniform over the sizes, so
with ψ_k = c k^(−α) it needs no further training: (1 / K) Σ c k^(−α) over the K integer sizes of a range, both ends
included; of the two-term law likewise, and of a curve that leaves its law.
Source: Ghorbani and Zou, *Data Shapley*, ICML 2019; Covert et al., ICML 2024.
"""

from __future__ import annotations

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.types import FloatVector, IntVector, Laws

__all__ = ["read_sizes", "shapley_from_laws"]

_BLOCK_ELEMENTS = 1_000_000
_MOST_SIZES = 64  # at which what changes smoothly is read; the mean of 900 of them differs by less than 1 % of itself


def shapley_from_laws(laws: Laws, min_size: int, max_size: int) -> FloatVector:
    """Mean of ψ_k over the integers k from min_size to max_size, both included: (p,), unit of the loss; positive helps.

    NaN where a point has no law. Raises ArgumentError unless 1 <= min_size <= max_size, both whole numbers.

    >>> from dscale_core import fit_laws
    >>> k = np.geomspace(50, 500, 40)
    >>> laws = fit_laws(np.outer(1 / k, [0.5, -0.5]), k, method="likelihood")
    >>> shapley_from_laws(laws, 50, 500).round(5).tolist()
    [0.00256, -0.00256]
    """
    for name, size in (("min_size", min_size), ("max_size", max_size)):
        if size != int(size) or size < 1:
            raise ArgumentError(name, "be a whole number of at least 1", size, "Use a size such as 100.")
    if max_size < min_size:
        got = f"min_size={min_size}, max_size={max_size}"
        raise ArgumentError("max_size", "be at least min_size", got, "Raise max_size or lower min_size.")
    if laws.form == "two_term":
        k = np.arange(int(min_size), int(max_size) + 1, dtype=np.float64)
        a, b = laws.terms
        two_terms: FloatVector = a * np.mean(1 / k) + b * np.mean(1 / k**2)
        return two_terms
    total = np.zeros(laws.c.size)
    # ψ_k = ψ_min (k / min)^(−α): relative to one end the powers stay within range however large α is.
    log_ratio = np.log(np.arange(int(min_size), int(max_size) + 1) / min_size)
    points = max(1, _BLOCK_ELEMENTS // log_ratio.size)
    sizes = min(log_ratio.size, _BLOCK_ELEMENTS)
    for start in range(0, total.size, points):
        part = slice(start, start + points)
        for first in range(0, log_ratio.size, sizes):
            total[part] += np.exp(-laws.alpha[part, None] * log_ratio[first : first + sizes]).sum(axis=1)
    mean = laws.power_law(min_size) * total / log_ratio.size
    if laws.curve.size:
        for size, weight in zip(*read_sizes(int(min_size), int(max_size)), strict=True):
            mean += weight * (laws.psi(float(size)) - laws.power_law(float(size)))
    return mean


def read_sizes(low: int, high: int) -> tuple[IntVector, FloatVector]:
    """Some of the sizes of a range, and their weights in its mean when straight lines run between them."""
    if high - low < _MOST_SIZES:
        sizes = np.arange(low, high + 1)
    else:
        sizes = np.unique(np.rint(np.geomspace(low, high, _MOST_SIZES)).astype(np.int64))
    return sizes, _shares(sizes)


def _shares(sizes: IntVector) -> FloatVector:
    """Weights of the sum over all integers from the first to the last size, when straight lines run between sizes."""
    total = np.zeros(sizes.size)
    gaps = np.diff(sizes).astype(np.float64)
    # of the integers after one size and up to the next, (g - 1) / 2 count for the former and (g + 1) / 2 for the latter
    total[:-1] += (gaps - 1) / 2
    total[1:] += (gaps + 1) / 2
    total[0] += 1
    return np.asarray(total / (sizes[-1] - sizes[0] + 1))

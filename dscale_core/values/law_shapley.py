"""The value ``law_shapley``: the mean of ψ_k over all sizes of a range, with its error.

The laws' errors at two sizes are taken as one error seen twice (fully correlated): a law that is too high at one size is
too high at the next. The standard deviation of the mean is then the mean of the standard deviations, never less than the
truth. It changes smoothly with k, so long ranges are read at some sizes and summed by the trapezoidal rule.
"""

from __future__ import annotations

import numpy as np

from dscale_core.intervals import Z90
from dscale_core.types import FloatVector, Laws, Values
from dscale_core.values.shapley import read_sizes, shapley_from_laws
from dscale_core.values.valuing import ValueInputs

__all__ = ["value"]


def value(given: ValueInputs) -> Values:
    """Mean of ψ_k and of its standard deviation over the sizes of the range, both ends included."""
    assert given.laws is not None  # `compute_value` has seen to it
    mean = shapley_from_laws(given.laws, given.min_size, given.max_size)
    error = _mean_deviation(given.laws, given.min_size, given.max_size)
    return Values("law_shapley", given.laws.points, mean, error, given.unit)


def _mean_deviation(laws: Laws, low: int, high: int) -> FloatVector:
    sizes, weights = read_sizes(low, high)
    total = np.zeros(laws.c.size)
    for size, weight in zip(sizes, weights, strict=True):
        ends = laws.psi_interval(float(size))
        total += weight * (ends[1] - ends[0]) / (2 * Z90)
    return total

"""The laws' data Shapley with its error: the mean of the intervals' deviations over all sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from valued import given, simulated

from dscale_core.errors import ArgumentError
from dscale_core.intervals import Z90
from dscale_core.laws import fit_laws
from dscale_core.types import Laws
from dscale_core.values import compute_value, shapley_from_laws
from dscale_core.values.shapley import read_sizes


@pytest.fixture(scope="module")
def laws() -> Laws:
    draws, _ = simulated(0, 200, 6, noise=0.05)
    return fit_laws(draws.delta, draws.sizes, "likelihood")


def literal_error(laws: Laws, low: int, high: int) -> np.ndarray:
    """Mean of the standard deviations at every integer."""
    ends = [laws.psi_interval(float(k)) for k in range(low, high + 1)]
    return np.mean([(upper - lower) / (2 * Z90) for lower, upper in ends], axis=0)


def test_the_value_is_shapley_from_laws(laws: Laws) -> None:
    found = compute_value("law_shapley", given(laws=replace(laws, points=np.arange(10, 16))))
    np.testing.assert_array_equal(found.value, shapley_from_laws(laws, 20, 200))
    assert (found.name, found.unit, found.points.tolist()) == ("law_shapley", "nats", list(range(10, 16)))


@pytest.mark.parametrize(("low", "high"), [(20, 20), (20, 83), (137, 200)])
def test_short_ranges_are_read_at_every_size(laws: Laws, low: int, high: int) -> None:
    found = compute_value("law_shapley", given(laws=laws, min_size=low, max_size=high))
    np.testing.assert_allclose(found.error, literal_error(laws, low, high), rtol=1e-12)


@pytest.mark.parametrize(("low", "high"), [(20, 84), (20, 200), (5, 3000)])
@pytest.mark.parametrize("method", ["likelihood", "two_term", "shrinkage"])
def test_long_ranges_are_read_at_some_within_one_percent(method: str, low: int, high: int) -> None:
    draws, _ = simulated(0, 200, 6, noise=0.05)
    fitted = fit_laws(draws.delta, draws.sizes, method, passes=draws.passes)
    found = compute_value("law_shapley", given(laws=fitted, min_size=low, max_size=high))
    np.testing.assert_allclose(found.error, literal_error(fitted, low, high), rtol=0.01)


@pytest.mark.parametrize(("low", "high"), [(3, 3), (3, 4), (1, 500), (100, 1000)])
def test_shares_sum_straight_lines_exactly(low: int, high: int) -> None:
    sizes, shares = read_sizes(low, high)
    assert (sizes[0], sizes[-1]) == (low, high)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares * (2.0 * sizes - 7)).sum() == pytest.approx(np.mean(2.0 * np.arange(low, high + 1) - 7))


def test_a_point_without_a_law_has_no_value(laws: Laws) -> None:
    holes = replace(laws, c=np.where(np.arange(6) == 2, np.nan, laws.c), covariance=laws.covariance.copy())
    holes.covariance[2] = np.nan
    found = compute_value("law_shapley", given(laws=holes))
    np.testing.assert_array_equal(np.isnan(found.value), np.arange(6) == 2)
    np.testing.assert_array_equal(np.isnan(found.error), np.arange(6) == 2)


def test_it_needs_laws() -> None:
    with pytest.raises(ArgumentError, match="laws must be given for the value 'law_shapley'"):
        compute_value("law_shapley", given())

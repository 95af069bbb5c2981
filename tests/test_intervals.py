"""Half-widths about a value that is off, against the normal distribution itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from dscale_core.intervals import half_width


@given(ratio=st.floats(0, 1e6), spread=st.floats(1e-200, 1e200), level=st.floats(0.55, 0.999))
def test_the_interval_holds_what_it_says(ratio: float, spread: float, level: float) -> None:
    h = float(half_width(np.array([spread]), np.array([ratio * spread]), level)[0]) / spread
    assert norm.cdf(h - ratio) - norm.cdf(-h - ratio) == pytest.approx(level, abs=1e-6 + 1e-9 * ratio)


def test_the_limits_are_the_two_sided_and_the_one_sided_quantile() -> None:
    h = half_width(np.array([2.0, 2.0, 0.0, np.nan]), np.array([0.0, -100.0, 0.3, 1.0]), 0.9)
    np.testing.assert_allclose(h[:3], [2 * 1.6448536, 100 + 2 * 1.2815516, 0.3], rtol=1e-6)
    assert np.isnan(h[3])


def test_without_offsets_it_is_the_normal_quantile_and_low_levels_are_never_below_the_offset() -> None:
    np.testing.assert_allclose(half_width(np.array([1.0, 3.0]), np.zeros(2), 0.5), np.array([1.0, 3.0]) * norm.ppf(0.75))
    assert half_width(np.array([1.0]), np.array([1.0]), 0.2)[0] == 1.0

"""Half-widths about a value that is off, against the normal distribution itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from dscale_core.intervals import Z90, Z90_ROUNDED, half_width, two_sided


def test_the_quantile_is_that_of_the_normal_distribution() -> None:
    levels = np.linspace(0.01, 0.999, 50)
    np.testing.assert_allclose([two_sided(level) for level in levels], norm.ppf((1 + levels) / 2), rtol=1e-12)
    assert pytest.approx(norm.ppf(0.95), rel=1e-12) == Z90
    assert 0 < abs(Z90 - Z90_ROUNDED) <= 3 * np.spacing(Z90)


@pytest.mark.parametrize("level", [0.01, 0.2, 0.5, 0.9, 0.9999])
def test_it_is_the_root_of_its_equation_or_the_offset(level: float) -> None:
    ratios = np.r_[np.linspace(0, 5, 101), 10.0, 19.0, 21.0, 40.0]
    for ratio, h in zip(ratios, half_width(np.ones(ratios.size), ratios, level), strict=True):
        root = brentq(lambda x, o=ratio: norm.cdf(x - o) - norm.cdf(-x - o) - level, 0, ratio + 10, xtol=1e-13, rtol=1e-13)
        assert h == pytest.approx(max(root, ratio), abs=1e-11)


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


def test_where_nothing_spreads_it_is_the_offset() -> None:
    assert half_width(np.zeros(2), np.array([0.0, -0.3]), 0.9).tolist() == [0.0, 0.3]


def test_offsets_far_beyond_the_spread_and_single_precision_lose_nothing() -> None:
    far = half_width(np.array([1.0, 1e140]), np.array([1e200, 1e150]), 0.9)
    np.testing.assert_allclose(far, [1e200, 1e150 + 1.2815516e140], rtol=1e-15)
    single = half_width(np.array([0.1], dtype=np.float32), np.zeros(1, dtype=np.float32), 0.9)
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, np.float64(np.float32(0.1)) * norm.ppf(0.95), rtol=1e-12)

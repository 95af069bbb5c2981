"""One correlation of values and one of ranks, held against scipy's and against what any correlation must obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from dscale_core.correlation import pearson, spearman

BOTH = pytest.mark.parametrize("correlation", [pearson, spearman])
# few values, so that many are equal; and any
_NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, allow_subnormal=False))
PAIRS = st.lists(st.tuples(_NUMBERS, _NUMBERS), min_size=2, max_size=40).map(lambda pairs: np.array(pairs).T)
NAN = float("nan")


def _varied(values: np.ndarray) -> bool:
    return bool(np.std(values) > 1e-9 * np.abs(values).max())


@given(PAIRS)
def test_they_are_scipys(pairs: np.ndarray) -> None:
    x, y = pairs
    assume(_varied(x) and _varied(y))
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-6)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_equal_values_share_a_rank() -> None:
    # ranks 1.5, 1.5, 3, 4 and 1, 2.5, 2.5, 4; deviations -1, -1, .5, 1.5 and -1.5, 0, 0, 1.5
    assert spearman([5, 5, 7, 9], [0, 2, 2, 8]) == pytest.approx(3.75 / 4.5, rel=1e-15)


@BOTH
def test_pairs_that_are_not_finite_are_left_out(correlation) -> None:
    x = np.array([NAN, 1.0, 2.0, np.inf, 4.0, 0.5, 3.0])
    y = np.array([1.0, NAN, 2.5, 2.0, -np.inf, 0.5, 1.0])
    assert correlation(x, y) == correlation(x[[2, 5, 6]], y[[2, 5, 6]])


@BOTH
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([1.0, NAN, 3.0], [NAN, 2.0, 3.0]),
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]),
        ([1.0, 2.0, NAN], [4.0, 4.0, 5.0]),
    ],
    ids=[
        "none",
        "one pair",
        "one finite pair",
        "one does not vary",
        "the other does not",
        "nor does it where both are finite",
    ],
)
def test_where_it_is_undefined_it_is_nan(correlation, x: list[float], y: list[float]) -> None:
    assert np.isnan(correlation(x, y))
    assert np.isnan(correlation(y, x))


def test_rounding_is_no_variation() -> None:
    same = np.array([0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2])
    assert np.ptp(same) > 0
    assert np.isnan(pearson(same, [1.0, 2.0, 3.0, 4.0]))
    assert pearson(1.0 + np.array([0.0, 1e-12, 2e-12]), [1.0, 2.0, 3.0]) == pytest.approx(1.0, abs=1e-6)


@BOTH
@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e-300, 1e-150, 1e150, 1e300, 1.7e308 / 4])
def test_no_scale_is_too_small_or_too_large(correlation, scale: float) -> None:
    x, y = np.array([1.0, 3.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0, 3.0])
    with np.errstate(all="raise", under="ignore"):
        assert correlation(scale * x, y) == pytest.approx(correlation(x, y), rel=1e-12)
        assert correlation(y, -scale * x) == pytest.approx(-correlation(x, y), rel=1e-12)
        assert correlation(scale * x, scale * x) == pytest.approx(1.0, abs=1e-15)


@BOTH
@given(pairs=PAIRS, seed=st.integers(0, 99))
def test_neither_the_order_of_the_pairs_nor_of_the_two_matters(correlation, pairs: np.ndarray, seed: int) -> None:
    x, y = pairs
    order = np.random.default_rng(seed).permutation(x.size)
    found = correlation(x, y)
    assert correlation(y, x) == found or np.isnan(found)
    assert correlation(x[order], y[order]) == pytest.approx(found, abs=1e-9, nan_ok=True)
    assert np.isnan(found) or -1 <= found <= 1


@BOTH
def test_rounding_does_not_bring_it_beyond_one(correlation) -> None:
    # lengths and a product of vectors are rounded: of many that are one another's multiple some come out above 1
    for n in range(2, 60):
        x = np.random.default_rng(n).normal(size=n)
        assert 1 - 1e-15 <= correlation(x, 3 * x) <= 1
        assert -1 <= correlation(x, -3 * x) <= -1 + 1e-15


@given(pairs=PAIRS)
def test_ranks_know_only_the_order(pairs: np.ndarray) -> None:
    x, y = pairs
    stretched = np.sign(x) * np.square(x / 4) + 3 * x
    assume(np.unique(stretched).size == np.unique(x).size)
    assert spearman(stretched, y) == pytest.approx(spearman(x, y), abs=1e-12, nan_ok=True)

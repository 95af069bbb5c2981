"""A guide: how it is read between its sizes, what it says of draws, and what it refuses."""

from typing import Any

import numpy as np
import pytest

from dscale_core.errors import ArgumentError
from dscale_core.laws.problem import Guide

SIZES = np.array([100.0, 300.0, 500.0, 1000.0])


def _guide(control: bool = False) -> Guide:
    rng = np.random.default_rng(0)
    expected, modes = rng.normal(size=(4, 3)), rng.normal(size=(2, 4, 3))
    return Guide(SIZES, expected, modes, rng.normal(size=(6, 3)) if control else None)


def _read(values: np.ndarray, k: np.ndarray) -> np.ndarray:
    """k times the values is linear in log k, column by column."""
    return np.stack([np.interp(np.log(k), np.log(SIZES), column * SIZES) / k for column in values.T], axis=1)


def test_k_times_the_expectation_is_linear_in_log_k() -> None:
    guide, k = _guide(), np.array([100.0, 130.0, 300.0, 480.0, 777.0, 1000.0])
    np.testing.assert_allclose(guide.at(k), _read(guide.expected, k), rtol=1e-12)
    assert guide.modes is not None
    modes = guide.modes_at(k)
    assert modes.shape == (2, 6, 3)
    for mode, values in zip(modes, guide.modes, strict=True):
        np.testing.assert_allclose(mode, _read(values, k), rtol=1e-12)


def test_a_guide_that_takes_itself_for_exact_has_no_modes() -> None:
    assert Guide(SIZES, np.ones((4, 3))).modes_at([100.0, 200.0]).shape == (0, 2, 3)


def test_one_size_is_read_as_one_over_k() -> None:
    guide = Guide([300.0], [[2.0, -1.0]])
    np.testing.assert_allclose(guide.at([300.0, 300.2]), [[2.0, -1.0], [2.0 * 300 / 300.2, -300 / 300.2]])


@pytest.mark.parametrize(("k", "allowed"), [(100 * 0.999, True), (99.8, False), (1000 * 1.001, True), (1002.0, False)])
def test_sizes_outside_are_refused_but_for_rounding(k: float, allowed: bool) -> None:
    guide = _guide()
    if allowed:
        end = 0 if k < 500 else -1
        np.testing.assert_allclose(guide.at([k])[0], guide.expected[end] * SIZES[end] / k)  # the end's k ψ stands
        return
    wanted = f"{min(k, 500):g} to {max(k, 500):g}; got 100 to 1000"
    with pytest.raises(ArgumentError, match=f"^guide must span the draws' sizes, {wanted}"):
        guide.at([500.0, k])


def test_draws_are_compared_with_the_expectation_or_with_their_own_control() -> None:
    k = np.array([100.0, 200.0, 300.0, 400.0, 600.0, 1000.0])
    delta = np.arange(18.0).reshape(6, 3)
    delta[2, 1] = np.nan
    plain, controlled = _guide(), _guide(control=True)
    np.testing.assert_allclose(plain.less(delta, k), delta - plain.at(k))
    assert controlled.control is not None
    np.testing.assert_allclose(controlled.less(delta, k), delta - controlled.control)


def test_some_points_and_some_draws_of_a_guide() -> None:
    guide = _guide(control=True)
    assert guide.modes is not None
    assert guide.control is not None
    columns, rows = np.array([2, 0]), np.array([5, 1, 1])
    some = guide.take(columns)
    np.testing.assert_array_equal(some.expected, guide.expected[:, columns])
    np.testing.assert_array_equal(some.modes, guide.modes[:, :, columns])
    np.testing.assert_array_equal(some.control, guide.control[:, columns])
    np.testing.assert_array_equal(some.sizes, SIZES)
    np.testing.assert_array_equal(guide.take(columns, rows).control, guide.control[rows][:, columns])
    bare = Guide(SIZES, guide.expected).take(columns, rows)
    assert bare.modes is None
    assert bare.control is None


def test_numbers_are_kept_as_floats() -> None:
    guide = Guide([100, 1000], [[1], [2]])  # type: ignore[arg-type]
    assert guide.sizes.dtype == guide.expected.dtype == np.float64
    assert Guide([1.0], [[2.0]]).at([1.0])[0, 0] == 2.0
    assert Guide([100.0, 100.5], [[1.0], [2.0]]).at([100.5])[0, 0] == 2.0  # however close the sizes are


@pytest.mark.parametrize(
    ("named", "changed"),
    [
        ("sizes", {"sizes": [[100.0, 300.0, 500.0, 1000.0]]}),
        ("sizes", {"sizes": np.empty(0)}),
        ("sizes", {"sizes": [100.0, 300.0, 300.0, 1000.0]}),
        ("sizes", {"sizes": [100.0, 500.0, 300.0, 1000.0]}),
        ("sizes", {"sizes": [100.0, 300.0, 500.0, np.inf]}),
        ("sizes", {"sizes": [0.5, 300.0, 500.0, 1000.0]}),
        ("expected", {"expected": np.zeros(4)}),
        ("expected", {"expected": np.zeros((3, 3))}),
        ("expected", {"expected": np.where(np.eye(4, 3) > 0, np.nan, 1.0)}),
        ("modes", {"modes": np.zeros((2, 3, 3))}),
        ("modes", {"modes": np.zeros((2, 4, 2))}),
        ("control", {"control": np.zeros((6, 2))}),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(named: str, changed: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"sizes": SIZES, "expected": np.zeros((4, 3))}
    with pytest.raises(ArgumentError, match=f"^{named} must"):
        Guide(**(whole | changed))

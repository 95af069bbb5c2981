"""The compiled exponentials and logarithms against NumPy's in float64, over the whole range they serve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from dscale_core.learners.compiled.vector_math import exp_of_nonpositive, expm1_and_exp, hyperbolic_tangent, log1p_of


@njit
def _apply(x: Any, exponential: Any, tangent: Any, shrunk: Any, power: Any) -> None:
    for i in range(x.size):
        exponential[i] = exp_of_nonpositive(-abs(x[i]))
        tangent[i] = hyperbolic_tangent(x[i])
        shrunk[i], power[i] = expm1_and_exp(-abs(x[i]))


@njit
def _logarithm(t: Any, one_plus_t: Any, out: Any) -> None:
    for i in range(t.size):
        out[i] = log1p_of(t[i], one_plus_t[i])


CASES = [(np.float32, 4e-7, 85), (np.float64, 4e-16, 700)]


@pytest.mark.parametrize(("kind", "tolerance", "far"), CASES)
def test_exp_expm1_and_tanh_are_right_to_rounding(kind: Any, tolerance: float, far: float) -> None:
    small = np.geomspace(1e-30, 1, 5001)
    x = np.concatenate([np.linspace(-far, far, 20_001), np.linspace(-2, 2, 20_001), small, -small]).astype(kind)
    found = [np.empty_like(x) for _ in range(4)]
    _apply(x, *found)
    wide = x.astype(np.longdouble)  # numpy's own functions of doubles are off by half of the tolerance, on some processors
    np.testing.assert_allclose(found[0], np.exp(-np.abs(wide)), rtol=tolerance)
    np.testing.assert_allclose(found[1], np.tanh(wide), atol=tolerance)
    np.testing.assert_allclose(found[2], np.expm1(-np.abs(wide)), rtol=tolerance / 2)
    np.testing.assert_allclose(found[3], np.exp(-np.abs(wide)), rtol=tolerance / 2)


@pytest.mark.parametrize(("kind", "far"), [(np.float32, 1e4), (np.float64, 1e5)])
def test_exponentials_far_out_vanish_and_stay_numbers(kind: Any, far: float) -> None:
    x = np.array([far, -far], dtype=kind)
    found = [np.empty_like(x) for _ in range(4)]
    _apply(x, *found)
    np.testing.assert_allclose(found[0], 0.0, atol=1e-37)
    np.testing.assert_allclose(found[1], [1.0, -1.0], rtol=1e-6)
    np.testing.assert_allclose(found[2], -1.0)
    np.testing.assert_allclose(found[3], 0.0, atol=1e-37)


@pytest.mark.parametrize(("kind", "tolerance"), [(np.float32, 2e-7), (np.float64, 4e-16)])
def test_log1p_keeps_small_arguments_and_those_near_minus_one(kind: Any, tolerance: float) -> None:
    rest = np.concatenate([np.geomspace(1e-30, 1, 20_001), np.linspace(0, 1, 20_001)[1:]]).astype(kind)
    out = np.empty_like(rest)
    # t near -1, where only 1 + t still knows how near
    _logarithm(rest - kind(1), rest, out)
    np.testing.assert_allclose(out, np.log(rest.astype(np.float64)), rtol=tolerance, atol=tolerance)
    # t near 0, where only t knows how near
    t = np.concatenate([-rest[rest < 0.5], rest, 100 * rest]).astype(kind)
    out = np.empty_like(t)
    _logarithm(t, kind(1) + t, out)
    np.testing.assert_allclose(out, np.log1p(t.astype(np.float64)), rtol=2 * tolerance)

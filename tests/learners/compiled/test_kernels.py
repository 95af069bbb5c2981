"""The compiled loops against float64 formulas, over the whole range of steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit

from dscale_core.learners.compiled import logit_kernels as kernels

STEPS = st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=40)
LOGITS = st.floats(-12, 12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.1, 1.0, 5.0])
def test_the_remainder_is_accurate_relative_to_the_step(dtype: type, scale: float) -> None:
    eta = np.linspace(-8, 8, 501)
    for sign in (-1, 1):
        u = np.full((1, eta.size), sign * scale, dtype=dtype)
        step = u.astype(np.float64).copy()
        largest = kernels.sigmoid_remainder(u, expit(eta).astype(dtype), expit(-eta).astype(dtype))
        w, grow = expit(eta) * expit(-eta), np.expm1(step)
        exact = w * grow / (1 + expit(eta) * grow) - w * step
        assert np.abs((u - exact) / (w * step)).max() <= (1e-5 if dtype is np.float32 else 1e-12)
        np.testing.assert_allclose(largest, scale, rtol=1e-6)


def literal_loss(code: int, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = expit(eta)
    if code == kernels.UTILITY_CODES["log_loss"]:
        return np.logaddexp(0, eta) - y * eta
    if code == kernels.UTILITY_CODES["brier"]:
        return (p - y) ** 2
    if code == kernels.UTILITY_CODES["accuracy"]:
        return ((eta > 0) != y).astype(np.float64)
    return np.log1p(np.exp(1 - 2 * np.where(y == 1, p, 1 - p)))


@pytest.mark.parametrize("utility", sorted(kernels.UTILITY_CODES))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, eta=LOGITS, label=st.booleans())
def test_loss_changes_equal_the_difference_of_losses(
    utility: str, dtype: type, steps: list[float], eta: float, label: bool
) -> None:
    code = kernels.UTILITY_CODES[utility]
    e = np.array([steps], dtype=dtype)
    logits, y = np.full(len(steps), eta), np.full(len(steps), float(label))
    state = [a.astype(dtype) for a in (expit(logits), expit(-logits), y, logits)]
    found = kernels.loss_change(code, e, *state)
    change = literal_loss(code, state[3] + e[0].astype(np.float64), y) - literal_loss(code, logits, y)
    tolerance = (2e-6 if dtype is np.float32 else 1e-11) * (1 + np.abs(change).sum())
    if code == kernels.UTILITY_CODES["accuracy"]:
        # a step that lands on the boundary may fall to either side in single precision
        tolerance += np.sum((np.abs(logits + e[0]) < 1e-5) | (np.abs(logits) < 1e-5))
    assert abs(found[0] - change.sum()) <= tolerance


@settings(max_examples=200, deadline=None)
@given(eta=st.floats(-40, 40), label=st.booleans(), curvature=st.floats(0, 1e4))
def test_own_residual_is_the_root(eta: float, label: bool, curvature: float) -> None:
    y = float(label)
    s = kernels.own_residual(np.array([eta]), np.array([y]), np.array([curvature]))[0]
    root = brentq(lambda t: t - expit(eta - curvature * t) + y, -1.0, 1.0, xtol=1e-15)
    assert s == pytest.approx(root, abs=1e-9)


def test_own_residual_where_newton_cycles() -> None:
    s = kernels.own_residual(np.array([2.777]), np.array([0.0]), np.array([164.6]))[0]
    assert s - expit(2.777 - 164.6 * s) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("eta", [-1e5, -800.0, 800.0, 1e5])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_own_residual_far_from_the_boundary(eta: float, y: float) -> None:
    for curvature in (0.0, 1.0, 1e6):
        s = kernels.own_residual(np.array([eta]), np.array([y]), np.array([curvature]))[0]
        assert s == pytest.approx(expit(eta - curvature * s) - y, abs=1e-9)


@pytest.mark.parametrize("utility", sorted(kernels.UTILITY_CODES))
def test_long_sums_keep_their_digits(utility: str) -> None:
    # 200,000 valuation points, all changes of one sign: a single float32 sum would lose 1e-6 of it and more
    eta, y = np.random.default_rng(0).normal(size=200_000), np.zeros(200_000)
    e = np.full((1, eta.size), 0.1, dtype=np.float32)
    state = [each.astype(np.float32) for each in (expit(eta), expit(-eta), y, eta)]
    code = kernels.UTILITY_CODES[utility]
    found = kernels.loss_change(code, e, *state)[0]
    wide = kernels.loss_change(code, e.astype(np.float64), *(each.astype(np.float64) for each in state))[0]
    assert found == pytest.approx(wide, rel=3e-7)


@pytest.mark.parametrize("eta", [-200.0, -40.0, 40.0, 200.0])
@pytest.mark.parametrize("curvature", [0.0, 1.0, 50.0])
def test_own_residual_of_a_certain_candidate_keeps_its_digits(eta: float, curvature: float) -> None:
    # |s| is e^-|eta| but for e^-2|eta|: of a difference with the label nothing would be left
    s = kernels.own_residual(np.array([eta]), np.array([float(eta > 0)]), np.array([curvature]))[0]
    assert s == pytest.approx(-np.sign(eta) * np.exp(-abs(eta)), rel=1e-10, abs=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("utility", ["log_loss", "brier"])
@pytest.mark.parametrize(("eta", "step"), [(30.0, -12.0), (60.0, -35.0), (60.0, 35.0), (25.0, -1e-3)])
def test_changes_of_points_that_are_all_but_certain_keep_their_digits(
    utility: str, dtype: type, eta: float, step: float
) -> None:
    for y, sign in ((1.0, 1.0), (0.0, -1.0)):
        state = [np.array([a], dtype=dtype) for a in (expit(sign * eta), expit(-sign * eta), y, sign * eta)]
        found = kernels.loss_change(kernels.UTILITY_CODES[utility], np.array([[sign * step]], dtype=dtype), *state)[0]
        miss, moved = np.exp(-eta), np.exp(-eta) * np.expm1(-float(dtype(step)))
        expected = np.log1p(moved) if utility == "log_loss" else moved * (2 * miss + moved)
        assert found == pytest.approx(expected, rel=2e-5 if dtype is np.float32 else 1e-6, abs=1e-37)

"""The second-order surrogate against the exact engine and finite differences; the zero-draw formula against mean draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit
from toy import toy_dataset

from dscale_core.learners import make_learner
from dscale_core.learners.logistic.expansion import expected_contributions
from dscale_core.learners.logistic.newton import fit_newton
from dscale_core.learners.logistic.second_order import SecondOrderEngine
from dscale_core.sampling import sample
from dscale_core.types import FloatVector, SamplingPlan, ValuationRows

POINTS = np.arange(400)


def both(utility: str, k: int = 250, C: float = 1.0, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Surrogate and exact contributions of the points outside one coalition."""
    dataset = toy_dataset(scale=scale)
    coalition = np.sort(np.random.default_rng(1).permutation(400)[:k])
    found = SecondOrderEngine(dataset, utility, C).contributions(coalition, POINTS)
    exact = make_learner("logistic", C=C).contributions(dataset, coalition, POINTS, utility)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.delta)), coalition)
    np.testing.assert_array_equal(np.isnan(found.delta), np.isnan(exact.delta))
    assert found.base_loss == pytest.approx(exact.base_loss, abs=1e-6)
    outside = np.isfinite(exact.delta)
    return found.delta[outside], exact.delta[outside]


@pytest.mark.parametrize("utility", ["log_loss", "brier"])
@pytest.mark.parametrize("C", [0.05, 1.0])
def test_large_coalitions_agree_with_the_exact_engine(utility: str, C: float) -> None:
    found, exact = both(utility, C=C)
    assert np.corrcoef(found, exact)[0, 1] > 0.99
    assert float(found @ exact) / float(found @ found) == pytest.approx(1, abs=0.03)
    far = np.abs(exact) > 0.2 * exact.std()
    assert (np.sign(found[far]) == np.sign(exact[far])).all()


def literal_surrogate(k: int, utility: str, C: float) -> tuple[FloatVector, FloatVector]:
    """S2 of the points outside a coalition, one by one, each from its definition; and what the engine finds."""
    dataset = toy_dataset(n=120, d=5, noise=1.0, seed=2)
    coalition = np.sort(np.random.default_rng(4).permutation(120)[:k])
    outside = np.setdiff1d(np.arange(120), coalition)
    X, y = np.column_stack([dataset.X_pool, np.ones(120)]), dataset.y_pool
    X_v, y_v = np.column_stack([dataset.X_valuation, np.ones(dataset.y_valuation.size)]), dataset.y_valuation
    fit = fit_newton(X[coalition], y[coalition].astype(np.float64), C)
    p = expit(X[coalition] @ fit.theta)
    H = C * (X[coalition].T * (p * (1 - p))) @ X[coalition] + np.diag([1.0] * 5 + [0.0])
    q = expit(X_v @ fit.theta)
    first = q - y_v if utility == "log_loss" else 2 * (q - y_v) * q * (1 - q)
    second = q * (1 - q) * (np.ones(q.size) if utility == "log_loss" else 2 * (q * (1 - q) + (q - y_v) * (1 - 2 * q)))
    g, H_v = X_v.T @ first / q.size, (X_v.T * second) @ X_v / q.size
    expected = []
    for z in outside:
        v = np.linalg.solve(H, X[z])
        s = brentq(lambda t, z=z, v=v: t - expit(X[z] @ fit.theta - C * t * (X[z] @ v)) + y[z], -1, 1, xtol=1e-15)
        expected.append(C * s * g @ v - (C * s) ** 2 * v @ H_v @ v / 2)
    return np.array(expected), SecondOrderEngine(dataset, utility, C).contributions(coalition, outside).delta


@pytest.mark.parametrize("utility", ["log_loss", "brier"])
@pytest.mark.parametrize("C", [0.05, 1.0, 30.0])
def test_it_equals_its_definition(utility: str, C: float) -> None:
    expected, found = literal_surrogate(25, utility, C)
    np.testing.assert_allclose(found, expected, atol=3e-5 * expected.std())


def test_points_may_come_in_any_order() -> None:
    dataset = toy_dataset()
    engine = SecondOrderEngine(dataset, "log_loss", 1.0)
    rng = np.random.default_rng(1)
    coalition, order = np.sort(rng.permutation(400)[:100]), rng.permutation(400)
    in_order = engine.contributions(coalition, POINTS).delta
    np.testing.assert_allclose(engine.contributions(coalition, order).delta, in_order[order], rtol=1e-5)


@pytest.mark.parametrize("utility", ["log_loss", "brier"])
def test_a_small_step_is_exact(utility: str) -> None:
    """With little weight on each point the step is tiny and every dropped term is of higher order in it."""
    errors = []
    for C in (1e-3, 1e-4):
        found, exact = both(utility, C=C)
        errors.append(np.abs(found - exact).max() / np.abs(exact).max())
    assert errors[0] < 0.02
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.parametrize("utility", ["log_loss", "brier"])
def test_derivatives_of_the_valuation_loss_match_finite_differences(utility: str) -> None:
    dataset = toy_dataset()
    y = dataset.y_valuation
    engine = SecondOrderEngine(dataset, utility, 1.0)
    eta, step = np.linspace(-3, 3, y.size), 1e-4

    def terms(logits: np.ndarray) -> np.ndarray:
        p = expit(logits)
        own = np.where(y == 1, p, 1 - p)
        return (-np.log(own) if utility == "log_loss" else (p - y) ** 2) / y.size

    slope, curvature = engine._derivatives(expit(eta), expit(-eta), y)
    low, middle, high = terms(eta - step), terms(eta), terms(eta + step)
    np.testing.assert_allclose(slope, (high - low) / (2 * step), atol=1e-9)
    np.testing.assert_allclose(curvature, (high - 2 * middle + low) / step**2, atol=1e-7)


def test_the_bias_falls_faster_than_the_size_grows() -> None:
    errors = []
    for k in (40, 320):
        found, exact = both("log_loss", k=k)
        errors.append(float(np.sqrt(np.mean((found - exact) ** 2))))
    assert errors[1] < errors[0] / 8


def test_points_are_taken_in_any_order_and_number() -> None:
    dataset = toy_dataset()
    engine, coalition = SecondOrderEngine(dataset, "log_loss", 1.0), np.arange(0, 400, 2)
    whole = engine.contributions(coalition, POINTS).delta
    some = np.array([399, 7, 8, 31])
    np.testing.assert_allclose(engine.contributions(coalition, some).delta, whole[some], rtol=1e-4, atol=1e-9)


def test_the_learner_offers_it_for_two_classes_and_smooth_utilities_alone() -> None:
    learner = make_learner("logistic")
    assert isinstance(learner.surrogate(toy_dataset(), "brier"), SecondOrderEngine)
    assert learner.surrogate(toy_dataset(), "accuracy") is None
    assert learner.surrogate(toy_dataset(classes=3), "log_loss") is None
    sizes, points = np.array([100]), np.arange(5)
    assert learner.expected_contributions(toy_dataset(), sizes, points, "brier") is None
    assert learner.expected_contributions(toy_dataset(classes=3), sizes, points, "log_loss") is None
    np.testing.assert_array_equal(
        learner.expected_contributions(toy_dataset(), sizes, points, "log_loss"),
        expected_contributions(toy_dataset(), sizes, points, 1.0),
    )


@pytest.mark.parametrize("C", [0.1, 1.0])
def test_the_formula_agrees_with_the_means_of_exact_draws(C: float) -> None:
    dataset, sizes = toy_dataset(n=1500, d=4, noise=1.0), (200, 500)
    plan = SamplingPlan(sizes=sizes, draws=150)
    draws = sample(dataset, make_learner("logistic", C=C), plan)
    psi = expected_contributions(dataset, np.array(sizes), np.arange(1500), C)
    assert psi.shape == (2, 1500)
    for g, k in enumerate(sizes):
        at = draws.delta[draws.sizes == k].astype(np.float64)
        mean, count = np.nanmean(at, axis=0), np.isfinite(at).sum(axis=0)
        noise = np.mean(np.nanvar(at, axis=0, ddof=1) / count)
        signal = np.var(mean) - noise
        assert signal > noise
        assert 1 - (np.mean((mean - psi[g]) ** 2) - noise) / signal > 0.9
        assert np.corrcoef(psi[g], mean)[0, 1] > 0.9


def test_the_formula_gives_every_point_the_same_whatever_else_is_asked() -> None:
    dataset = toy_dataset()
    whole = expected_contributions(dataset, np.array([60, 200]), POINTS)
    some = expected_contributions(dataset, np.array([200]), np.array([17, 3]))
    np.testing.assert_allclose(some[0], whole[1, [17, 3]], rtol=1e-10)


def test_the_formula_forgets_the_order_of_the_pool() -> None:
    dataset = toy_dataset()
    order = np.random.default_rng(3).permutation(400)
    shuffled = replace(dataset, X_pool=dataset.X_pool[order], y_pool=dataset.y_pool[order])
    psi, moved = (expected_contributions(data, np.array([150]), POINTS) for data in (dataset, shuffled))
    np.testing.assert_allclose(moved[0], psi[0][order], rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("utility", ["log_loss", "brier"])
def test_leaving_out_agrees_with_refits(utility: str) -> None:
    dataset = toy_dataset(n=200, d=4, noise=1.5)
    members = np.arange(120)
    learner = make_learner("logistic")
    rows = ValuationRows(dataset.X_valuation, dataset.y_valuation, np.array([0, 60]))
    engine = SecondOrderEngine(dataset, utility, 1.0)
    found = engine.left_out(members, np.array([5, 40, 77, 150]), rows).delta
    assert np.isnan(found[3]).all()  # it is not a member
    nobody = np.empty(0, dtype=np.int64)
    base = learner.block_contributions(dataset, members, nobody, rows, utility).base_loss
    every = engine.left_out(members, members, rows).delta
    refits = np.array(
        [
            base - learner.block_contributions(dataset, members[members != z], nobody, rows, utility).base_loss
            for z in members
        ]
    )
    for b in range(2):
        assert np.corrcoef(every[:, b], refits[:, b])[0, 1] > 0.999
        np.testing.assert_allclose(every[:, b], refits[:, b], atol=0.25 * refits[:, b].std())
    alone = np.append(members, 199)  # holds a direction of its own
    X = dataset.X_pool.copy()
    X[199] = 1e3
    far = SecondOrderEngine(replace(dataset, X_pool=X), utility, 1.0).left_out(alone, np.array([199]), rows).delta
    assert np.isfinite(far).all()

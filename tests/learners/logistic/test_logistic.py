"""The logistic engine against independent refits, literal formulas and its own invariants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from literal_loss import literal_loss
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from toy import toy_dataset

from dscale_core.learners import make_learner
from dscale_core.learners.logistic import binary as logistic
from dscale_core.learners.logistic.newton import add_one_newton, fit_newton
from dscale_core.types import Dataset, FloatVector, IntVector

CONTRACT = 1e-3  # of the spread of delta over points


def tight_probabilities(dataset: Dataset, members: IntVector, C: float = 1.0) -> FloatVector:
    """Probability of class 1 on the valuation set, by a second solver (L-BFGS) than the one the audit uses."""
    model = LogisticRegression(C=C, solver="newton-cg", tol=1e-11, max_iter=10_000)
    model.fit(dataset.X_pool[members], dataset.y_pool[members])
    return model.predict_proba(dataset.X_valuation)[:, 1]


def relative_error(dataset: Dataset, members: IntVector, n: int, C: float = 1.0, utility: str = "log_loss") -> float:
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    delta = make_learner("logistic", C=C).contributions(dataset, members, outside, utility).delta
    y = dataset.y_valuation
    base = literal_loss(utility, tight_probabilities(dataset, members, C), y)
    refits = [base - literal_loss(utility, tight_probabilities(dataset, np.append(members, z), C), y) for z in outside[:n]]
    return float(np.abs(delta[:n] - refits).max() / delta.std())


@pytest.mark.parametrize(
    ("n", "d", "size", "noise", "C"),
    [
        (400, 8, 60, 0.5, 1.0),  # more members than features
        (400, 40, 30, 0.5, 1.0),  # the dual form, separable
        (400, 40, 60, 0.0, 1.0),  # separable, still dual
        (400, 20, 200, 2.0, 1.0),  # noisy labels
        (400, 8, 60, 0.5, 100.0),  # hardly regularised
        (400, 8, 60, 0.5, 0.01),
    ],
)
def test_engine_equals_tight_refits(n: int, d: int, size: int, noise: float, C: float) -> None:
    dataset = toy_dataset(n=n, d=d, noise=noise)
    members = np.random.default_rng(1).permutation(n)[:size]
    assert relative_error(dataset, members, 40, C) <= CONTRACT


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
def test_every_utility_equals_its_literal_formula(utility: str) -> None:
    dataset = toy_dataset(n=300, d=12)
    members = np.random.default_rng(2).permutation(300)[:50]
    assert relative_error(dataset, members, 40, utility=utility) <= CONTRACT


def test_a_class_with_one_member() -> None:
    dataset = toy_dataset(n=300, d=6)
    ones, zeros = np.flatnonzero(dataset.y_pool == 1), np.flatnonzero(dataset.y_pool == 0)
    assert relative_error(dataset, np.append(zeros[:40], ones[0]), 30) <= CONTRACT


def test_large_features() -> None:
    dataset = toy_dataset(n=200, d=6, scale=300.0)
    members = np.random.default_rng(3).permutation(200)[:60]
    assert relative_error(dataset, members, 25, C=1e-4) <= CONTRACT


def test_a_candidate_whose_step_flips_its_own_logit() -> None:
    # 256 features, 100 members: a step of length q = 160 along x_z; Newton on the scalar equation used to cycle here
    dataset = toy_dataset(n=240, d=256, noise=0.1, seed=5)
    members = np.random.default_rng(1).permutation(240)[:100]
    assert relative_error(dataset, members, 60) <= CONTRACT


def test_rows_that_do_not_settle_are_solved_by_newton(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = toy_dataset(n=300, d=30)
    members = np.random.default_rng(4).permutation(300)[:60]
    outside = np.setdiff1d(np.arange(300), members)
    settled = make_learner("logistic").contributions(dataset, members, outside).delta
    monkeypatch.setattr(logistic, "_MAX_STEPS", 0)
    by_newton = make_learner("logistic").contributions(dataset, members, outside).delta
    np.testing.assert_allclose(by_newton, settled, atol=CONTRACT * settled.std())
    assert not np.array_equal(by_newton, settled)


def test_newton_add_one_reaches_the_optimum_of_the_grown_coalition() -> None:
    dataset = toy_dataset(n=200, d=10)
    X = np.column_stack([dataset.X_pool, np.ones(200)])
    y = dataset.y_pool.astype(np.float64)
    base = fit_newton(X[:50], y[:50], 1.0)
    x = base.whiten(X[50:80])
    moves = add_one_newton(base.whiten(X[:50]), base.eta, 1.0, x, X[50:80] @ base.theta, y[50:80])
    for i, z in enumerate(range(50, 80)):
        rows = [*range(50), z]
        grown = fit_newton(X[rows], y[rows], 1.0)
        np.testing.assert_allclose(moves[i], base.factor.T @ (grown.theta - base.theta), atol=1e-7)


def test_base_fit_has_no_gradient_left() -> None:
    dataset = toy_dataset(n=200, d=10)
    X, y = np.column_stack([dataset.X_pool, np.ones(200)]), dataset.y_pool.astype(np.float64)
    fit = fit_newton(X, y, 3.0)
    penalised = np.append(fit.theta[:-1], 0.0)
    gradient = 3.0 * X.T @ (1 / (1 + np.exp(-X @ fit.theta)) - y) + penalised
    assert np.abs(gradient).max() <= 1e-9


def test_base_loss_is_the_loss_of_the_coalition_alone() -> None:
    dataset = toy_dataset(n=100, d=5)
    members = np.arange(40)
    found = make_learner("logistic").contributions(dataset, members, np.array([50]))
    assert found.base_loss == pytest.approx(log_loss(dataset.y_valuation, tight_probabilities(dataset, members)), abs=1e-9)


def test_a_batch_equals_its_singles_and_follows_a_permutation() -> None:
    dataset = toy_dataset(n=400, d=10)
    learner, members = make_learner("logistic"), np.arange(80)
    points = np.random.default_rng(0).permutation(np.arange(80, 400))
    delta = learner.contributions(dataset, members, points).delta
    singles = [learner.contributions(dataset, members, points[i : i + 1]).delta[0] for i in range(40)]
    np.testing.assert_allclose(singles, delta[:40], atol=1e-4 * delta.std())
    back = learner.contributions(dataset, members, points[::-1]).delta[::-1]
    np.testing.assert_allclose(back, delta, atol=1e-4 * delta.std())


def test_a_duplicate_of_a_member_is_a_candidate_like_any_other() -> None:
    dataset = toy_dataset(n=120, d=5)
    X = dataset.X_pool.copy()
    X[100] = X[3]
    twin = replace(dataset, X_pool=X, y_pool=np.where(np.arange(120) == 100, dataset.y_pool[3], dataset.y_pool))
    assert relative_error(twin, np.arange(50), 60) <= CONTRACT

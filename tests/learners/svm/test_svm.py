"""The support vector machine's engine against tight refits, literal formulas, random folds and its own invariants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from literal_loss import literal_loss
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC
from toy import clusters, toy_dataset, with_duplicates

from dscale_core.errors import ArgumentError
from dscale_core.learners.compiled import svm_kernels
from dscale_core.learners.svm import Svm
from dscale_core.learners.svm import machine as svm
from dscale_core.learners.svm.active_set import refined
from dscale_core.types import Dataset, FloatVector, IntVector

CONTRACT = 1e-3  # of the spread of delta over points


def tight_probabilities(dataset: Dataset, members: IntVector, C: float, gamma: float) -> FloatVector:
    """Probability of class 1: libsvm, and Platt's sigmoid by a general-purpose optimiser."""
    X, y = dataset.X_pool[members], dataset.y_pool[members]
    model = SVC(C=C, gamma=gamma, tol=1e-10).fit(X, y)
    scores = model.decision_function(X)
    ones = int(y.sum())
    target = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (y.size - ones + 2))

    def cost(theta: FloatVector) -> tuple[float, FloatVector]:
        eta = theta[0] * scores + theta[1]
        r = expit(eta) - target
        return float(np.sum(np.logaddexp(0, eta) - target * eta)), np.array([r @ scores, r.sum()])

    def hessian(theta: FloatVector) -> FloatVector:
        p = expit(theta[0] * scores + theta[1])
        w, design = p * (1 - p), np.column_stack([scores, np.ones(y.size)])
        return design.T @ (w[:, None] * design)

    found = minimize(cost, np.zeros(2), jac=True, hess=hessian, method="trust-exact", options={"gtol": 1e-11})
    a, b = found.x
    return expit(a * model.decision_function(dataset.X_valuation) + b)


def relative_error(dataset: Dataset, members: IntVector, n: int, C: float = 1.0, utility: str = "log_loss") -> float:
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    learner = Svm(C=C)
    delta = learner.contributions(dataset, members, outside, utility).delta
    y, gamma = dataset.y_valuation, learner.width(dataset)
    base = literal_loss(utility, tight_probabilities(dataset, members, C, gamma), y)
    grown = [tight_probabilities(dataset, np.append(members, z), C, gamma) for z in outside[:n]]
    return float(np.abs(delta[:n] - [base - literal_loss(utility, p, y) for p in grown]).max() / delta.std())


@pytest.mark.parametrize(
    ("n", "d", "size", "noise", "C"),
    [
        (300, 8, 60, 0.5, 1.0),
        (300, 40, 30, 0.5, 1.0),  # fewer members than features: every member a support vector
        (300, 3, 150, 2.0, 1.0),  # noisy labels: most coefficients at their bound
        (300, 3, 100, 0.0, 100.0),  # separable, few support vectors
        (300, 8, 60, 0.5, 0.01),  # every coefficient at its bound
        (300, 8, 3, 0.5, 1.0),
    ],
)
def test_engine_equals_tight_refits(n: int, d: int, size: int, noise: float, C: float) -> None:
    dataset = toy_dataset(n=n, d=d, noise=noise)
    members = np.random.default_rng(1).permutation(n)[:size]
    assert relative_error(dataset, members, 40, C) <= CONTRACT


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
def test_every_utility_equals_its_literal_formula(utility: str) -> None:
    dataset = toy_dataset(n=250, d=6)
    members = np.random.default_rng(2).permutation(250)[:50]
    assert relative_error(dataset, members, 40, utility=utility) <= CONTRACT


def test_a_class_with_one_member() -> None:
    dataset = toy_dataset(n=250, d=6)
    ones, zeros = np.flatnonzero(dataset.y_pool == 1), np.flatnonzero(dataset.y_pool == 0)
    assert relative_error(dataset, np.append(zeros[:40], ones[0]), 30) <= CONTRACT


def test_duplicates_within_the_coalition_and_of_it_with_either_label() -> None:
    dataset = toy_dataset(n=120, d=5)
    X, y = dataset.X_pool.copy(), dataset.y_pool.copy()
    X[1], X[60], X[61] = X[0], X[3], X[4]
    y[1], y[60], y[61] = y[0], y[3], 1 - y[4]
    assert relative_error(replace(dataset, X_pool=X, y_pool=y), np.arange(60), 20) <= CONTRACT


def test_candidates_that_leave_the_working_set_are_solved_on_all_of_d(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = toy_dataset(n=300, d=4, noise=1.0)
    members, points = np.arange(120), np.arange(120, 220)
    found = Svm().contributions(dataset, members, points).delta
    asked: list[int] = []
    whole = svm._Coalition._solve

    def counted(self: svm._Coalition, part: svm._Set, K: FloatVector, y: FloatVector) -> svm._Moves:
        asked.append(part.index.size)
        return whole(self, part, K, y)

    monkeypatch.setattr(svm._Coalition, "_solve", counted)
    monkeypatch.setattr(svm._Coalition, "_nearest", lambda self, free: np.arange(5))  # noqa: ARG005
    twin = replace(dataset)
    again = Svm().contributions(twin, members, points).delta
    assert asked == [5, 120]
    np.testing.assert_allclose(again, found, atol=CONTRACT * found.std())


def test_the_gap_of_a_solution_is_within_tolerance_for_every_point() -> None:
    dataset = toy_dataset(n=200, d=5, noise=1.0)
    y, gamma = 2.0 * dataset.y_pool - 1.0, 0.2
    X = dataset.X_pool
    K = np.exp(-gamma * ((X[:, None] - X) ** 2).sum(axis=2))
    beta, error = np.zeros(200), y.copy()
    gap = svm_kernels.solve(K, error, beta, np.minimum(y, 0), np.maximum(y, 0), 1e-9, 1_000_000)
    assert gap <= 1e-9
    np.testing.assert_allclose(error, y - K @ beta, atol=1e-10)
    assert abs(beta.sum()) <= 1e-10
    assert (beta * y >= 0).all()
    assert (beta * y <= 1).all()
    rise, fall = beta < np.maximum(y, 0), beta > np.minimum(y, 0)
    assert (y - K @ beta)[rise].max() - (y - K @ beta)[fall].min() <= 2e-9


def test_a_sigmoid_far_from_its_start_is_found_by_the_safe_way() -> None:
    generator = np.random.default_rng(0)
    labels = np.where(np.arange(80) < 40, -1.0, 1.0)
    errors = labels - (2 * labels + generator.normal(size=(1, 80)))
    own, y = np.array([0.3]), np.array([1.0])
    near = svm_kernels.calibrate(errors, labels, own, y, 1.0, 0.0)
    far = svm_kernels.calibrate(errors, labels, own, y, -60.0, 40.0)
    plain = svm._plain_sigmoid(np.append(labels - errors[0], 0.7), (np.append(labels, 1.0) > 0).astype(np.int64))
    np.testing.assert_allclose(near[0], plain, rtol=1e-8)
    np.testing.assert_allclose(far[0], plain, rtol=1e-8)


def test_delta_has_none_of_the_noise_of_folds_drawn_at_random() -> None:
    dataset = toy_dataset(n=200, d=4, noise=1.0)
    members, points = np.arange(80), np.arange(80, 92)

    def by_folds(rows: IntVector, seed: int) -> float:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        model = CalibratedClassifierCV(SVC(), cv=folds, ensemble=False)
        model.fit(dataset.X_pool[rows], dataset.y_pool[rows])
        return log_loss(dataset.y_valuation, model.predict_proba(dataset.X_valuation))

    def noise_over_signal(delta: FloatVector) -> float:
        own = delta - delta.mean(axis=1, keepdims=True)  # what a seed does to all points alike is taken out
        return float(own.std(axis=0).mean() / own.mean(axis=0).std())

    seeds = range(4)
    folds = [[by_folds(members, s) - by_folds(np.append(members, z), s) for z in points] for s in seeds]
    orders = [np.random.default_rng(s).permutation(members) for s in seeds]
    ours = [Svm().contributions(dataset, order, points).delta for order in orders]
    assert noise_over_signal(np.array(folds)) > 0.2
    assert noise_over_signal(np.array(ours)) < CONTRACT


def test_a_batch_equals_its_singles_and_follows_a_permutation() -> None:
    dataset, learner, members = toy_dataset(n=400, d=6), Svm(), np.arange(80)
    points = np.random.default_rng(0).permutation(np.arange(80, 400))
    delta = learner.contributions(dataset, members, points).delta
    singles = [learner.contributions(dataset, members, points[i : i + 1]).delta[0] for i in range(40)]
    np.testing.assert_allclose(singles, delta[:40], atol=1e-4 * delta.std())
    back = learner.contributions(dataset, members[::-1], points[::-1]).delta[::-1]
    np.testing.assert_allclose(back, delta, atol=CONTRACT * delta.std())


def test_base_loss_and_reference_are_the_loss_of_the_coalition_alone() -> None:
    dataset, members = toy_dataset(n=100, d=5), np.arange(30)
    found = Svm().contributions(dataset, members, np.arange(100))
    expected = log_loss(dataset.y_valuation, tight_probabilities(dataset, members, 1.0, Svm().width(dataset)))
    reference = Svm().reference_loss(dataset, members, "log_loss")
    assert reference == pytest.approx(expected, abs=1e-7)  # libsvm's kernels are float32
    assert found.base_loss == pytest.approx(reference, abs=1e-8)


def test_the_reference_is_solved_beyond_libsvms_precision() -> None:
    """By the conditions of an optimum, at a C that magnifies what libsvm rounds."""
    dataset, C = toy_dataset(n=150, d=4, noise=1.5), 1000.0
    y, K = 2.0 * dataset.y_pool - 1.0, rbf_kernel(dataset.X_pool, gamma=0.2)
    model, rough = SVC(C=C, gamma=0.2, tol=1e-10).fit(dataset.X_pool, dataset.y_pool), np.zeros(150)
    rough[model.support_] = model.dual_coef_[0]

    def gap(beta: FloatVector) -> float:
        error = y - K @ beta
        rise, fall = beta < np.maximum(C * y, 0), beta > np.minimum(C * y, 0)
        return float(error[rise].max() - error[fall].min())

    beta = refined(K, y, C, rough)
    assert abs(beta.sum()) <= 1e-8
    assert gap(beta) <= 1e-9
    assert gap(rough) > 1e-7
    np.testing.assert_allclose(K @ refined(K, y, C, np.zeros(150)), K @ beta, atol=1e-7)


def error_by_reference(dataset: Dataset, members: IntVector, points: IntVector, C: float) -> float:
    """Against the audit's own fits, which libsvm's rounding does not limit."""
    learner = Svm(C=C)
    delta = learner.contributions(replace(dataset), members, points, "brier").delta
    base = learner.reference_loss(dataset, members, "brier")
    refits = np.array([base - learner.reference_loss(dataset, np.append(members, z), "brier") for z in points])
    return float(np.abs(delta - refits).max() / delta.std())


def test_large_coefficients_that_cancel_keep_their_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    members, points = np.arange(150), np.arange(150, 190)
    dataset = with_duplicates(clusters(distance=6.0), members, points[:20])
    error = error_by_reference(dataset, members, points, C=1000.0)
    assert error <= 5e-4
    monkeypatch.setattr(svm, "_SINGLE_LIMIT", np.inf)
    assert error_by_reference(dataset, members, points, C=1000.0) > 2 * error


def test_candidates_that_move_little_are_solved_the_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes far apart: most candidates lie at the margin to a hundredth, and what they move is of that size."""
    dataset, members, points = clusters(distance=12.0), np.arange(300), np.arange(300, 340)
    assert error_by_reference(dataset, members, points, C=1000.0) <= CONTRACT
    monkeypatch.setattr(svm, "_FAR", 1e-12)
    assert error_by_reference(dataset, members, points, C=1000.0) > CONTRACT


def test_the_width_is_that_of_the_pool_and_can_be_given() -> None:
    dataset = toy_dataset(n=100, d=5, scale=3.0)
    assert Svm().width(dataset) == pytest.approx(1 / (5 * dataset.X_pool.var()))
    assert Svm(gamma=0.3).width(dataset) == 0.3
    constant = replace(dataset, X_pool=np.zeros_like(dataset.X_pool))
    found = Svm().contributions(constant, np.arange(40), np.arange(40, 50))
    assert np.isfinite(found.delta).all()


def test_a_solver_that_does_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svm, "_MOST_STEPS", 3)
    with pytest.raises(ArgumentError, match="one the solver settles for"):
        Svm().contributions(toy_dataset(n=100), np.arange(50), np.array([60]))

"""The kernel logistic engine against independent refits, literal formulas and its own invariants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from literal_loss import literal_loss
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import rbf_kernel
from toy import toy_dataset

from dscale_core.errors import ArgumentError
from dscale_core.learners import make_learner
from dscale_core.learners.kernel_logistic import kernel_engine as kernel_logistic
from dscale_core.learners.kernel_logistic import kernel_fit
from dscale_core.learners.kernel_logistic.kernel_fit import RadialFeatures, fit_kernel, shrunk_kernel
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector

CONTRACT = 1e-3  # of the spread of delta over points


def scale(dataset: Dataset) -> float:
    return 1 / (dataset.n_features * dataset.X_pool.var())


def tight_probabilities(dataset: Dataset, members: IntVector, C: float, gamma: float) -> FloatVector:
    """Probability of class 1 on the valuation set, by textbook Newton on the stationarity conditions, all in float64."""
    X, y = dataset.X_pool[members], dataset.y_pool[members]
    K, k = rbf_kernel(X, gamma=gamma), y.size
    beta, b = np.zeros(k), np.log(y.mean() / (1 - y.mean()))

    def conditions(beta: FloatVector, b: float) -> FloatVector:
        return np.append(beta - C * (y - expit(K @ beta + b)), beta.sum())

    for _ in range(200):
        residual = conditions(beta, b)
        if np.abs(residual).max() <= 1e-11 * C:
            break
        p = expit(K @ beta + b)
        w = C * p * (1 - p)
        jacobian = np.block([[np.eye(k) + w[:, None] * K, w[:, None]], [np.ones((1, k)), np.zeros((1, 1))]])
        step, size = np.linalg.solve(jacobian, residual), 1.0
        while np.linalg.norm(conditions(beta - size * step[:k], b - size * step[k])) > np.linalg.norm(residual):
            size /= 2
            if size < 1e-4:
                break
        beta, b = beta - size * step[:k], b - size * step[k]
    assert np.abs(conditions(beta, b)).max() <= 1e-8 * C
    return expit(rbf_kernel(dataset.X_valuation, X, gamma=gamma) @ beta + b)


def relative_error(
    dataset: Dataset,
    members: IntVector,
    n: int = 20,
    C: float = 5.0,
    gamma: float | None = None,
    utility: str = "log_loss",
) -> float:
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    learner = make_learner("kernel_logistic", C=C, gamma="scale" if gamma is None else gamma)
    delta = learner.contributions(dataset, members, outside, utility).delta
    width = scale(dataset) if gamma is None else gamma
    y = dataset.y_valuation
    base = literal_loss(utility, tight_probabilities(dataset, members, C, width), y)
    some = np.random.default_rng(9).permutation(outside.size)[:n]
    grown = [tight_probabilities(dataset, np.append(members, outside[i]), C, width) for i in some]
    return float(np.abs(delta[some] - [base - literal_loss(utility, p, y) for p in grown]).max() / delta.std())


@pytest.mark.parametrize(
    ("d", "size", "noise", "C", "gamma"),
    [
        (8, 60, 0.5, 5.0, None),
        (4, 150, 2.0, 5.0, None),  # noisy labels
        (40, 30, 0.5, 5.0, None),  # few members
        (8, 60, 0.5, 500.0, None),  # hardly regularised
        (8, 60, 0.5, 0.01, None),
        (8, 60, 0.5, 5.0, 3.0),  # almost no neighbour within reach
        (8, 60, 0.5, 5.0, 1e-4),  # almost a constant kernel
        (3, 100, 0.0, 50.0, None),  # separable
    ],
)
def test_engine_equals_tight_refits(d: int, size: int, noise: float, C: float, gamma: float | None) -> None:
    dataset = toy_dataset(n=300, d=d, noise=noise)
    members = np.random.default_rng(1).permutation(300)[:size]
    assert relative_error(dataset, members, C=C, gamma=gamma) <= CONTRACT


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
def test_every_utility_equals_its_literal_formula(utility: str) -> None:
    members = np.random.default_rng(2).permutation(300)[:60]
    assert relative_error(toy_dataset(n=300, d=6), members, utility=utility) <= CONTRACT


def test_a_class_with_one_member() -> None:
    dataset = toy_dataset(n=300, d=6)
    ones, zeros = np.flatnonzero(dataset.y_pool == 1), np.flatnonzero(dataset.y_pool == 0)
    assert relative_error(dataset, np.append(zeros[:40], ones[0])) <= CONTRACT


def test_duplicates_and_far_points() -> None:
    dataset = toy_dataset(n=120, d=5)
    X, y = dataset.X_pool.copy(), dataset.y_pool.copy()
    X[60:110], y[60:110] = X[:50], y[:50]
    X[110:] *= 30.0
    twin = replace(dataset, X_pool=X, y_pool=y)
    assert relative_error(twin, np.arange(52), n=60) <= CONTRACT


def test_features_far_from_the_origin() -> None:
    dataset = toy_dataset(n=150, d=4)
    moved = replace(dataset, X_pool=dataset.X_pool + 1e4, X_valuation=dataset.X_valuation + 1e4)
    learner, members, points = make_learner("kernel_logistic", gamma=0.25), np.arange(50), np.arange(50, 150)
    delta = learner.contributions(dataset, members, points).delta
    again = learner.contributions(moved, members, points).delta
    np.testing.assert_allclose(again, delta, atol=1e-4 * delta.std())


def test_rows_that_do_not_settle_are_fitted_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = toy_dataset(n=150, d=10)
    members = np.random.default_rng(4).permutation(150)[:60]
    outside = np.setdiff1d(np.arange(150), members)
    settled = make_learner("kernel_logistic").contributions(dataset, members, outside).delta
    monkeypatch.setattr(kernel_logistic, "_MAX_STEPS", 0)
    by_newton = make_learner("kernel_logistic").contributions(dataset, members, outside).delta
    np.testing.assert_allclose(by_newton, settled, atol=CONTRACT * settled.std())
    assert not np.array_equal(by_newton, settled)


@pytest.mark.parametrize("gamma", [None, 1e-3])  # the second makes most eigenvalues of the kernel small
def test_base_loss_and_reference_are_the_loss_of_the_coalition_alone(gamma: float | None) -> None:
    dataset = toy_dataset(n=100, d=5)
    learner, members = make_learner("kernel_logistic", gamma="scale" if gamma is None else gamma), np.arange(40)
    expected = log_loss(dataset.y_valuation, tight_probabilities(dataset, members, 5.0, gamma or scale(dataset)))
    assert learner.contributions(dataset, members, np.array([50])).base_loss == pytest.approx(expected, abs=1e-9)
    assert learner.reference_loss(dataset, members, "log_loss") == pytest.approx(expected, abs=1e-9)


def test_a_batch_equals_its_singles_and_follows_a_permutation() -> None:
    dataset = toy_dataset(n=400, d=6)
    learner, members = make_learner("kernel_logistic"), np.arange(80)
    points = np.random.default_rng(0).permutation(np.arange(80, 400))
    delta = learner.contributions(dataset, members, points).delta
    singles = [learner.contributions(dataset, members, points[i : i + 1]).delta[0] for i in range(30)]
    np.testing.assert_allclose(singles, delta[:30], atol=1e-4 * delta.std())
    back = learner.contributions(dataset, members, points[::-1]).delta[::-1]
    np.testing.assert_allclose(back, delta, atol=1e-4 * delta.std())
    shuffled = learner.contributions(dataset, members[::-1].copy(), points).delta
    np.testing.assert_allclose(shuffled, delta, atol=1e-4 * delta.std())


def kernel_of(k: int = 40) -> tuple[FloatMatrix, FloatVector]:
    generator = np.random.default_rng(3)
    X = generator.normal(size=(k, 4))
    return rbf_kernel(X, gamma=0.2), (generator.random(k) < expit(X[:, 0])).astype(np.float64)


@pytest.mark.parametrize("C", [0.1, 5.0, 1e5, 1e9])
def test_fit_meets_the_conditions_from_any_start(C: float) -> None:
    K, y = kernel_of()
    for start in (None, np.full(y.size, 4.0), 9 * np.sin(np.arange(y.size))):
        fit = fit_kernel(K, y, C, start)
        np.testing.assert_allclose(fit.beta, C * (y - expit(fit.f)), atol=2e-10 * C)
        np.testing.assert_allclose(fit.f, K @ fit.beta + fit.b, atol=1e-8 * max(C, 1.0))
        assert abs(fit.beta.sum()) <= 1e-9 * C


def test_a_start_that_is_certain_of_every_member_is_mended() -> None:
    # at logits of 800 no weight is left but the floor's
    K, y = kernel_of()
    fit, expected = fit_kernel(K, y, 5.0, np.full(y.size, 800.0)), fit_kernel(K, y, 5.0)
    np.testing.assert_allclose(fit.beta, expected.beta, atol=1e-6)
    assert fit.b == pytest.approx(expected.b, abs=1e-6)


def test_fit_minimises_the_objective() -> None:
    K, y = kernel_of()

    def objective(free: FloatVector) -> float:
        f = K @ free[:-1] + free[-1]
        return float(5.0 * np.sum(np.logaddexp(0, f) - y * f) + free[:-1] @ K @ free[:-1] / 2)

    fit = fit_kernel(K, y, 5.0)
    found = objective(np.append(fit.beta, fit.b))
    assert found <= minimize(objective, np.zeros(y.size + 1), method="BFGS", options={"maxiter": 60}).fun + 1e-9


def test_kernel_blocks_equal_their_definition() -> None:
    generator = np.random.default_rng(5)
    X, Y = generator.normal(size=(30, 4)), generator.normal(size=(20, 4))
    left, right = RadialFeatures.of(X, 0.7), RadialFeatures.of(Y, 0.7)
    np.testing.assert_allclose(left.kernel(right, np.float64), rbf_kernel(X, Y, gamma=0.7), atol=1e-14)
    np.testing.assert_allclose(left[3:5].kernel(right), rbf_kernel(X[3:5], Y, gamma=0.7), atol=1e-6)


def test_shrunk_kernel_is_its_definition() -> None:
    K, y = kernel_of(10)
    w = np.linspace(0.1, 2.0, y.size)
    expected = np.eye(y.size) + np.sqrt(np.outer(w, w)) * K
    np.testing.assert_allclose(shrunk_kernel(K, w, np.float64), expected, atol=1e-14)


def test_a_large_c_is_solved_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32 the same problem is wrong by more than is promised: the precision is what makes it right."""
    dataset = toy_dataset(n=330, d=4, noise=1.5)
    members, points = np.arange(300), np.arange(300, 316)
    learner = make_learner("kernel_logistic", C=2000.0)
    base = learner.reference_loss(dataset, members, "log_loss")
    refits = np.array([base - learner.reference_loss(dataset, np.append(members, z), "log_loss") for z in points])
    errors = []
    for limit in (10.0, np.inf):
        monkeypatch.setattr("dscale_core.learners.kernel_logistic.kernel_engine._SINGLE_LIMIT", limit)
        found = replace(learner).contributions(replace(dataset), members, points).delta  # an engine of its own
        errors.append(np.abs(found - refits).max() / refits.std())
    assert errors[0] < 1e-4
    assert errors[1] > 1e-3


def test_a_fit_that_does_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_fit, "_MAX_NEWTON", 2)
    K, y = kernel_of()
    with pytest.raises(ArgumentError, match="C must be one the solver settles for"):
        fit_kernel(K, y, 100.0)


def test_members_that_are_all_but_certain_can_still_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """What such members tell is nothing: S is what a Gaussian process with a free constant keeps after seeing the others."""
    K, y = kernel_of()
    f = 3 * np.sin(np.arange(y.size))
    f[::4] = 60.0
    C, seen = 100.0, np.flatnonzero(f < 50)
    weights = C * expit(f[seen]) * expit(-f[seen])
    ones = np.ones((1, y.size))
    system = np.block([[K[np.ix_(seen, seen)] + np.diag(1 / weights), ones[:, seen].T], [ones[:, seen], np.zeros((1, 1))]])
    towards = np.vstack([K[seen], ones])
    expected = K - towards.T @ np.linalg.solve(system, towards)

    def covariance() -> FloatMatrix:
        solver = kernel_logistic._Solver(K, kernel_fit.KernelFit(np.zeros(y.size), 0.0, f), C, np.float64)
        np.testing.assert_allclose(solver.covariance(K)[0], solver._S / C, atol=1e-9)
        return np.asarray(solver._S / C)

    np.testing.assert_allclose(covariance(), expected, atol=1e-9)
    monkeypatch.setattr(kernel_logistic, "_CERTAIN", 0.0)
    with pytest.raises(AssertionError):
        covariance()

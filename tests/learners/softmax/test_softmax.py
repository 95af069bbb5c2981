"""The softmax engine against independent refits, literal formulas and its own invariants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from literal_loss import literal_loss
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from toy import toy_dataset

from dscale_core.errors import ArgumentError
from dscale_core.learners import make_learner
from dscale_core.learners.compiled import softmax_kernels, softmax_own
from dscale_core.learners.compiled.logit_kernels import UTILITY_CODES
from dscale_core.learners.softmax import multiclass as engine_module
from dscale_core.learners.softmax import softmax_fit
from dscale_core.learners.softmax.softmax_fit import SoftmaxProblem, fit_softmax, hessian, log_probabilities
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector

CONTRACT = 1e-3  # of the spread of delta over points


def tight_probabilities(dataset: Dataset, members: IntVector, C: float = 1.0) -> FloatMatrix:
    """Probabilities on the valuation set by another solver than the one the audit uses."""
    model = LogisticRegression(C=C, solver="newton-cg", tol=1e-11, max_iter=10_000)
    model.fit(dataset.X_pool[members], dataset.y_pool[members])
    out = np.zeros((dataset.y_valuation.size, len(dataset.class_names)))
    out[:, model.classes_] = model.predict_proba(dataset.X_valuation)
    return out


def literal_objective_probabilities(dataset: Dataset, members: IntVector, C: float = 1.0) -> FloatMatrix:
    """The same from the objective as it is written, one weight vector a class that the members hold."""
    X, present = dataset.X_pool[members], np.unique(dataset.y_pool[members])
    hot = dataset.y_pool[members][:, None] == present
    shape = (present.size, X.shape[1] + 1)

    def objective(flat: FloatVector) -> tuple[float, FloatVector]:
        W = flat.reshape(shape)
        eta = X @ W[:, :-1].T + W[:, -1]
        gradient = C * (softmax(eta, axis=1) - hot).T @ np.column_stack([X, np.ones(len(X))])
        gradient[:, :-1] += W[:, :-1]
        value = C * (logsumexp(eta, axis=1).sum() - eta[hot].sum()) + np.sum(W[:, :-1] ** 2) / 2
        return value, gradient.ravel()

    W = minimize(objective, np.zeros(shape).ravel(), jac=True, options={"gtol": 1e-8, "maxiter": 5000}).x.reshape(shape)
    out = np.zeros((dataset.y_valuation.size, len(dataset.class_names)))
    out[:, present] = softmax(dataset.X_valuation @ W[:, :-1].T + W[:, -1], axis=1)
    return out


def relative_error(
    dataset: Dataset,
    members: IntVector,
    n: int,
    C: float = 1.0,
    utility: str = "log_loss",
    probabilities=tight_probabilities,
) -> float:
    outside = np.setdiff1d(np.arange(dataset.n_points), members)
    delta = make_learner("logistic", C=C).contributions(dataset, members, outside, utility).delta
    base = literal_loss(utility, probabilities(dataset, members, C), dataset.y_valuation)
    some = np.random.default_rng(9).permutation(outside.size)[:n]
    grown = [probabilities(dataset, np.append(members, outside[i]), C) for i in some]
    refits = [base - literal_loss(utility, p, dataset.y_valuation) for p in grown]
    return float(np.abs(delta[some] - refits).max() / delta.std())


@pytest.mark.parametrize(
    ("n", "d", "size", "noise", "C", "classes"),
    [
        (400, 8, 60, 0.5, 1.0, 3),  # more members than features
        (400, 40, 30, 0.5, 1.0, 4),  # within the members' span
        (400, 40, 60, 0.0, 1.0, 3),  # separable
        (400, 20, 200, 2.0, 1.0, 5),  # noisy labels
        (400, 8, 60, 0.5, 100.0, 3),  # hardly regularised: some rows take Newton's method
        (400, 8, 60, 0.5, 0.01, 10),
        (300, 200, 50, 0.1, 1.0, 3),  # one step flips a candidate's own logits
    ],
)
def test_engine_equals_tight_refits(n: int, d: int, size: int, noise: float, C: float, classes: int) -> None:
    dataset = toy_dataset(n=n, d=d, noise=noise, classes=classes)
    members = np.random.default_rng(1).permutation(n)[:size]
    assert relative_error(dataset, members, 20, C) <= CONTRACT


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
def test_every_utility_equals_its_literal_formula(utility: str) -> None:
    dataset = toy_dataset(n=300, d=12, classes=4)
    members = np.random.default_rng(2).permutation(300)[:60]
    assert relative_error(dataset, members, 25, utility=utility) <= CONTRACT


def test_a_class_with_one_member() -> None:
    dataset = toy_dataset(n=300, d=6, classes=3)
    of = [np.flatnonzero(dataset.y_pool == a) for a in range(3)]
    assert relative_error(dataset, np.concatenate([of[0][:50], of[1][:8], of[2][:1]]), 25) <= CONTRACT


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
def test_a_candidate_may_bring_a_class_that_the_coalition_lacks(utility: str) -> None:
    dataset = toy_dataset(n=200, d=5, classes=4)
    members = np.flatnonzero(dataset.y_pool != 2)[:40]
    assert relative_error(dataset, members, 20, utility=utility) <= CONTRACT


def test_two_classes_of_several_keep_one_weight_vector_a_class() -> None:
    dataset = toy_dataset(n=120, d=4, classes=3)
    members = np.flatnonzero(dataset.y_pool != 1)[:30]
    assert relative_error(dataset, members, 12, probabilities=literal_objective_probabilities) <= CONTRACT
    learner = make_learner("logistic")
    reference = learner.reference_loss(dataset, members, "log_loss")
    assert learner.contributions(dataset, members, np.array([119])).base_loss == pytest.approx(reference, abs=1e-8)


def test_large_features() -> None:
    dataset = toy_dataset(n=200, d=6, scale=300.0, classes=3)
    members = np.random.default_rng(3).permutation(200)[:60]
    assert relative_error(dataset, members, 15, C=1e-4) <= CONTRACT


def test_features_far_from_the_origin_are_worked_in_double_precision() -> None:
    # the intercepts are free, so that a shift changes no contribution: 7e-5 of the spread by rounding, 4e-4 in float32
    dataset = toy_dataset(n=200, d=4, classes=3, seed=2)
    far = replace(dataset, X_pool=dataset.X_pool + 1e3, X_valuation=dataset.X_valuation + 1e3)
    learner, members, points = make_learner("logistic"), np.arange(60), np.arange(60, 200)
    delta = learner.contributions(dataset, members, points).delta
    again = learner.contributions(far, members, points).delta
    np.testing.assert_allclose(again, delta, rtol=0, atol=2e-4 * delta.std())


def test_rows_that_do_not_settle_are_fitted_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = toy_dataset(n=120, d=10, classes=3)
    members = np.random.default_rng(4).permutation(120)[:60]
    outside = np.setdiff1d(np.arange(120), members)
    settled = make_learner("logistic").contributions(dataset, members, outside).delta
    monkeypatch.setattr(engine_module, "_MAX_STEPS", 0)
    by_newton = make_learner("logistic").contributions(dataset, members, outside).delta
    np.testing.assert_allclose(by_newton, settled, atol=CONTRACT * settled.std())
    assert not np.array_equal(by_newton, settled)


def test_a_batch_equals_its_singles_and_follows_a_permutation() -> None:
    dataset = toy_dataset(n=400, d=10, classes=3)
    learner, members = make_learner("logistic"), np.arange(80)
    points = np.random.default_rng(0).permutation(np.arange(80, 400))
    delta = learner.contributions(dataset, members, points).delta
    singles = [learner.contributions(dataset, members, points[i : i + 1]).delta[0] for i in range(15)]
    np.testing.assert_allclose(singles, delta[:15], atol=1e-4 * delta.std())
    back = learner.contributions(dataset, members, points[::-1]).delta[::-1]
    np.testing.assert_allclose(back, delta, atol=1e-4 * delta.std())
    shuffled = learner.contributions(dataset, members[::-1].copy(), points).delta
    np.testing.assert_allclose(shuffled, delta, atol=1e-4 * delta.std())


def test_classes_may_be_renumbered() -> None:
    dataset = toy_dataset(n=200, d=6, classes=4)
    order = np.array([2, 0, 3, 1])
    other = replace(dataset, y_pool=order[dataset.y_pool], y_valuation=order[dataset.y_valuation])
    learner, members, points = make_learner("logistic"), np.arange(60), np.arange(60, 200)
    delta = learner.contributions(dataset, members, points).delta
    again = learner.contributions(other, members, points).delta
    np.testing.assert_allclose(again, delta, atol=CONTRACT / 2 * delta.std())


def test_a_duplicate_of_a_member_is_a_candidate_like_any_other() -> None:
    dataset = toy_dataset(n=120, d=5, classes=3)
    X, y = dataset.X_pool.copy(), dataset.y_pool.copy()
    X[60:], y[60:] = X[:60], y[:60]
    assert relative_error(replace(dataset, X_pool=X, y_pool=y), np.arange(50), 20) <= CONTRACT


def problem_of(k: int = 60, r: int = 5, classes: int = 4) -> tuple[SoftmaxProblem, FloatMatrix]:
    generator = np.random.default_rng(7)
    X = np.column_stack([generator.normal(size=(k, r - 1)), np.ones(k)])
    return SoftmaxProblem(X, np.arange(k) % classes, 2.0), generator.normal(size=(classes - 1, r))


def test_hessian_products_and_matrix_are_the_gradients_derivative() -> None:
    problem, theta = problem_of()
    direction = np.random.default_rng(8).normal(size=theta.shape)

    def gradient(step: float) -> FloatMatrix:
        moved = theta + step * direction
        return problem.gradient(moved, np.exp(log_probabilities(problem.X, moved)))

    p = np.exp(log_probabilities(problem.X, theta))
    slope = (gradient(1e-5) - gradient(-1e-5)) / 2e-5
    np.testing.assert_allclose(problem.curve(direction, p), slope, atol=1e-7)
    lower = np.tril(hessian(problem, p, np.float64))
    H = lower + np.tril(lower, -1).T
    np.testing.assert_allclose((H @ direction.ravel()).reshape(theta.shape), slope, atol=1e-7)


def test_fit_has_no_gradient_left_from_any_start() -> None:
    problem, theta = problem_of()
    found = [fit_softmax(problem, start) for start in (np.zeros_like(theta), 5 * theta)]
    for fitted in found:
        assert np.abs(problem.gradient(fitted, np.exp(log_probabilities(problem.X, fitted)))).max() <= 1e-7
    np.testing.assert_allclose(found[0], found[1], atol=1e-7)


def gradient_left(k: int, d: int, scale: float, C: float, seed: int) -> float:
    """Largest entry of the gradient at the fit, per unit of C and of the features, in the members' span."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(k, d))
    y = np.argmax(X @ generator.normal(size=(d, 3)), axis=1)
    X = scale * (X if k > d else X @ np.linalg.qr(X.T)[0])
    problem = SoftmaxProblem(np.column_stack([X, np.ones(k)]), y, C)
    theta = fit_softmax(problem, np.zeros((2, problem.X.shape[1])))
    gradient = problem.gradient(theta, np.exp(log_probabilities(problem.X, theta)))
    return float(np.abs(gradient).max() / C / scale)


@pytest.mark.parametrize(("k", "d", "C"), [(60, 5, 1.0), (30, 4, 1e4)])
def test_steps_that_overshoot_are_halved(k: int, d: int, C: float) -> None:
    assert gradient_left(k, d, 1e3, C, 5) <= 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_a_hessian_without_a_factor_in_single_precision_is_shifted_until_it_has_one(seed: int) -> None:
    assert gradient_left(10, 30, 1e3, 1e4, seed) <= 1e-6


def test_a_start_without_any_gradient_is_the_optimum() -> None:
    problem = SoftmaxProblem(np.ones((60, 1)), np.arange(60) % 4, 2.0)
    start = np.zeros((3, 1))
    np.testing.assert_array_equal(problem.gradient(start, np.full((60, 4), 0.25)), 0.0)
    np.testing.assert_array_equal(fit_softmax(problem, start), 0.0)


def closed(u: FloatMatrix) -> FloatMatrix:
    return np.concatenate([u, -u.sum(axis=-2, keepdims=True)], axis=-2)


@pytest.mark.parametrize("size", [1e-4, 1.0, 30.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_remainder_equals_its_definition(size: float, dtype: type) -> None:
    generator = np.random.default_rng(0)
    eta, u = generator.normal(size=(4, 300)), size * generator.normal(size=(3, 3, 300))
    p, steps = softmax(eta, axis=0), closed(u.astype(dtype).astype(np.float64))
    curved = p * (steps - (p * steps).sum(axis=1, keepdims=True))
    rho = softmax(eta + steps, axis=1) - p - curved
    found = u.astype(dtype)
    largest = softmax_kernels.softmax_remainder(found, p.astype(dtype))
    # the definition itself cancels to 1e-16
    np.testing.assert_allclose(
        found, rho[:, :-1] - rho[:, -1:], atol=1e-6 * size if dtype == np.float32 else 1e-14 * (1 + size)
    )
    np.testing.assert_allclose(largest, (steps.max(axis=1) - steps.min(axis=1)).max(axis=1), rtol=1e-6)


@pytest.mark.parametrize("utility", list(UTILITY_CODES))
def test_loss_changes_equal_their_definition(utility: str) -> None:
    generator = np.random.default_rng(1)
    eta, u = 3 * generator.normal(size=(5, 300)), generator.normal(size=(2, 4, 300))
    u[1] *= 100  # beyond the floor of the log-loss
    y, p = generator.integers(5, size=300), softmax(eta, axis=0)
    logs = np.log(p)
    outer, hot = np.exp(p) / np.exp(p).sum(axis=0), np.eye(5)[y].T
    state = tuple(np.ascontiguousarray(a) for a in (p, hot, logs, logs[y, np.arange(300)], outer))
    found = softmax_kernels.loss_change(UTILITY_CODES[utility], u, *state) / 300
    after = softmax(eta + closed(u), axis=1)
    expected = [literal_loss(utility, a.T, y) - literal_loss(utility, p.T, y) for a in after]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("strength", [0.01, 1.0, 200.0])
def test_own_residual_solves_its_equation(strength: float) -> None:
    generator = np.random.default_rng(2)
    n, width, rows = 4, 3, 20
    own = generator.normal(size=(rows, n, n * width)) * np.sqrt(strength)
    for a in range(n):
        own[:, a, : a * width] = 0.0
    h, eta = generator.normal(size=(rows, n * width)), 5 * generator.normal(size=(rows, n + 1))
    y, sigma, out = generator.integers(n + 1, size=rows), np.zeros((rows, n)), np.empty((rows, n * width))
    softmax_own.own_step(h, own, own @ own.transpose(0, 2, 1), eta, y, 1.5, sigma, out)
    np.testing.assert_allclose(out, h - 1.5 * np.einsum("ia,iap->ip", sigma, own), atol=1e-9)
    t = np.einsum("iap,ip->ia", own, out)
    s = softmax(eta + closed(t[:, :, None])[:, :, 0], axis=1) - np.eye(n + 1)[y]
    np.testing.assert_allclose(sigma, s[:, :-1] - s[:, -1:], atol=1e-7)


def test_a_fit_that_does_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax_fit, "_MAX_NEWTON", 2)
    with pytest.raises(ArgumentError, match="C must be one the solver settles for"):
        make_learner("logistic", C=100.0).contributions(toy_dataset(classes=3), np.arange(50), np.array([60]))

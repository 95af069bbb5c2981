"""The logistic engine at the ends of its range, against fits of the grown coalitions to the last digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from toy import toy_dataset

from dscale_core.learners import make_learner
from dscale_core.learners.logistic import binary
from dscale_core.learners.logistic.newton import fit_newton
from dscale_core.learners.softmax.softmax_fit import SoftmaxProblem, fit_softmax, log_probabilities
from dscale_core.learners.two_classes import LogitValuation, loss_of_logits
from dscale_core.types import Dataset, FloatVector, IntVector


def literal_loss(utility: str, eta: FloatVector, y: IntVector) -> float:
    own = expit(np.where(y == 1, eta, -eta))
    if utility == "log_loss":
        return float(-np.log(np.maximum(own, np.finfo(np.float64).eps)).mean())
    return float(((1 - own) ** 2).mean() if utility == "brier" else np.mean(own <= 0.5))


def error_of(dataset: Dataset, members: IntVector, n: int, C: float, utility: str) -> float:
    """Largest error over the first n points outside, in units of the spread: scikit-learn's fits stop too early for it."""
    X, X_valuation = (np.column_stack([X, np.ones(X.shape[0])]) for X in (dataset.X_pool, dataset.X_valuation))
    y = dataset.y_pool.astype(np.float64)

    def loss_of(rows: IntVector) -> float:
        return literal_loss(utility, X_valuation @ fit_newton(X[rows], y[rows], C, 1e-13).theta, dataset.y_valuation)

    outside = np.setdiff1d(np.arange(dataset.n_points), members)[:n]
    found = make_learner("logistic", C=C).contributions(dataset, members, outside, utility)
    refits = np.array([loss_of(members) - loss_of(np.append(members, z)) for z in outside])
    assert found.base_loss == pytest.approx(loss_of(members), rel=1e-7)
    return float(np.abs(found.delta - refits).max() / refits.std())


def test_large_features_are_worked_in_double_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a solver that leaves no error of its own, what single precision loses is seen: some 1e-6 of the spread."""
    monkeypatch.setattr(binary, "_MAX_STEPS", 0)
    for scale, C in ((1.0, 9.0), (300.0, 1.0)):
        dataset = toy_dataset(n=200, d=6, scale=scale)
        error = error_of(dataset, np.random.default_rng(3).permutation(200)[:60], 25, C, "brier")
        assert (error <= 1e-7) == (scale > 64)


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy"])
@pytest.mark.parametrize(("scale", "C", "farthest"), [(20.0, 100.0, 64.0), (200.0, 1.0, np.inf), (1000.0, 1.0, np.inf)])
def test_points_far_outside_may_cross_over_and_cost_no_more_than_the_floor(
    utility: str, scale: float, C: float, farthest: float
) -> None:
    """Logits of hundreds change their sign: e^-|logit| is no number in float32, and beyond 708 not in float64 either."""
    dataset = toy_dataset(n=200, d=6)
    dataset = replace(dataset, X_valuation=np.clip(scale * dataset.X_valuation, -farthest, farthest))
    members = np.random.default_rng(3).permutation(200)[:60]
    assert error_of(dataset, members, 20, C, utility) <= 1e-4


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("utility", "y", "eta", "step"),
    [
        ("log_loss", 1, -30.0, -10.0),  # the floor of the loss is at 36
        ("log_loss", 0, 30.0, 10.0),
        ("log_loss", 1, -40.0, 20.0),
        ("log_loss", 1, -40.0, -5.0),
        ("log_loss", 0, -30.0, -50.0),
        ("brier", 1, -100.0, 105.0),
        ("brier", 0, 100.0, -105.0),
        ("brier", 1, -800.0, 803.0),
        ("paper_log_loss", 0, 800.0, -801.0),
        ("accuracy", 1, -900.0, 901.0),
    ],
)
def test_one_far_point_changes_its_loss_as_the_loss_does(kind: type, utility: str, y: int, eta: float, step: float) -> None:
    labels, logits = np.array([y, 1 - y]), np.array([eta, 0.3])
    valuation = LogitValuation(logits, labels, utility, kind)
    steps = np.array([[step, 0.0], [0.0, 0.0], [0.0, 1.0]], dtype=kind)
    expected = [loss_of_logits(utility, logits + row, labels) - loss_of_logits(utility, logits, labels) for row in steps]
    np.testing.assert_allclose(valuation.change(steps), expected, atol=1e-6 * (1 + abs(expected[0])))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("utility", ["log_loss", "brier"])
def test_a_tiny_step_keeps_its_digits(kind: type, utility: str) -> None:
    """A difference of two losses has none left: the loss is known to 1e-16, and this step changes it by less."""
    eta, y, step = np.array([0.5, -20.0, 3.0]), np.array([1, 1, 0]), 1e-12
    p = expit(eta)
    slope = (p - y) if utility == "log_loss" else 2 * (p - y) * p * (1 - p)
    found = LogitValuation(eta, y, utility, kind).change(np.full((1, 3), step, dtype=kind))
    assert found[0] == pytest.approx(step * slope.mean(), rel=2e-6)


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
@pytest.mark.parametrize(
    ("scale", "C", "farthest"), [(1.0, 1e3, 64.0), (20.0, 100.0, 64.0), (200.0, 1.0, np.inf), (3000.0, 1.0, np.inf)]
)
def test_points_far_outside_may_cross_over_between_several_classes(
    utility: str, scale: float, C: float, farthest: float
) -> None:
    dataset = toy_dataset(n=200, d=6, classes=3)
    dataset = replace(dataset, X_valuation=np.clip(scale * dataset.X_valuation, -farthest, farthest))
    members = np.random.default_rng(3).permutation(200)[:60]
    X, X_valuation = (np.column_stack([X, np.ones(X.shape[0])]) for X in (dataset.X_pool, dataset.X_valuation))

    def loss_of(rows: IntVector) -> float:
        theta = fit_softmax(SoftmaxProblem(X[rows], dataset.y_pool[rows], C), np.zeros((2, 7)))
        p = np.exp(log_probabilities(X_valuation, theta))
        own = p[np.arange(p.shape[0]), dataset.y_valuation]
        each = {
            "log_loss": -np.log(np.maximum(own, np.finfo(np.float64).eps)),
            "brier": ((p - np.eye(3)[dataset.y_valuation]) ** 2).sum(axis=1) / 2,
            "accuracy": p.argmax(axis=1) != dataset.y_valuation,
            "paper_log_loss": np.log(np.exp(p).sum(axis=1)) - own,
        }
        return float(each[utility].mean())

    outside = np.setdiff1d(np.arange(200), members)[:20]
    delta = make_learner("logistic", C=C).contributions(dataset, members, outside, utility).delta
    refits = np.array([loss_of(members) - loss_of(np.append(members, z)) for z in outside])
    assert np.abs(delta - refits).max() <= 1e-3 * refits.std()


def test_results_do_not_depend_on_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, members = toy_dataset(n=300, d=10), np.arange(0, 300, 4)
    whole = make_learner("logistic").contributions(dataset, members, np.arange(300)).delta
    monkeypatch.setattr(binary, "_ROWS", 7)
    blocked = make_learner("logistic").contributions(dataset, members, np.arange(300)).delta
    np.testing.assert_allclose(blocked, whole, atol=1e-4 * np.nanstd(whole))


def test_both_forms_of_the_iteration_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, members = toy_dataset(n=300, d=20), np.arange(0, 300, 7)
    found = []
    for form in (binary._Primal, binary._Dual):
        with monkeypatch.context() as patch:
            patch.setattr(binary, "_Primal", form)
            patch.setattr(binary, "_Dual", form)
            found.append(make_learner("logistic").contributions(dataset, members, np.arange(300)).delta)
    np.testing.assert_allclose(found[1], found[0], atol=5e-4 * np.nanstd(found[0]))
    assert not np.array_equal(found[1], found[0], equal_nan=True)

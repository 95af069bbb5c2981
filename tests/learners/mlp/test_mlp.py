"""The perceptron's engine against scikit-learn's own training, torch's batches and its own invariants."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from literal_loss import literal_loss
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from toy import clusters, toy_dataset, with_duplicates

from dscale_core.errors import ArgumentError
from dscale_core.learners import make_learner
from dscale_core.learners.base.utility import loss
from dscale_core.learners.mlp import perceptron
from dscale_core.learners.mlp.perceptron import Mlp, MlpEngine
from dscale_core.learners.mlp.start import Start
from dscale_core.types import Dataset, FloatMatrix, FloatVector, IntVector

CONTRACT = 1e-4  # of the spread of delta over points
STEPS = 60


def stock(dataset: Dataset, members: IntVector, learner: Mlp) -> Any:
    """scikit-learn's estimator, fitted in one go as a user writes it."""
    kind = MLPRegressor if dataset.task == "regression" else MLPClassifier
    model = kind(
        hidden_layer_sizes=(learner.hidden,),
        activation=learner.activation,
        solver="adam",
        alpha=learner.alpha,
        batch_size=members.size,
        shuffle=False,
        learning_rate_init=learner.learning_rate,
        max_iter=learner.steps,
        n_iter_no_change=learner.steps + 1,
        tol=0.0,
        random_state=learner.seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(dataset.X_pool[members], dataset.y_pool[members])


def stock_loss(utility: str, dataset: Dataset, members: IntVector, learner: Mlp) -> float:
    model = stock(dataset, members, learner)
    predict = model.predict if utility == "mse" else model.predict_proba
    return literal_loss(utility, predict(dataset.X_valuation), dataset.y_valuation)


def literal_delta(utility: str, dataset: Dataset, members: IntVector, points: IntVector, learner: Mlp) -> FloatVector:
    base = stock_loss(utility, dataset, members, learner)
    return np.array([base - stock_loss(utility, dataset, np.append(members, z), learner) for z in points])


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(
    ("task", "classes", "n", "d", "size", "hidden"),
    [
        ("classification", 2, 200, 8, 63, 32),  # with the candidate a whole block
        ("classification", 2, 200, 8, 64, 32),  # the candidate begins a block
        ("classification", 3, 200, 5, 70, 20),  # softmax, a padded panel
        ("classification", 2, 100, 40, 20, 70),  # k < d, three panels
        ("regression", 2, 200, 7, 131, 32),
    ],
)
def test_in_float64_it_is_scikit_learns_own_fit(
    activation: str, task: Any, classes: int, n: int, d: int, size: int, hidden: int
) -> None:
    dataset = toy_dataset(n=n, d=d, classes=classes, task=task)
    utility = "mse" if task == "regression" else "log_loss"
    learner = Mlp(hidden=hidden, steps=STEPS, activation=activation, seed=3)
    points = np.arange(size, size + 8)
    found = MlpEngine(learner, dataset, utility, np.float64).contributions(np.arange(size), points)
    expected = literal_delta(utility, dataset, np.arange(size), points, learner)
    np.testing.assert_allclose(found.delta, expected, atol=1e-9 * expected.std())


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
@pytest.mark.parametrize(("task", "classes"), [("classification", 2), ("classification", 3), ("regression", 2)])
def test_single_precision_gives_the_same_delta(activation: str, task: Any, classes: int) -> None:
    dataset = toy_dataset(n=200, d=8, classes=classes, task=task)
    utility = "mse" if task == "regression" else "log_loss"
    learner, members, points = make_learner("mlp", activation=activation), np.arange(90), np.arange(90, 130)
    single = learner.contributions(dataset, members, points, utility).delta
    double = MlpEngine(learner, dataset, utility, np.float64).contributions(members, points).delta  # type: ignore[arg-type]
    np.testing.assert_allclose(single, double, atol=CONTRACT * double.std())


def numpy_gelu_delta(dataset: Dataset, members: IntVector, points: IntVector, learner: Mlp) -> FloatVector:
    """Training with gelu in plain NumPy, for two classes: forward, backward, Adam."""
    start = Start.draw(learner, dataset)
    scale = np.sqrt(2 / np.pi)

    def value(x: FloatMatrix) -> FloatMatrix:
        return 0.5 * x * (1 + np.tanh(scale * (x + 0.044715 * x**3)))

    def slope(x: FloatMatrix) -> FloatMatrix:
        t = np.tanh(scale * (x + 0.044715 * x**3))
        return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * scale * (1 + 3 * 0.044715 * x**2)

    def final_loss(rows: IntVector) -> float:
        X, y = dataset.X_pool[rows], dataset.y_pool[rows][:, None]
        theta = [w.copy() for w in (start.W1, start.b1, start.W2, start.b2)]
        m, v = [np.zeros_like(w) for w in theta], [np.zeros_like(w) for w in theta]
        for t in range(1, learner.steps + 1):
            before = X @ theta[0] + theta[1]
            r = 1 / (1 + np.exp(-(value(before) @ theta[2] + theta[3]))) - y
            back = r @ theta[2].T * slope(before)
            decayed = (X.T @ back + learner.alpha * theta[0], value(before).T @ r + learner.alpha * theta[2])
            for i, g in enumerate((decayed[0], back.sum(axis=0), decayed[1], r.sum(axis=0))):
                m[i] = 0.9 * m[i] + 0.1 * g / rows.size
                v[i] = 0.999 * v[i] + 0.001 * (g / rows.size) ** 2
                rate = learner.learning_rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
                theta[i] = theta[i] - rate * m[i] / (np.sqrt(v[i]) + 1e-8)
        logit = value(dataset.X_valuation @ theta[0] + theta[1]) @ theta[2] + theta[3]
        return log_loss(dataset.y_valuation, 1 / (1 + np.exp(-logit[:, 0])))

    base = final_loss(members)
    return np.array([base - final_loss(np.append(members, z)) for z in points])


def test_gelu_equals_a_plain_training_and_so_does_its_reference() -> None:
    dataset, learner = toy_dataset(n=150, d=6), Mlp(activation="gelu", steps=STEPS)
    members, points = np.arange(70), np.arange(70, 78)
    expected = numpy_gelu_delta(dataset, members, points, learner)
    double = MlpEngine(learner, dataset, "log_loss", np.float64).contributions(members, points).delta
    np.testing.assert_allclose(double, expected, atol=1e-9 * expected.std())
    single = learner.contributions(dataset, members, points).delta
    np.testing.assert_allclose(single, expected, atol=CONTRACT * expected.std())
    grown = learner.reference_loss(dataset, np.append(members, 70), "log_loss")
    by_reference = learner.reference_loss(dataset, members, "log_loss") - grown
    assert by_reference == pytest.approx(expected[0], abs=1e-9 * expected.std())


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
@pytest.mark.parametrize("classes", [2, 3])
def test_every_utility_equals_its_literal_formula(utility: str, classes: int) -> None:
    dataset, learner = toy_dataset(n=200, d=6, classes=classes, noise=1.0), Mlp(steps=STEPS)
    members, points = np.arange(60), np.arange(60, 72)
    expected = literal_delta(utility, dataset, members, points, learner)
    found = learner.contributions(dataset, members, points, utility)
    # one valuation point more or less beyond the boundary is no rounding error: the differences are exact there
    np.testing.assert_allclose(found.delta, expected, atol=max(1e-4 * expected.std(), 1e-12))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_reference_is_the_stock_fit(activation: str) -> None:
    dataset, learner, members = toy_dataset(n=150, d=5), Mlp(activation=activation, steps=STEPS), np.arange(50)
    expected = stock_loss("log_loss", dataset, members, learner)
    assert learner.reference_loss(dataset, members, "log_loss") == pytest.approx(expected, rel=1e-12)


def test_a_candidate_of_a_class_that_the_coalition_lacks() -> None:
    dataset, learner = toy_dataset(n=200, d=4, classes=3), Mlp(steps=STEPS)
    two = np.flatnonzero(dataset.y_pool != 2)[:60]
    points = np.flatnonzero(dataset.y_pool == 2)[:6]
    found = learner.contributions(dataset, two, points).delta
    base = learner.reference_loss(dataset, two, "log_loss")
    grown = [learner.reference_loss(dataset, np.append(two, z), "log_loss") for z in points]
    np.testing.assert_allclose(found, base - np.array(grown), atol=CONTRACT * found.std())


def test_a_batch_equals_its_singles_and_members_may_come_in_any_order() -> None:
    dataset, learner, members = toy_dataset(n=200, d=6), Mlp(steps=STEPS), np.arange(50)
    points = np.random.default_rng(0).permutation(np.arange(50, 90))
    delta = learner.contributions(dataset, members, points).delta
    singles = [learner.contributions(dataset, members, points[i : i + 1]).delta[0] for i in range(points.size)]
    np.testing.assert_array_equal(delta, singles)
    turned = learner.contributions(dataset, members[::-1], points).delta
    np.testing.assert_allclose(turned, delta, atol=CONTRACT * delta.std())


def test_one_member_of_a_class_and_duplicates() -> None:
    dataset, learner = toy_dataset(n=200, d=6), Mlp(steps=STEPS)
    ones, zeros = np.flatnonzero(dataset.y_pool == 1), np.flatnonzero(dataset.y_pool == 0)
    members = np.append(zeros[:40], ones[0])
    X, y = dataset.X_pool.copy(), dataset.y_pool.copy()
    X[zeros[50]], y[zeros[50]] = X[ones[0]], 1
    twin, points = replace(dataset, X_pool=X, y_pool=y), np.append(zeros[50:56], ones[1:4])
    expected = literal_delta("log_loss", twin, members, points, learner)
    found = learner.contributions(twin, members, points).delta
    np.testing.assert_allclose(found, expected, atol=CONTRACT * expected.std())


@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu"])
@pytest.mark.parametrize(("task", "classes"), [("classification", 2), ("classification", 3), ("regression", 2)])
def test_torch_batches_equal_the_compiled_training(activation: str, task: Any, classes: int) -> None:
    from dscale_core.learners.mlp import candidate_batches as mlp_torch

    dataset = toy_dataset(n=120, d=5, classes=classes, task=task)
    utility = "mse" if task == "regression" else "log_loss"
    learner, members, points = Mlp(activation=activation, steps=STEPS), np.arange(50), np.arange(50, 62)
    start = Start.draw(learner, dataset)
    batches = [
        outputs
        for some in (None, points)
        for outputs in mlp_torch.batch_outputs(learner, start, dataset, members, some, np.float64, device="cpu")
    ]
    losses = [loss(utility, start.predictions(outputs), dataset.y_valuation) for outputs in batches]
    found = MlpEngine(learner, dataset, utility, np.float64).contributions(members, points)
    assert losses[0] == pytest.approx(found.base_loss, rel=1e-10)
    np.testing.assert_allclose(losses[0] - np.array(losses[1:]), found.delta, atol=1e-8 * found.delta.std())


def test_torch_batches_do_not_depend_on_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from dscale_core.learners.mlp import candidate_batches as mlp_torch

    dataset, learner, points = toy_dataset(n=100, d=5), Mlp(steps=20), np.arange(40, 47)
    start = Start.draw(learner, dataset)

    def outputs() -> FloatMatrix:
        found = mlp_torch.batch_outputs(learner, start, dataset, np.arange(40), points, np.float32, device="cpu")
        return np.array(list(found))[:, :, 0]

    together = outputs()
    monkeypatch.setattr(mlp_torch, "_CPU_BYTES", 1)
    np.testing.assert_allclose(outputs(), together, atol=1e-5)
    assert together.shape == (7, 150)


def test_without_a_card_auto_trains_on_the_cpu_and_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    dataset, members, points = toy_dataset(n=60, d=4), np.arange(20), np.array([30])
    by_auto = Mlp(steps=5, device="auto").contributions(dataset, members, points).delta
    np.testing.assert_array_equal(by_auto, Mlp(steps=5).contributions(dataset, members, points).delta)
    with pytest.raises(ArgumentError, match="device must be there"):
        Mlp(device="cuda").bind(dataset, "log_loss")


@pytest.mark.parametrize(("distance", "size", "alpha", "twins"), [(20.0, 60, 0.0, False), (20.0, 60, 1.0, True)])
def test_where_the_gradient_vanishes_the_training_is_in_double_precision(
    distance: float, size: int, alpha: float, twins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, members, points = clusters(distance), np.arange(size), np.arange(size, size + 12)
    if twins:
        dataset = with_duplicates(dataset, members, points)
    learner = Mlp(alpha=alpha, hidden=16)
    double = MlpEngine(learner, dataset, "log_loss", np.float64).contributions(members, points).delta
    found = MlpEngine(learner, dataset, "log_loss", np.float32).contributions(members, points).delta
    np.testing.assert_allclose(found, double, atol=CONTRACT * double.std(), rtol=0)
    monkeypatch.setattr(perceptron, "_STRAYED", np.inf)
    monkeypatch.setattr(MlpEngine, "_contradicting", lambda self, coalition, some: np.zeros(some.size, dtype=bool))  # noqa: ARG005
    single = MlpEngine(learner, dataset, "log_loss", np.float32).contributions(members, points).delta
    assert np.abs(single - double).max() > 1e-3 * double.std()


def test_a_candidate_that_contradicts_a_member_is_trained_in_double_precision() -> None:
    dataset, members = toy_dataset(n=100, d=5), np.arange(30)
    X, y = dataset.X_pool.copy(), dataset.y_pool.copy()
    X[40], y[40] = X[3], 1 - y[3]
    X[41], y[41] = X[3], y[3]
    engine = MlpEngine(Mlp(steps=5), replace(dataset, X_pool=X, y_pool=y), "log_loss", np.float32)
    np.testing.assert_array_equal(engine._contradicting(members, np.arange(40, 43)), [True, False, False])
    assert not engine._contradicting(members, members).any()
    assert engine._contradicting(np.append(members, 40), np.append(members, 40))[[3, 30]].all()

"""Refit learners equal the literal two-fit loop; the registry serves an estimator of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from toy import toy_dataset

from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.learners import (
    EstimatorSpec,
    describe_learner,
    list_learners,
    make_learner,
    register_estimator,
    registry,
)
from dscale_core.learners.refit import estimators

REFITS = [name for name in list_learners() if not describe_learner(name).exact]


def test_a_tree_equals_the_literal_loop() -> None:
    dataset = toy_dataset(n=150, d=4)
    members, points = np.arange(60), np.arange(60, 75)
    found = make_learner("tree").contributions(dataset, members, points)

    def literal(rows: Any) -> float:
        model = DecisionTreeClassifier(min_samples_leaf=5, random_state=0).fit(dataset.X_pool[rows], dataset.y_pool[rows])
        return log_loss(dataset.y_valuation, model.predict_proba(dataset.X_valuation))

    expected = [literal(members) - literal(np.append(members, z)) for z in points]
    np.testing.assert_allclose(found.delta, expected, atol=1e-12)
    assert found.base_loss == pytest.approx(literal(members))


def test_a_regression_tree_is_measured_by_its_squared_error() -> None:
    dataset = toy_dataset(n=150, d=4, task="regression")
    members = np.arange(60)
    found = make_learner("tree").contributions(dataset, members, np.array([70]), "mse")
    model = DecisionTreeRegressor(min_samples_leaf=5, random_state=0).fit(dataset.X_pool[:60], dataset.y_pool[:60])
    assert found.base_loss == pytest.approx(mean_squared_error(dataset.y_valuation, model.predict(dataset.X_valuation)))


@pytest.mark.parametrize("name", REFITS)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_refit_learner_is_deterministic_on_both_tasks(name: str, task: Any) -> None:
    dataset = toy_dataset(n=120, d=4, classes=3, task=task)
    utility = "log_loss" if task == "classification" else "mse"
    points = np.array([3, 100, 110])
    first = make_learner(name).contributions(dataset, np.arange(70), points, utility)
    again = make_learner(name).contributions(dataset, np.arange(70), points, utility)
    np.testing.assert_array_equal(first.delta, again.delta)
    np.testing.assert_array_equal(np.isnan(first.delta), [True, False, False])
    assert np.isfinite(first.base_loss)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_support_vectors_are_found_to_a_thousandth_of_the_spread(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, utility = toy_dataset(n=120, d=4, noise=1.0, task=task), "log_loss" if task == "classification" else "mse"

    def delta() -> Any:
        return make_learner("svm_sklearn").contributions(dataset, np.arange(50), np.arange(50, 80), utility).delta

    found = delta()
    monkeypatch.setattr(estimators, "_TOLERANCE", 1e-11)
    tight = delta()
    assert not np.array_equal(found, tight)
    np.testing.assert_allclose(found, tight, atol=1e-3 * tight.std())


def test_a_class_that_the_coalition_lacks_gets_no_probability() -> None:
    dataset = toy_dataset(n=200, d=4, classes=3)
    two = np.flatnonzero(dataset.y_pool != 2)[:80]
    found = make_learner("tree").contributions(dataset, two, np.flatnonzero(dataset.y_pool == 2)[:2])
    # a third of the valuation points has probability zero: the loss is large, and finite by the floor
    assert 1.0 < found.base_loss < 36.1


def test_own_estimators_are_registered_in_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.LEARNERS, "_entries", dict(registry.LEARNERS._entries))
    register_estimator(
        "prior", EstimatorSpec(f"{__name__}:make_prior", "classification", "class shares", {"strategy": "prior"})
    )
    dataset = toy_dataset(n=100)
    found = make_learner("prior").contributions(dataset, np.arange(50), np.array([60]))
    share = dataset.y_pool[:50].mean()
    assert found.base_loss == pytest.approx(log_loss(dataset.y_valuation, np.full(150, share)))
    with pytest.raises(ArgumentError, match="name must be new"):
        register_estimator("tree", EstimatorSpec("a:b", "any", "", {}))


def make_prior(task: str, strategy: str) -> DummyClassifier:
    assert task == "classification"
    return DummyClassifier(strategy=strategy)


def test_an_estimator_that_refuses_its_coalition_says_so() -> None:
    with pytest.raises(ArgumentError, match="learner can fit"):
        make_learner("knn_sklearn", n_neighbors=500).contributions(toy_dataset(n=100), np.arange(50), np.array([60]))


def test_unknown_names_and_parameters_are_refused() -> None:
    with pytest.raises(NotFoundError, match="no learner 'nonsense'"):
        make_learner("nonsense")
    with pytest.raises(ArgumentError, match="be a parameter of 'tree'"):
        make_learner("tree", depth=3)


def test_descriptions_agree_with_the_learners() -> None:
    for name in list_learners():
        info, learner = describe_learner(name), make_learner(name)
        assert (learner.name, learner.exact, learner.task) == (name, info.exact, info.task)
        assert dict(learner.params) == {param: declared.default for param, declared in info.params.items()}

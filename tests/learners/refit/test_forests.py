"""Trees, forests and boosting equal the literal fits to the last bit; the noise of seeds is measured as it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from toy import toy_dataset

from dscale_core.errors import ArgumentError
from dscale_core.learners import make_learner
from dscale_core.learners.base.learner import LearnerBase
from dscale_core.learners.base.utility import loss
from dscale_core.learners.chance import SeedNoise, seed_noise
from dscale_core.learners.refit import forests
from dscale_core.types import Contributions, Dataset, IntVector

LITERAL: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "tree": (DecisionTreeClassifier, DecisionTreeRegressor, {"min_samples_leaf": 5}),
    "random_forest": (RandomForestClassifier, RandomForestRegressor, {"n_estimators": 12}),
    "gradient_boosting": (GradientBoostingClassifier, GradientBoostingRegressor, {"n_estimators": 8, "learning_rate": 0.1}),
}


def literal_predictions(name: str, dataset: Dataset, members: IntVector, seed: int = 0) -> NDArray[Any]:
    classifier, regressor, params = LITERAL[name]
    kind = classifier if dataset.class_names else regressor
    model = kind(random_state=seed, **params).fit(dataset.X_pool[members], dataset.y_pool[members])
    if not dataset.class_names:
        return model.predict(dataset.X_valuation)
    p = np.zeros((dataset.y_valuation.size, len(dataset.class_names)))
    p[:, model.classes_] = model.predict_proba(dataset.X_valuation)
    return p


def check_identical(name: str, dataset: Dataset, members: IntVector, points: IntVector, utility: str, seed: int = 0) -> None:
    learner = make_learner(name, **LITERAL[name][2], seed=seed)
    found = learner.contributions(dataset, members, points, utility)

    def literal(rows: IntVector) -> float:
        return loss(utility, literal_predictions(name, dataset, rows, seed), dataset.y_valuation)

    base = literal(members)
    assert found.base_loss == base
    np.testing.assert_array_equal(found.delta, [base - literal(np.append(members, z)) for z in points])


@pytest.mark.parametrize("name", LITERAL)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
def test_classification_is_identical_to_literal_fits(name: str, classes: int, utility: str) -> None:
    dataset = toy_dataset(n=200, d=5, classes=classes)
    members = np.random.default_rng(1).permutation(200)[:70]
    outside = np.setdiff1d(np.arange(200), members)
    check_identical(name, dataset, members, outside[:6], utility)


@pytest.mark.parametrize("name", LITERAL)
def test_regression_is_identical_to_literal_fits(name: str) -> None:
    dataset = toy_dataset(n=200, d=5, task="regression")
    check_identical(name, dataset, np.arange(70), np.arange(100, 112), "mse", seed=3)


@pytest.mark.parametrize("name", LITERAL)
def test_a_candidate_of_a_class_that_the_coalition_lacks(name: str) -> None:
    dataset = toy_dataset(n=300, d=4, classes=3)
    two, third = np.flatnonzero(dataset.y_pool != 0)[:60], np.flatnonzero(dataset.y_pool == 0)[:3]
    # known and unknown classes in one call: what one candidate leaves behind must not reach the next
    points = np.array([third[0], np.flatnonzero(dataset.y_pool == 1)[-1], third[1], third[2]])
    check_identical(name, dataset, two, points, "log_loss")


@pytest.mark.parametrize("name", LITERAL)
def test_small_coalitions_and_a_class_with_one_member(name: str) -> None:
    dataset = toy_dataset(n=200, d=4)
    ones, zeros = np.flatnonzero(dataset.y_pool == 1), np.flatnonzero(dataset.y_pool == 0)
    check_identical(name, dataset, np.append(zeros[:10], ones[0]), ones[5:9], "brier")
    check_identical(name, dataset, np.array([zeros[0], ones[0]]), ones[5:9], "brier")


def test_trees_that_do_not_draw_the_candidate_are_fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = 0
    fit = forests.TreeEngine._predictions_of

    def counted(self: Any, *arguments: Any) -> Any:
        nonlocal fits
        fits += 1
        return fit(self, *arguments)

    monkeypatch.setattr(forests.TreeEngine, "_predictions_of", counted)
    dataset = toy_dataset(n=200, d=4)
    make_learner("random_forest", n_estimators=100).contributions(dataset, np.arange(60), np.arange(100, 110))
    # 37 trees in a hundred on average are shared by ten candidates; ten times a hundred would be none
    assert 600 < fits < 760


@pytest.mark.parametrize("name", LITERAL)
def test_a_batch_equals_its_singles_in_any_order(name: str) -> None:
    dataset, learner = toy_dataset(n=150, d=4), make_learner(name, **LITERAL[name][2])
    points = np.array([120, 90, 100, 5])
    delta = learner.contributions(dataset, np.arange(60), points).delta
    np.testing.assert_array_equal(np.isnan(delta), [False, False, False, True])
    singles = [learner.contributions(dataset, np.arange(60), points[i : i + 1]).delta[0] for i in range(4)]
    np.testing.assert_array_equal(delta, singles)


@dataclass(frozen=True)
class Dice(LearnerBase):
    """Contributions made of a known share of each kind."""

    name: ClassVar[str] = "dice"
    task: ClassVar[Any] = "classification"
    exact: ClassVar[bool] = False

    seed: int = 0
    within: float = 0.0

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        raise NotImplementedError

    def _build(self, dataset: Dataset, utility: str) -> Any:  # noqa: ARG002
        return _DiceEngine(self)


class _DiceEngine:
    def __init__(self, learner: Dice) -> None:
        self._learner = learner

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        generator = np.random.default_rng(self._learner.seed)
        shared, own = 5.0 * generator.normal(), self._learner.within * generator.normal(size=points.size)
        between = 2.0 * np.random.default_rng(10**6).normal(size=1000)[points]
        return Contributions(np.where(np.isin(points, coalition), np.nan, between + shared + own), 0.0)


def test_the_noise_of_seeds_is_taken_apart() -> None:
    dataset = toy_dataset(n=400)
    found = seed_noise(Dice(within=1.0), dataset, np.arange(20), np.arange(400), "log_loss", range(60))
    assert found.within == pytest.approx(1.0, rel=0.05)
    assert found.between == pytest.approx(2.0, rel=0.1)
    assert found.shared == pytest.approx(5.0, rel=0.3)
    assert found.ratio == pytest.approx(found.within / found.between)


def test_no_noise_and_no_signal() -> None:
    dataset = toy_dataset(n=100)
    silent = seed_noise(Dice(), dataset, np.arange(20), np.arange(100), "log_loss", [1, 2, 3])
    assert silent.within == pytest.approx(0.0, abs=1e-12)
    assert silent.ratio < 1e-12
    assert SeedNoise(1.0, 0.0, 0.0).ratio == float("inf")
    assert SeedNoise(0.0, 0.0, 0.0).ratio == 0.0


def test_a_forest_is_noisy_and_a_stump_is_not() -> None:
    dataset = toy_dataset(n=150, d=4)
    arguments = dataset, np.arange(60), np.arange(60, 75), "brier", range(3)
    assert seed_noise(make_learner("random_forest", n_estimators=5), *arguments).within > 0
    assert seed_noise(make_learner("tree", max_depth=1), *arguments).within == pytest.approx(0.0, abs=1e-12)


def test_bad_questions_about_noise_are_refused() -> None:
    dataset, members = toy_dataset(n=100), np.arange(50)
    forest = make_learner("random_forest", n_estimators=2)
    with pytest.raises(ArgumentError, match="learner must have a seed"):
        seed_noise(make_learner("logistic"), dataset, members, np.arange(60, 70), "brier", range(3))
    with pytest.raises(ArgumentError, match="seeds must name two"):
        seed_noise(forest, dataset, members, np.arange(60, 70), "brier", [4, 4])
    with pytest.raises(ArgumentError, match="points must hold two"):
        seed_noise(forest, dataset, members, np.arange(40, 51), "brier", range(2))

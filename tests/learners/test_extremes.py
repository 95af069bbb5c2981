"""Every learner at the ends of its parameters, on classes that can be told apart without error, with and without duplicates.

Contributions must be within a thousandth of their spread of those by independent tight fits, and the audit must agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tight_fits import FITS, loss_of
from toy import clusters, toy_dataset, with_duplicates

from dscale_core.learners import list_learners, make_learner
from dscale_core.types import Dataset, IntVector

CONTRACT = 1e-3  # of the spread of delta over points
STRENGTHS = (1e-3, 1.0, 10.0, 100.0, 1e3)

# distance of the clusters, classes, members (a little below, at or above the features, or many), duplicates, C, seed
QUICK = [
    ("logistic", 6.0, 2, 150, True, 1.0, 0),
    ("logistic", 40.0, 2, 150, False, 1e3, 0),
    ("logistic", 40.0, 2, 18, False, 1e3, 0),
    ("logistic", 12.0, 2, 6, True, 1e-3, 0),
    ("softmax", 20.0, 4, 150, True, 10.0, 0),
    ("softmax", 20.0, 4, 150, True, 1e3, 0),
    ("softmax", 20.0, 4, 150, False, 100.0, 0),
    ("softmax", 8.0, 4, 12, False, 1e-3, 0),
    ("kernel_logistic", 20.0, 2, 150, True, 100.0, 6),
    ("kernel_logistic", 6.0, 2, 18, True, 1e3, 6),
    ("svm", 6.0, 2, 150, True, 1e3, 0),
    ("svm", 20.0, 2, 300, False, 100.0, 0),
    ("svm", 20.0, 2, 150, False, 1e-3, 0),
    ("svm", 6.0, 2, 6, False, 1e-3, 0),
]
LONG = [
    (name, distance, 4 if name == "softmax" else 2, size, twins, C)
    for name in ("logistic", "softmax", "kernel_logistic", "svm")
    for distance in (2.0, 6.0, 20.0)
    for size in (12 if name == "softmax" else 4, 18, 150)
    for twins in (False, True)
    for C in STRENGTHS
]


def errors(name: str, dataset: Dataset, members: IntVector, points: IntVector, C: float, utilities: Any) -> dict[str, float]:
    """Largest error of each utility, in units of its spread; svm's fits are the reference's, which test_svm.py holds."""
    learner = make_learner("logistic" if name == "softmax" else name, C=C)
    y, found = dataset.y_valuation, {}
    sets = [members, *(np.append(members, z) for z in points)]
    logs = [FITS[name](dataset, some, C) for some in sets] if name in FITS else []
    for utility in utilities:
        delta = learner.contributions(dataset, members, points, utility).delta
        losses = [loss_of(utility, each, y) for each in logs] or [learner.reference_loss(dataset, s, utility) for s in sets]
        error = np.abs(delta - (losses[0] - np.array(losses[1:]))).max()
        found[utility] = float(error / max(delta.std(), 1e-15))
    return found


def case(
    distance: float, classes: int, size: int, twins: bool, points: int, seed: int = 0
) -> tuple[Dataset, IntVector, IntVector]:
    dataset = clusters(distance, classes, seed=seed)
    # the first of each class, for a fit needs them all
    first = np.array([np.flatnonzero(dataset.y_pool == c)[0] for c in range(classes)])
    rest = np.setdiff1d(np.arange(dataset.n_points), first)
    members, outside = np.concatenate([first, rest[: size - classes]]), rest[size - classes : size - classes + points]
    if twins:
        dataset = with_duplicates(dataset, members, outside[: points // 2])
    return dataset, members, outside


@pytest.mark.parametrize(("name", "distance", "classes", "size", "twins", "C", "seed"), QUICK)
def test_contributions_are_those_of_tight_fits(
    name: str, distance: float, classes: int, size: int, twins: bool, C: float, seed: int
) -> None:
    dataset, members, points = case(distance, classes, size, twins, 24, seed)
    found = errors(name, dataset, members, points, C, ("log_loss", "brier"))
    assert max(found.values()) <= CONTRACT, found


@pytest.mark.soak
@pytest.mark.parametrize(("name", "distance", "classes", "size", "twins", "C"), LONG)
def test_contributions_are_those_of_tight_fits_everywhere(
    name: str, distance: float, classes: int, size: int, twins: bool, C: float
) -> None:
    dataset, members, points = case(distance, classes, size, twins, 30)
    found = errors(name, dataset, members, points, C, ("log_loss", "brier", "paper_log_loss"))
    assert max(found.values()) <= CONTRACT, found


MLPS = [
    (6.0, 24, True, {"alpha": 1.0}),
    (20.0, 60, True, {"alpha": 0.01}),
    (20.0, 60, False, {"alpha": 0.0}),
    (6.0, 24, True, {"alpha": 1e3}),
]


@pytest.mark.parametrize(("distance", "size", "twins", "params"), MLPS)
def test_the_network_is_trained_to_its_reference(distance: float, size: int, twins: bool, params: dict[str, float]) -> None:
    dataset, members, points = case(distance, 2, size, twins, 12)
    learner = make_learner("mlp", hidden=16, **params)
    delta = learner.contributions(dataset, members, points, "log_loss").delta
    base = learner.reference_loss(dataset, members, "log_loss")
    some = points[[0, 5, 11]]
    refits = [base - learner.reference_loss(dataset, np.append(members, z), "log_loss") for z in some]
    np.testing.assert_allclose(delta[[0, 5, 11]], refits, atol=CONTRACT * delta.std(), rtol=0)


EXTREMES: dict[str, list[dict[str, Any]]] = {
    "logistic": [{"C": C} for C in STRENGTHS],
    "kernel_logistic": [{"C": C} for C in STRENGTHS],
    "svm": [{"C": C} for C in STRENGTHS],
    "svm_sklearn": [{"C": C} for C in STRENGTHS],
    "mlp": [{"alpha": alpha, "steps": 60} for alpha in (0.0, 1e3)],
    "mlp_sklearn": [{"alpha": alpha, "steps": 20} for alpha in (0.0, 1e3)],
    "ridge": [{"alpha": 1 / C} for C in STRENGTHS],
    "linear": [{}],
    "knn": [{"n_neighbors": 1}, {"n_neighbors": 1, "smoothing": 0.0}, {"n_neighbors": 500}],
    "knn_sklearn": [{"n_neighbors": 1}, {"n_neighbors": 20, "weights": "uniform"}],
    "tree": [{"max_depth": 1}, {"min_samples_leaf": 1}, {"min_samples_leaf": 200}],
    "random_forest": [{"n_estimators": 1}],
    "gradient_boosting": [{"n_estimators": 1}, {"n_estimators": 5, "learning_rate": 10.0}],
}
REGRESSIONS = ("ridge", "linear")


def test_every_learner_has_its_extremes() -> None:
    assert set(EXTREMES) == set(list_learners())


@pytest.mark.parametrize(("name", "params"), [(name, params) for name, some in EXTREMES.items() for params in some])
def test_every_learner_agrees_with_its_reference_at_its_extremes(name: str, params: dict[str, Any]) -> None:
    """What the audit holds it against, here with duplicates on both sides of the coalition."""
    learner, regression = make_learner(name, **params), name in REGRESSIONS
    dataset, utility = (toy_dataset(d=6, task="regression"), "mse") if regression else (clusters(12.0), "log_loss")
    members, points = np.arange(40), np.arange(40, 60 if learner.exact else 46)
    dataset = with_duplicates(dataset, members, points[: points.size // 2])
    delta = learner.contributions(dataset, members, points, utility).delta
    base = learner.reference_loss(dataset, members, utility)
    refits = [base - learner.reference_loss(dataset, np.append(members, z), utility) for z in points[::4]]
    np.testing.assert_allclose(delta[::4], refits, atol=CONTRACT * delta.std() + 1e-15, rtol=0)

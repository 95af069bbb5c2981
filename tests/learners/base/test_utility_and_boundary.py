"""Utilities against scikit-learn's metrics; the boundary distance against geometry."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import brier_score_loss, log_loss, mean_squared_error
from toy import toy_dataset

from dscale_core.errors import ArgumentError
from dscale_core.learners import boundary_distance
from dscale_core.learners.base.utility import loss, require_utility
from dscale_core.types import default_utility


def test_losses_equal_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    p = generator.random(300)
    y = (generator.random(300) < p).astype(np.int64)
    two = np.column_stack([1 - p, p])
    assert loss("log_loss", two, y) == pytest.approx(log_loss(y, p))
    assert loss("brier", two, y) == pytest.approx(brier_score_loss(y, p))
    assert loss("accuracy", two, y) == pytest.approx(np.mean((p > 0.5) != y))
    target = generator.normal(size=300)
    assert loss("mse", p, target) == pytest.approx(mean_squared_error(target, p))


def test_the_published_loss_takes_the_softmax_twice() -> None:
    generator = np.random.default_rng(0)
    three = softmax(generator.normal(size=(200, 3)), axis=1)
    y = generator.integers(0, 3, 200)
    assert loss("paper_log_loss", three, y) == pytest.approx(log_loss(y, softmax(three, axis=1), labels=[0, 1, 2]))
    certain = np.array([[1.0, 0.0]])
    assert loss("paper_log_loss", certain, np.array([0])) == pytest.approx(0.3133, abs=1e-4)
    assert loss("paper_log_loss", certain, np.array([1])) == pytest.approx(1.3133, abs=1e-4)


def test_probability_zero_costs_much_and_stays_finite() -> None:
    assert 36 < loss("log_loss", np.array([[1.0, 0.0]]), np.array([1])) < 37


def test_utilities_belong_to_tasks() -> None:
    assert (default_utility("classification"), default_utility("regression")) == ("log_loss", "mse")
    with pytest.raises(ArgumentError, match="Use one of mse"):
        require_utility("log_loss", "regression")


def test_the_binary_distance_is_signed_and_euclidean() -> None:
    dataset = toy_dataset(n=400, d=2, noise=0.0)
    distance = boundary_distance(dataset)
    agree = (distance > 0) == (dataset.y_pool == 1)
    assert agree.mean() > 0.97
    # moving along the gradient by one unit moves the distance by one unit
    A = np.column_stack([dataset.X_pool, np.ones(400)])
    w, *_ = np.linalg.lstsq(A, distance, rcond=None)
    assert np.linalg.norm(w[:2]) == pytest.approx(1.0)


def test_with_several_classes_the_own_side_is_positive() -> None:
    dataset = toy_dataset(n=400, d=3, classes=4, noise=0.0)
    assert (boundary_distance(dataset) > 0).mean() > 0.9


def test_a_regression_has_no_boundary() -> None:
    with pytest.raises(ArgumentError, match="have classes"):
        boundary_distance(toy_dataset(task="regression"))

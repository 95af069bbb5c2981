"""What every learner keeps to: a member adds nothing to its own coalition; what cannot be served is refused plainly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

from dscale_core.errors import ArgumentError
from dscale_core.learners import list_learners, make_learner
from dscale_core.types import Dataset, IntVector, Task, default_utility

NAMES = list_learners()
OTHER: dict[Task, Task] = {"classification": "regression", "regression": "classification"}
ONE_CLASS = ["logistic", "kernel_logistic", "svm", "mlp"]  # models that one class leaves undefined


def tasks(name: str) -> tuple[Task, ...]:
    task = make_learner(name).task
    return ("classification", "regression") if task == "any" else (task,)


def quick(name: str) -> Any:
    return make_learner(name, steps=3) if name == "mlp" else make_learner(name)


@pytest.mark.parametrize(("name", "task"), [(name, task) for name in NAMES for task in tasks(name)])
def test_nan_exactly_where_the_point_is_in_the_coalition(name: str, task: Task) -> None:
    dataset, learner = toy_dataset(n=100, d=5, task=task), quick(name)
    members, points = np.arange(60), np.arange(100) if learner.exact else np.arange(55, 65)
    found = learner.contributions(dataset, members, points, default_utility(task))
    np.testing.assert_array_equal(np.isnan(found.delta), points < 60)
    of_members_alone = learner.contributions(dataset, members, np.arange(3), default_utility(task))
    assert np.isnan(of_members_alone.delta).all()
    assert np.isfinite(of_members_alone.base_loss)


def test_more_than_two_classes_make_no_difference_to_that() -> None:
    delta = make_learner("logistic").contributions(toy_dataset(n=100, d=5, classes=3), np.arange(30), np.arange(100)).delta
    np.testing.assert_array_equal(np.isnan(delta), np.arange(100) < 30)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("coalition", "points", "says"),
    [
        (np.array([0, 0, 1]), np.array([5]), "coalition must be a set of two points"),
        (np.array([0]), np.array([5]), "coalition must be a set of two points"),
        (np.array([0, 999]), np.array([5]), "coalition must lie in the pool"),
        (np.array([0, 1]), np.array([-1]), "points must lie in the pool"),
        (np.array([0, 1]), np.array([100]), "points must lie in the pool"),
        (np.array([0.0, 1.0]), np.array([5]), "coalition must be a vector of pool indices"),
        (np.array([[0, 1]]), np.array([5]), "coalition must be a vector of pool indices"),
        (np.array([0, 1]), np.array([True]), "points must be a vector of pool indices"),
    ],
)
def test_bad_indices_are_refused(name: str, coalition: IntVector, points: IntVector, says: str) -> None:
    task = tasks(name)[0]
    with pytest.raises(ArgumentError, match=says):
        make_learner(name).contributions(toy_dataset(n=100, task=task), coalition, points, default_utility(task))


@pytest.mark.parametrize(("name", "task"), [(name, task) for name in NAMES for task in OTHER if task not in tasks(name)])
def test_a_task_that_it_does_not_serve_is_refused(name: str, task: Task) -> None:
    with pytest.raises(ArgumentError, match=f"serve {task}.*Choose a learner for {task}"):
        make_learner(name).bind(toy_dataset(task=task), default_utility(task))


@pytest.mark.parametrize(("name", "task"), [(name, task) for name in NAMES for task in tasks(name)])
def test_a_utility_of_the_other_task_is_refused(name: str, task: Task) -> None:
    with pytest.raises(ArgumentError, match=f"measure {task}"):
        make_learner(name).bind(toy_dataset(task=task), default_utility(OTHER[task]))


@pytest.mark.parametrize(("name", "says"), [("svm", "Choose svm_sklearn"), ("kernel_logistic", "have two classes")])
def test_learners_of_two_classes_refuse_three(name: str, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        make_learner(name).bind(toy_dataset(classes=3), "log_loss")


def members_of_one_class(classes: int) -> tuple[Dataset, IntVector]:
    dataset = toy_dataset(n=100, classes=classes)
    return dataset, np.flatnonzero(dataset.y_pool == 1)[:10]


@pytest.mark.parametrize(("name", "classes"), [*((name, 2) for name in ONE_CLASS), ("logistic", 3), ("mlp", 3)])
def test_a_coalition_of_one_class_is_refused(name: str, classes: int) -> None:
    dataset, members = members_of_one_class(classes)
    with pytest.raises(ArgumentError, match="hold two classes"):
        make_learner(name).contributions(dataset, members, np.array([0]))

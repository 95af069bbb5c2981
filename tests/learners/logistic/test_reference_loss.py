"""What the audit holds the logistic engine against: the loss of a model that minimises the objective as it is written."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from toy import toy_dataset

from dscale_core.learners import make_learner
from dscale_core.types import Dataset, FloatVector, IntVector


def literal_log_loss(dataset: Dataset, members: IntVector, C: float) -> float:
    """One weight vector for each class that the members hold; for a dataset of two classes the second's alone."""
    present = np.unique(dataset.y_pool[members])
    both = len(dataset.class_names) > 2
    X = np.column_stack([dataset.X_pool[members], np.ones(members.size)])
    X_valuation = np.column_stack([dataset.X_valuation, np.ones(dataset.y_valuation.size)])
    hot = (dataset.y_pool[members][:, None] == present).astype(np.float64)

    def weights(flat: FloatVector) -> FloatVector:
        theta = flat.reshape(X.shape[1], -1)
        return theta if both else np.column_stack([np.zeros(X.shape[1]), theta])

    def objective(flat: FloatVector) -> tuple[float, FloatVector]:
        theta = weights(flat)
        logs = log_softmax(X @ theta, axis=1)
        slope = C * X.T @ (np.exp(logs) - hot)
        slope[:-1] += theta[:-1]
        value = -C * np.sum(hot * logs) + np.sum(theta[:-1] ** 2) / 2
        return float(value), (slope if both else slope[:, 1:]).ravel()

    start = np.zeros(X.shape[1] * (present.size if both else 1))
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-10, "maxiter": 5000})
    logs = np.full((dataset.y_valuation.size, len(dataset.class_names)), np.log(np.finfo(np.float64).eps))
    logs[:, present] = log_softmax(X_valuation @ weights(found.x), axis=1)
    return float(-logs[np.arange(logs.shape[0]), dataset.y_valuation].mean())


@pytest.mark.parametrize(("classes", "lacking"), [(2, ()), (3, ()), (3, (1,)), (4, (2,)), (4, (0, 2))])
@pytest.mark.parametrize("C", [0.3, 2.0])
def test_the_reference_minimises_the_objective(classes: int, lacking: tuple[int, ...], C: float) -> None:
    dataset = toy_dataset(n=150, d=3, classes=classes, noise=1.0)
    members = np.flatnonzero(~np.isin(dataset.y_pool, lacking))[:40]
    assert np.unique(dataset.y_pool[members]).size == classes - len(lacking)
    found = make_learner("logistic", C=C).reference_loss(dataset, members, "log_loss")
    assert found == pytest.approx(literal_log_loss(dataset, members, C), abs=2e-7)


def test_the_regularisation_is_scikit_learns_where_none_is_named() -> None:
    assert make_learner("logistic").params["C"] == LogisticRegression().C

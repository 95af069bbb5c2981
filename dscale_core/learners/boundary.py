"""Signed distance of every pool point to a logistic decision boundary (the published figure 3)."""

from __future__ import annotations

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.types import Dataset, FloatVector

__all__ = ["boundary_distance"]


def boundary_distance(dataset: Dataset) -> FloatVector:
    """Distance to the boundary of a logistic regression (C = 1) fitted on the whole pool, (n,), in feature units.

    Two classes: (w'x + b) / |w|, positive on the side of the second class. More classes: the distance to the nearest
    boundary between a point's own class and another, positive on its own class's side. Raises ArgumentError for regression.
    """
    if dataset.task != "classification":
        raise ArgumentError("dataset", "have classes", f"{dataset.name!r}, a regression", "Look at the residuals instead.")
    from sklearn.linear_model import LogisticRegression

    # features need not be standardised, and the default of a hundred iterations would then end too soon
    model = LogisticRegression(max_iter=1000).fit(dataset.X_pool, dataset.y_pool)
    w, b = np.asarray(model.coef_, dtype=np.float64), np.asarray(model.intercept_, dtype=np.float64)
    if w.shape[0] == 1:
        distance: FloatVector = (dataset.X_pool @ w[0] + b[0]) / np.linalg.norm(w[0])
        return distance
    score = dataset.X_pool @ w.T + b
    rows = np.arange(dataset.n_points)
    gap = score[rows, dataset.y_pool][:, None] - score
    length = np.linalg.norm(w[dataset.y_pool][:, None, :] - w[None, :, :], axis=2)
    # the own class is no boundary
    gap[rows, dataset.y_pool], length[rows, dataset.y_pool] = np.inf, 1.0
    nearest: FloatVector = (gap / length).min(axis=1)
    return nearest

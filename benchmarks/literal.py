"""The literal loops: what a person writes with scikit-learn to get one contribution, two fits from scratch.

One entry a learner: ``default`` as people run it, ``tight`` the same at a tolerance of 1e-8 where there is one to set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from dscale_core.types import Dataset, FloatMatrix, IntVector

__all__ = ["LITERAL", "Literal", "literal_delta"]

_NEIGHBORS, _SMOOTHING, _KERNEL_C = 50, 0.5, 5.0


Make = Callable[[int], Any]  # coalition size -> unfitted estimator


@dataclass(frozen=True)
class Literal:
    """How a person would fit a learner."""

    default: Make
    tight: Make | None = None
    smoothing: float = 0.0  # of neighbours' votes, without which their log-loss is infinite


def literal_delta(literal: Literal, make: Make, dataset: Dataset, members: IntVector, point: int) -> float:
    """L(f_D) - L(f_{D+z}) by two fits."""
    losses = [_loss(literal, make(chosen.size), dataset, chosen) for chosen in (members, np.append(members, point))]
    return losses[0] - losses[1]


def _loss(literal: Literal, model: Any, dataset: Dataset, members: IntVector) -> float:
    model.fit(dataset.X_pool[members], dataset.y_pool[members])
    if not dataset.class_names:
        return float(mean_squared_error(dataset.y_valuation, model.predict(dataset.X_valuation)))
    p = model.predict_proba(dataset.X_valuation)
    if literal.smoothing:
        p = (p * _NEIGHBORS + literal.smoothing) / (_NEIGHBORS + literal.smoothing * p.shape[1])
    return float(log_loss(dataset.y_valuation, p))


def _perceptron(size: int) -> MLPClassifier:
    return MLPClassifier(
        hidden_layer_sizes=(32,),
        activation="tanh",
        alpha=0.01,
        batch_size=size,
        shuffle=False,
        learning_rate_init=0.01,
        max_iter=200,
        n_iter_no_change=201,
        tol=0.0,
        random_state=0,
    )


def _folded_svc(size: int) -> CalibratedClassifierCV:  # noqa: ARG001
    return CalibratedClassifierCV(SVC(), cv=StratifiedKFold(5, shuffle=True, random_state=0), ensemble=False)


class TextbookKernelLogistic:
    """Newton's method as the textbook has it (Rasmussen and Williams 2006, algorithm 3.1), with a constant.

    scikit-learn has no such model: the loop is two cold fits of this one.
    """

    def fit(self, X: FloatMatrix, y: NDArray[Any]) -> TextbookKernelLogistic:
        """Fit to X (k, d) and y (k,)."""
        self._X, self._gamma = X, 1 / (X.shape[1] * X.var())
        K, target = rbf_kernel(X, gamma=self._gamma), y.astype(np.float64)
        f, beta = np.zeros(target.size), np.zeros(target.size)
        for _ in range(100):
            p = expit(f)
            w = np.maximum(_KERNEL_C * p * (1 - p), 1e-12)
            root = np.sqrt(w)
            factor = cho_factor(np.eye(target.size) + root[:, None] * K * root, lower=True)
            right = np.column_stack([w * f + _KERNEL_C * (target - p), w])
            solved = right - root[:, None] * cho_solve(factor, root[:, None] * (K @ right))
            self._b = float(solved[:, 0].sum() / solved[:, 1].sum())
            fresh = solved[:, 0] - self._b * solved[:, 1]
            moved = float(np.abs(fresh - beta).max())
            f, beta = K @ fresh + self._b, fresh
            if moved <= 1e-10 * _KERNEL_C:
                break
        self._beta = beta
        return self

    def predict_proba(self, X: FloatMatrix) -> FloatMatrix:
        """Class probabilities, (rows, 2)."""
        p = expit(rbf_kernel(X, self._X, gamma=self._gamma) @ self._beta + self._b)
        return np.column_stack([1 - p, p])


def _always(kind: Callable[..., Any], **params: Any) -> Make:
    return lambda size: kind(**params)  # noqa: ARG005


def _neighbours(size: int) -> KNeighborsClassifier:
    return KNeighborsClassifier(min(_NEIGHBORS, size), weights="distance")


LITERAL: dict[str, Literal] = {
    "logistic": Literal(_always(LogisticRegression, max_iter=1000), _always(LogisticRegression, tol=1e-8, max_iter=100_000)),
    "kernel_logistic": Literal(_always(TextbookKernelLogistic)),
    "svm": Literal(_folded_svc),
    "mlp": Literal(_perceptron),
    "knn": Literal(_neighbours, smoothing=_SMOOTHING),
    "tree": Literal(_always(DecisionTreeClassifier, min_samples_leaf=5, random_state=0)),
    "random_forest": Literal(_always(RandomForestClassifier, n_estimators=50, random_state=0)),
    "gradient_boosting": Literal(_always(GradientBoostingClassifier, n_estimators=50, random_state=0)),
    "ridge": Literal(_always(Ridge)),
    "linear": Literal(_always(LinearRegression)),
}

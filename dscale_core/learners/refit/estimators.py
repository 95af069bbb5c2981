"""The scikit-learn estimators that ship as refit learners, with the published defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from dscale_core.types import FloatMatrix, Task

__all__ = ["SigmoidSVC", "gradient_boosting", "knn", "mlp", "random_forest", "svm", "tree"]

# Of libsvm. Its default of 1e-3 costs a hundredth of the spread of contributions, this 1e-5 of it.
# test_refit.py::test_support_vectors_are_found_to_a_thousandth_of_the_spread
_TOLERANCE = 1e-6


class SigmoidSVC(ClassifierMixin, BaseEstimator):
    """RBF support vector classifier with a sigmoid fitted to its in-sample margins.

    scikit-learn's own calibration draws random folds, whose noise is as large as the contributions themselves; here the
    margins are those that the classifier was fitted to, so a fit is deterministic. Several classes: one against the rest.
    """

    def __init__(self, C: float = 1.0, gamma: float | str = "scale") -> None:
        self.C = C
        self.gamma = gamma

    def fit(self, X: FloatMatrix, y: Any) -> SigmoidSVC:
        """Fit the classifier and its sigmoid to X (k, d), y (k,)."""
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.frozen import FrozenEstimator

        classifier = SVC(C=self.C, gamma=self.gamma, tol=_TOLERANCE).fit(X, y)
        self.model_ = CalibratedClassifierCV(FrozenEstimator(classifier), method="sigmoid", ensemble=False).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: FloatMatrix) -> FloatMatrix:
        """Class probabilities, (rows, classes)."""
        return np.asarray(self.model_.predict_proba(X), dtype=np.float64)

    def predict(self, X: FloatMatrix) -> NDArray[Any]:
        """The likeliest class of every row."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


def svm(task: Task, C: float = 1.0, gamma: float | str = "scale") -> Any:
    """Support vector machine with an RBF kernel."""
    return SigmoidSVC(C=C, gamma=gamma) if task == "classification" else SVR(C=C, gamma=gamma, tol=_TOLERANCE)


def mlp(task: Task, hidden: int = 32, steps: int = 200, alpha: float = 0.01, seed: int = 0) -> Any:
    """One hidden layer, full batch, Adam at 0.01, a fixed number of steps from fixed initial weights."""
    kind = MLPClassifier if task == "classification" else MLPRegressor
    return _FullBatch(kind, hidden, steps, alpha, seed)


class _FullBatch(BaseEstimator):
    """scikit-learn's perceptron with every step on all of the data; stops by count, never by tolerance."""

    def __init__(self, kind: Any, hidden: int, steps: int, alpha: float, seed: int) -> None:
        self.kind, self.hidden, self.steps, self.alpha, self.seed = kind, hidden, steps, alpha, seed

    def fit(self, X: FloatMatrix, y: Any) -> _FullBatch:
        from warnings import catch_warnings, simplefilter

        from sklearn.exceptions import ConvergenceWarning

        self.model_ = self.kind(
            hidden_layer_sizes=(self.hidden,),
            activation="tanh",
            alpha=self.alpha,
            batch_size=X.shape[0],
            shuffle=False,
            learning_rate_init=0.01,
            max_iter=self.steps,
            n_iter_no_change=self.steps + 1,
            tol=0.0,
            random_state=self.seed,
        )
        with catch_warnings():
            # a fixed number of steps is the method, not a failure to converge
            simplefilter("ignore", ConvergenceWarning)
            self.model_.fit(X, y)
        return self

    @property
    def classes_(self) -> Any:
        return self.model_.classes_

    def predict(self, X: FloatMatrix) -> Any:
        return self.model_.predict(X)

    def predict_proba(self, X: FloatMatrix) -> Any:
        return self.model_.predict_proba(X)


def tree(task: Task, max_depth: int | None = None, min_samples_leaf: int = 5, seed: int = 0) -> Any:
    """A single decision tree."""
    kind = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    return kind(max_depth=max_depth, min_samples_leaf=min_samples_leaf, random_state=seed)


def random_forest(task: Task, n_estimators: int = 50, seed: int = 0) -> Any:
    """A forest of randomised trees."""
    kind = RandomForestClassifier if task == "classification" else RandomForestRegressor
    return kind(n_estimators=n_estimators, random_state=seed, n_jobs=1)


def gradient_boosting(task: Task, n_estimators: int = 50, learning_rate: float = 0.1, seed: int = 0) -> Any:
    """Boosted shallow trees."""
    kind = GradientBoostingClassifier if task == "classification" else GradientBoostingRegressor
    return kind(n_estimators=n_estimators, learning_rate=learning_rate, random_state=seed)


def knn(task: Task, n_neighbors: int = 50, weights: str = "distance") -> Any:
    """Nearest neighbours, weighted by inverse distance."""
    kind = KNeighborsClassifier if task == "classification" else KNeighborsRegressor
    return kind(n_neighbors=n_neighbors, weights=weights)

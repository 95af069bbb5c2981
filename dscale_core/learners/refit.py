"""Any scikit-learn estimator: the base is fitted once a coalition, then once a candidate.

This is the baseline that the exact engines are held against, and the way to bring a learner of one's own:

    register_estimator("my_svm", EstimatorSpec("my.module:make", "classification", "what it is", {"C": 1.0}))

where ``make(task, **params)`` returns an unfitted estimator. Estimators that draw random numbers take a fixed seed, so that
base and refit see the same ones and a delta is reproducible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase, require_two_classes
from dscale_core.learners.utility import loss
from dscale_core.types import Contributions, Dataset, FloatMatrix, IntVector, Task

__all__ = ["EstimatorSpec", "Refit"]


@dataclass(frozen=True)
class EstimatorSpec:
    """How to make an estimator: ``"module:function"`` called with the task and the parameters."""

    factory: str
    task: Task | Literal["any"]
    summary: str
    params: Mapping[str, Any]

    def make(self, task: Task, params: Mapping[str, Any]) -> Any:
        """An unfitted estimator."""
        module, _, function = self.factory.partition(":")
        return getattr(import_module(module), function)(task, **params)


@dataclass(frozen=True)
class Refit(LearnerBase):
    """A registered scikit-learn estimator, refitted for every contribution."""

    exact: ClassVar[bool] = False

    spec: EstimatorSpec
    label: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name the estimator is registered under."""
        return self.label

    @property
    def task(self) -> Task | Literal["any"]:  # type: ignore[override]
        """The tasks that the estimator serves."""
        return self.spec.task

    @property
    def params(self) -> Mapping[str, Any]:
        """The estimator's parameters as plain values."""
        return dict(self.options)

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by a fresh estimator: for a refit learner the reference is the method itself."""
        return RefitEngine(self, dataset, utility).loss_of(coalition)

    def _build(self, dataset: Dataset, utility: str) -> RefitEngine:
        return RefitEngine(self, dataset, utility)


class RefitEngine:
    """Refits for one dataset and utility."""

    def __init__(self, learner: Refit, dataset: Dataset, utility: str) -> None:
        self._learner, self._dataset, self._utility = learner, dataset, utility

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``: one fit each, after one for the base. Raises ArgumentError for a coalition of one class."""
        base_loss = self.loss_of(coalition)
        delta = np.full(points.size, np.nan)
        for i in np.flatnonzero(~np.isin(points, coalition)):
            delta[i] = base_loss - self.loss_of(np.append(coalition, points[i]))
        return Contributions(delta, base_loss)

    def loss_of(self, members: IntVector) -> float:
        """L of a fresh estimator fitted on ``members``."""
        data = self._dataset
        if data.task == "classification":
            require_two_classes(data.y_pool[members])
        estimator = self._learner.spec.make(data.task, self._learner.options)
        try:
            estimator.fit(data.X_pool[members], data.y_pool[members])
            predicted = _predictions(estimator, data.X_valuation, len(data.class_names))
        except ValueError as error:
            got = f"{members.size} members, on which {self._learner.label} says: {error}"
            raise ArgumentError("coalition", "be one that the learner can fit", got, "Use larger coalitions.") from error
        return loss(self._utility, predicted, data.y_valuation)


def _predictions(estimator: Any, X: FloatMatrix, n_classes: int) -> NDArray[np.float64]:
    if n_classes == 0:
        return np.asarray(estimator.predict(X), dtype=np.float64)
    probabilities = np.zeros((X.shape[0], n_classes))
    # a class that the coalition lacks gets no probability
    probabilities[:, np.asarray(estimator.classes_, dtype=np.int64)] = estimator.predict_proba(X)
    return probabilities

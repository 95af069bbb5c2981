"""Any scikit-learn estimator: the base is fitted once a coalition, then once a candidate.

This is the baseline that the exact engines are held against, and the way to bring a learner of one's own:

    register_estimator("my_svm", EstimatorSpec("my.module:make", "classification", "what it is", {"C": 1.0}))

where ``make(task, **params)`` returns an unfitted estimator. Estimators that draw random numbers take a fixed seed, so that
base and refit see the same ones and a delta is reproducible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase, loss, require_two_classes
from dscale_core.registry import load_home
from dscale_core.types import (
    BlockContributions,
    Contributions,
    Dataset,
    FloatMatrix,
    FloatVector,
    IntVector,
    Task,
    ValuationRows,
)

__all__ = ["EstimatorSpec", "Refit"]


@dataclass(frozen=True)
class EstimatorSpec:
    """How to make an estimator: ``"module:function"`` called with the task and the parameters.

    params : each parameter's default, or a `Param` that says what else it may be
    """

    factory: str
    task: Task | Literal["any"]
    summary: str
    params: Mapping[str, Any]
    engine: str = "dscale_core.learners.refit.any_estimator:RefitEngine"  # a subclass may refit quicker, never otherwise

    def make(self, task: Task, params: Mapping[str, Any]) -> Any:
        """An unfitted estimator. Raises ArgumentError where the factory makes something else."""
        made = load_home(self.factory, "a learner's estimator")(task, **params)
        if not (hasattr(made, "fit") and hasattr(made, "predict")):
            remedy = "Let it return an unfitted scikit-learn estimator."
            raise ArgumentError(self.factory, "make an estimator with fit and predict", repr(made), remedy)
        return made


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

    def with_params(self, **changes: Any) -> Self:
        """The same estimator with some parameters changed."""
        return replace(self, options={**self.options, **changes})

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by a fresh estimator: for a refit learner the reference is the method itself."""
        return RefitEngine(self, dataset, utility).loss_of(coalition)

    def _build(self, dataset: Dataset, utility: str) -> RefitEngine:
        engine: RefitEngine = load_home(self.spec.engine, "a learner's engine")(self, dataset, utility)
        return engine


class RefitEngine:
    """Refits for one dataset and utility."""

    def __init__(self, learner: Refit, dataset: Dataset, utility: str) -> None:
        # engines are kept as long as their dataset lives: one that held the dataset itself would keep it for ever
        self._learner, self._dataset, self._utility = learner, replace(dataset), utility

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``: one fit each, after one for the base. Raises ArgumentError for a coalition of one class."""
        found = self._on_blocks(coalition, points, [slice(None)])
        return Contributions(found.delta[:, 0], float(found.base_loss[0]))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        data = replace(self._dataset, X_valuation=rows.X, y_valuation=rows.y)
        return type(self)(self._learner, data, self._utility)._on_blocks(coalition, points, rows.slices)

    def predict(self, coalition: IntVector, X: FloatMatrix) -> NDArray[np.float64]:
        """Probabilities or values; see `types.PredictingEngine`."""
        data = replace(self._dataset, X_valuation=X, y_valuation=np.zeros(X.shape[0], self._dataset.y_valuation.dtype))
        return type(self)(self._learner, data, self._utility)._fitted(coalition)

    def _on_blocks(self, coalition: IntVector, points: IntVector, parts: list[slice]) -> BlockContributions:
        from sklearn import config_context

        def losses(predicted: NDArray[np.float64]) -> FloatVector:
            y = self._dataset.y_valuation
            return np.array([loss(self._utility, predicted[part], y[part]) for part in parts])

        base_loss = losses(self._fitted(coalition))
        delta = np.full((points.size, len(parts)), np.nan)
        outside = np.flatnonzero(~np.isin(points, coalition))
        if outside.size == 0:
            return BlockContributions(delta, base_loss)
        # the base fit has validated parameters and data: doing it again for every candidate is a sixth of a boosting fit
        with config_context(assume_finite=True, skip_parameter_validation=True), self._refusals(coalition.size + 1):
            predict = self._grown(coalition)
            for i in outside:
                delta[i] = base_loss - losses(predict(int(points[i])))
        return BlockContributions(delta, base_loss)

    def loss_of(self, members: IntVector) -> float:
        """L of a fresh estimator fitted on ``members``."""
        return loss(self._utility, self._fitted(members), self._dataset.y_valuation)

    def _fitted(self, members: IntVector) -> NDArray[np.float64]:
        """Predictions of a fresh estimator fitted on ``members``."""
        if self._dataset.task == "classification":
            require_two_classes(self._dataset.y_pool[members])
        with self._refusals(members.size):
            return self._predict(members)

    def _grown(self, coalition: IntVector) -> Callable[[int], NDArray[np.float64]]:
        """What maps a candidate to the predictions of the model fitted on the coalition and it, appended last."""
        return lambda point: self._predict(np.append(coalition, point))

    def _predict(self, members: IntVector) -> NDArray[np.float64]:
        data = self._dataset
        estimator = self._learner.spec.make(data.task, self._learner.options)
        estimator.fit(data.X_pool[members], data.y_pool[members])
        return _predictions(estimator, data.X_valuation, len(data.class_names))

    @contextmanager
    def _refusals(self, size: int) -> Iterator[None]:
        """Say of a fit that fails what was asked of whom."""
        try:
            yield
        except ValueError as error:
            got = f"{size} members, on which {self._learner.label} says: {error}"
            raise ArgumentError("coalition", "be one that the learner can fit", got, "Use larger coalitions.") from error


def _predictions(estimator: Any, X: FloatMatrix, n_classes: int) -> NDArray[np.float64]:
    if n_classes == 0:
        return np.asarray(estimator.predict(X), dtype=np.float64)
    probabilities = np.zeros((X.shape[0], n_classes))
    # a class that the coalition lacks gets no probability
    probabilities[:, np.asarray(estimator.classes_, dtype=np.int64)] = estimator.predict_proba(X)
    return probabilities

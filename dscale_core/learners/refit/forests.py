"""Trees and forests: refits that give the numbers of scikit-learn's own, without what a refit need not repeat.

A tree has no update: one point can move its first split. What is left is to fit once for the base instead of once a
contribution, and to leave out what does not depend on z.

- **tree**: features are converted to float32 once (scikit-learn does so in every fit), the candidate is written into the
  last row of one array, and neither fit nor prediction checks its input again.
- **forest**: each tree draws its bootstrap sample of D + z by place, and z stands in the last. The draws are therefore the
  same for all candidates, and in (1 - 1/(k + 1))^(k + 1) = 37 % of the trees z is not drawn at all: a point of weight zero
  leaves no trace, so these trees are fitted once a coalition. The others are fitted one by one, and all predictions are
  added in scikit-learn's order.

The base forest draws from k places and the grown one from k + 1, so that their samples have nothing in common. Most of a
contribution is then this accident and little of it the point; `seed_noise` measures how much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscale_core.learners.refit.any_estimator import Refit, RefitEngine
from dscale_core.types import Dataset, IntVector

__all__ = ["ForestEngine", "TreeEngine"]


class TreeEngine(RefitEngine):
    """Refits of a single decision tree for one dataset and utility."""

    def __init__(self, learner: Refit, dataset: Dataset, utility: str) -> None:
        super().__init__(learner, dataset, utility)
        self._X = dataset.X_pool.astype(np.float32)
        self._X_valuation = dataset.X_valuation.astype(np.float32)
        self._y = dataset.y_pool.astype(np.float64)

    def _grown(self, coalition: IntVector) -> Callable[[int], NDArray[np.float64]]:
        tree = self._learner.spec.make(self._dataset.task, self._learner.options)
        X, y = self._with_a_place(coalition)

        def predict(point: int) -> NDArray[np.float64]:
            X[-1], y[-1] = self._X[point], self._y[point]
            tree.fit(X, y, check_input=False)
            return self._predictions_of(tree)

        return predict

    def _with_a_place(self, coalition: IntVector) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """The coalition's features and labels, and one row for a candidate; a member holds it till then."""
        rows = np.append(coalition, coalition[0])
        return self._X[rows], self._y[rows]

    def _predictions_of(self, tree: Any, classes: NDArray[Any] | None = None) -> NDArray[np.float64]:
        """Probabilities (v, classes) or values (v,); ``classes`` are the tree's where it does not know them itself."""
        found = tree.tree_.predict(self._X_valuation)
        if self._dataset.task == "regression":
            return np.asarray(found[:, 0])
        out = np.zeros((found.shape[0], len(self._dataset.class_names)))
        out[:, np.asarray(tree.classes_ if classes is None else classes, dtype=np.int64)] = found
        return out


class ForestEngine(TreeEngine):
    """Refits of a random forest for one dataset and utility."""

    def _grown(self, coalition: IntVector) -> Callable[[int], NDArray[np.float64]]:
        forest = self._learner.spec.make(self._dataset.task, self._learner.options)
        X, y = self._with_a_place(coalition)
        # fitted with a member in the candidate's place: draws and seeds are those of every grown coalition
        forest.fit(X, y)
        counts = [np.bincount(drawn, minlength=y.size).astype(np.float64) for drawn in forest.estimators_samples_]
        classes = getattr(forest, "classes_", None)
        shared = [
            None if count[-1] else self._predictions_of(tree, classes)
            for tree, count in zip(forest.estimators_, counts, strict=True)
        ]

        def predict(point: int) -> NDArray[np.float64]:
            X[-1], y[-1] = self._X[point], self._y[point]
            total: NDArray[np.float64] | float = 0.0
            for tree, count, known in zip(forest.estimators_, counts, shared, strict=True):
                if known is None:
                    tree.fit(X, y, sample_weight=count, check_input=False)
                total = total + (self._predictions_of(tree) if known is None else known)
            return np.asarray(total / len(counts))

        return predict

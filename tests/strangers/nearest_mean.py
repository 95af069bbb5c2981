"""A learner: the nearest class mean, with probabilities by a softmax of squared distances; a mean follows a new point."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import dscale_core as ds
from dscale_core.learners import loss, require_two_classes


@dataclass(frozen=True)
class NearestMean(ds.LearnerBase):
    name: ClassVar[str] = "nearest_mean"
    task: ClassVar[str] = "classification"
    exact: ClassVar[bool] = True

    sharpness: float = 1.0
    distance: str = "squared"

    def reference_loss(self, dataset, coalition, utility):
        return self._build(dataset, utility).contributions(coalition, coalition[:0]).base_loss

    def _build(self, dataset, utility):
        return Engine(self, dataset, utility)


class Engine:
    def __init__(self, learner, dataset, utility):
        self.X, self.y, self.utility, self.learner = dataset.X_pool, dataset.y_pool, utility, learner
        self.rows, self.answers = dataset.X_valuation, dataset.y_valuation
        self.n_classes = len(dataset.class_names)

    def contributions(self, coalition, points):
        require_two_classes(self.y[coalition])
        y = self.y[coalition]
        counts = np.bincount(y, minlength=self.n_classes)
        means = np.stack([self.X[coalition[y == code]].mean(axis=0) for code in range(self.n_classes)])
        base, delta = self._loss(means), np.full(points.size, np.nan)
        for i in np.flatnonzero(~np.isin(points, coalition)):
            code, moved = self.y[points[i]], means.copy()
            moved[code] += (self.X[points[i]] - means[code]) / (counts[code] + 1)
            delta[i] = base - self._loss(moved)
        return ds.Contributions(delta, base)

    def _loss(self, means):
        away = ((self.rows[:, None] - means) ** 2).mean(axis=2)
        score = -self.learner.sharpness * (away if self.learner.distance == "squared" else np.sqrt(away))
        shares = np.exp(score - score.max(axis=1, keepdims=True))
        return loss(self.utility, shares / shares.sum(axis=1, keepdims=True), self.answers)


PARAMS = {"sharpness": ds.Param(1.0, above=0), "distance": ds.Param("squared", choices=("squared", "plain"))}
ds.register_learner("nearest_mean", NearestMean, task="classification", summary="nearest class mean", params=PARAMS)

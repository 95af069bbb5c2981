"""Random points with the pool's class proportions."""

from __future__ import annotations

import numpy as np

from dscale_core.types import Dataset, IntVector

__all__ = ["stratified"]


def stratified(dataset: Dataset, k: int, generator: np.random.Generator, among: IntVector | None = None) -> IntVector:
    """k points of the pool, or among some, sorted: each class its share, rounded; regression has one class."""
    points = np.arange(dataset.n_points) if among is None else among
    y = dataset.y_pool[points] if dataset.task == "classification" else np.zeros(points.size, dtype=np.int64)
    order = generator.permutation(points.size)
    # the i-th of a class's n points stands at (i + 1/2) / n: the k that stand first keep the proportions
    place = np.empty(points.size)
    for code in np.unique(y):
        own = order[y[order] == code]
        place[own] = (np.arange(own.size) + 0.5) / own.size
    first = np.lexsort((order, place))[:k]
    return np.sort(points[first])

"""Random points with the pool's class proportions."""

from __future__ import annotations

import numpy as np

from dscale_core.types import Dataset, IntVector

__all__ = ["stratified"]


def stratified(dataset: Dataset, k: int, generator: np.random.Generator) -> IntVector:
    """k points of the pool, sorted: each class its share, rounded; regression has one class."""
    n = dataset.n_points
    y = dataset.y_pool if dataset.task == "classification" else np.zeros(n, dtype=np.int64)
    order = generator.permutation(n)
    # the i-th of a class's n points stands at (i + 1/2) / n: the k that stand first keep the proportions
    place = np.empty(n)
    for code in np.unique(y):
        own = order[y[order] == code]
        place[own] = (np.arange(own.size) + 0.5) / own.size
    return np.sort(np.lexsort((order, place))[:k])

"""Random points with the pool's class proportions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscale_core.types import Dataset, IntVector

__all__ = ["stratified"]


def stratified(dataset: Dataset, k: int, generator: np.random.Generator, among: IntVector | None = None) -> IntVector:
    """k points of the pool, or of those ``among``, sorted: each class its share, rounded; regression has one class."""
    y = dataset.y_pool if dataset.task == "classification" else np.zeros(dataset.n_points, dtype=np.int64)
    if among is None:
        return np.sort(_places(y, k, generator))
    return np.sort(among[_places(y[among], k, generator)])


def _places(y: NDArray[Any], k: int, generator: np.random.Generator) -> IntVector:
    order = generator.permutation(y.size)
    # the i-th of a class's n points stands at (i + 1/2) / n: the k that stand first keep the proportions
    place = np.empty(y.size)
    for code in np.unique(y):
        own = order[y[order] == code]
        place[own] = (np.arange(own.size) + 0.5) / own.size
    return np.asarray(np.lexsort((order, place))[:k])

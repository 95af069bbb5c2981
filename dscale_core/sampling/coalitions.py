"""Coalitions: disjoint stratified blocks of seeded permutations of the pool.

A *pass* is one stratified permutation, cut into disjoint coalitions whose sizes are the next terms of a low-discrepancy
sequence, until the pool cannot serve the next one. Blocks of one permutation cover the pool evenly, which leaves 1.3 to 3.5
times less error than independent draws of the same sizes, for nothing. Passes are independent of each other: whatever
resamples draws takes whole passes.

Coalition j follows from (seed, j) and the pool's labels alone; a plan with more draws begins with the same coalitions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscale_core.types import Dataset, IntVector, SamplingPlan

__all__ = ["Coalitions", "quotas", "size_sequence"]


class Coalitions:
    """The coalitions of a plan on a dataset; ``coalitions.members(j)`` are pool indices, sorted.

    sizes, passes : (m,) the size k of each coalition and the pass it belongs to
    """

    def __init__(self, dataset: Dataset, plan: SamplingPlan) -> None:
        stratified = plan.stratify and dataset.task == "classification"
        strata = dataset.y_pool if stratified else np.zeros(dataset.n_points, dtype=np.int64)
        self._seed = plan.seed
        self._groups = [np.flatnonzero(strata == code) for code in np.unique(strata)]
        self.sizes = size_sequence(plan)
        self.passes = np.empty(self.sizes.size, dtype=np.int64)
        self._starts = np.empty((self.sizes.size, len(self._groups)), dtype=np.int64)
        self._takes = np.empty_like(self._starts)
        self._lay_out()
        # a chunk of coalitions mostly stays within one pass
        self._permutation = lru_cache(maxsize=2)(self._permute)

    def __len__(self) -> int:
        return int(self.sizes.size)

    def members(self, j: int) -> IntVector:
        """Pool indices of coalition j, sorted, (k,)."""
        shuffled = self._permutation(int(self.passes[j]))
        taken = zip(shuffled, self._starts[j], self._takes[j], strict=True)
        return np.sort(np.concatenate([group[start : start + take] for group, start, take in taken]))

    def _lay_out(self) -> None:
        counts = np.array([group.size for group in self._groups], dtype=np.int64)
        used, number = np.zeros_like(counts), 0
        quota_of: dict[int, IntVector] = {}
        for j, size in enumerate(self.sizes.tolist()):
            if size not in quota_of:
                quota_of[size] = quotas(size, counts)
            take = quota_of[size]
            if np.any(used + take > counts):
                used, number = np.zeros_like(counts), number + 1
            self.passes[j], self._starts[j], self._takes[j] = number, used, take
            used = used + take

    def _permute(self, number: int) -> list[NDArray[Any]]:
        generator = np.random.default_rng([self._seed, number])
        return [generator.permutation(group) for group in self._groups]


def size_sequence(plan: SamplingPlan) -> IntVector:
    """Size k of every coalition, (m,).

    Listed sizes come in turn. A range is covered by the van der Corput sequence, its two ends first, so that any number of
    draws fills it evenly.
    """
    if not isinstance(plan.sizes, str):
        return np.resize(np.asarray(plan.sizes, dtype=np.int64), plan.n_coalitions)
    u = np.array([0.0, 1.0, *(_van_der_corput(j) for j in range(1, plan.draws - 1))])[: plan.draws]
    low, high = float(plan.min_size), float(plan.max_size)
    sizes = low * (high / low) ** u if plan.sizes == "log_uniform" else low + (high - low) * u
    return np.rint(sizes).astype(np.int64)


def quotas(size: int, counts: IntVector) -> IntVector:
    """Members of each stratum in a coalition: proportional by largest remainder, at least one each, (strata,)."""
    exact = size * counts / counts.sum()
    take: IntVector = np.maximum(np.floor(exact).astype(np.int64), 1)
    while take.sum() < size:
        take[np.argmax(exact - take)] += 1  # below its share, and so below its count
    while take.sum() > size:
        # the ones guaranteed to rare strata are paid by the stratum that has most above its share
        take[np.argmax(np.where(take > 1, take - exact, -np.inf))] -= 1
    return take


def _van_der_corput(j: int) -> float:
    """The binary digits of j mirrored at the point: 1/2, 1/4, 3/4, 1/8, ..."""
    value, weight = 0.0, 0.5
    while j:
        value += weight * (j & 1)
        j, weight = j >> 1, weight / 2
    return value

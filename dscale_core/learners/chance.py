"""How much of a contribution is the learner's own chance: the draws of a forest, the initial weights of a network.

Contributions under S seeds and of P points follow delta_sz = mu + a_s + b_z + e_sz. The seed moves all points of a coalition
together (a: the base model's luck, which every difference shares) and each on its own (e); what one wants to know is b. The
variances are those of a two-way table without replication (Searle, Casella and McCulloch 1992, section 4.5):

    Var e = MS_rest,   Var a = (MS_seeds - MS_rest) / P,   Var b = (MS_points - MS_rest) / S,

cut at zero. A mean over (sd e / sd b)^2 seeds carries as much signal as noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase
from dscale_core.types import Dataset, IntVector

__all__ = ["SeedNoise", "seed_noise"]


@dataclass(frozen=True)
class SeedNoise:
    """Standard deviations of contributions, unit of the utility.

    within : of a point's contribution over seeds, the part shared by all points of a coalition removed
    shared : of that shared part; comparisons between points do not see it
    between : between points, the noise of the seeds removed; 0 where it cannot be told from none
    """

    within: float
    shared: float
    between: float

    @property
    def ratio(self) -> float:
        """Noise over signal in one draw; infinite without signal, 0 without either."""
        if self.between == 0:
            return float("inf") if self.within > 0 else 0.0
        return self.within / self.between


def seed_noise(
    learner: LearnerBase, dataset: Dataset, coalition: IntVector, points: IntVector, utility: str, seeds: Sequence[int]
) -> SeedNoise:
    """Measure the noise that the seed of ``learner`` brings to the contributions of ``points`` to one coalition.

    Raises ArgumentError for a learner without a seed, fewer than two seeds, or fewer than two points outside the coalition.
    """
    if "seed" not in learner.params:
        remedy = "Nothing needs to be measured: its contributions do not depend on chance."
        raise ArgumentError("learner", "have a seed", repr(learner.name), remedy)
    if len(set(seeds)) < 2:
        raise ArgumentError("seeds", "name two or more", list(seeds), "Pass seeds such as range(5).")
    rows = [
        learner.with_params(seed=int(seed)).contributions(dataset, coalition, points, utility).delta
        for seed in dict.fromkeys(seeds)
    ]
    delta = np.array(rows)
    delta = delta[:, np.isfinite(delta).all(axis=0)]
    n_seeds, n_points = delta.shape
    if n_points < 2:
        raise ArgumentError("points", "hold two outside the coalition", n_points, "Name more points.")
    by_seed, by_point, mean = delta.mean(axis=1), delta.mean(axis=0), delta.mean()
    rest = np.sum((delta - by_seed[:, None] - by_point + mean) ** 2) / ((n_seeds - 1) * (n_points - 1))
    shared = np.var(by_seed, ddof=1) - rest / n_points
    between = np.var(by_point, ddof=1) - rest / n_seeds
    return SeedNoise(*(float(np.sqrt(max(variance, 0.0))) for variance in (rest, shared, between)))

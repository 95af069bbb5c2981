"""What values are given in these tests: a pool, laws and draws put together by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from toy import toy_dataset

from dscale_core.learners import make_learner
from dscale_core.types import Draws
from dscale_core.values import ValueInputs

POOL = 400


def given(**more: Any) -> ValueInputs:
    """Inputs over sizes 20 to 200 of a pool of 400; whatever else is said of them."""
    fixed = {"dataset": toy_dataset(POOL), "learner": make_learner("logistic"), "utility": "log_loss", "unit": "nats"}
    return ValueInputs(**fixed | {"min_size": 20, "max_size": 200} | more)


def made_draws(sizes: Any, delta: Any, passes: Any = None) -> Draws:
    """Draws of points 0, 1, 2, …; every coalition is a pass of its own unless said otherwise."""
    sizes, delta = np.asarray(sizes, dtype=np.int64), np.asarray(delta, dtype=np.float32)
    at = np.arange(sizes.size) if passes is None else np.asarray(passes, dtype=np.int64)
    return Draws(delta, sizes, at, np.arange(delta.shape[1]), np.zeros(sizes.size))


def simulated(seed: int, m: int, p: int, noise: float = 0.0, log_uniform: bool = True) -> tuple[Draws, NDArray[np.float64]]:
    """Draws of δ = c k^(−α) plus noise, absent where the point is in the coalition, and the laws' own means over sizes."""
    random = np.random.default_rng(seed)
    share = (np.arange(m) + random.uniform(size=m)) / m
    sizes = np.rint(20 * 10**share if log_uniform else 20 + 180 * share).astype(np.int64)
    c, alpha = np.linspace(-1, 1, p), np.linspace(0.3, 1.5, p)
    delta = c * sizes[:, None] ** -alpha + noise * random.normal(size=(m, p))
    delta[random.uniform(size=(m, p)) < sizes[:, None] / POOL] = np.nan
    k = np.arange(20, 201)[:, None]
    return made_draws(sizes, delta), (c * k**-alpha).mean(axis=0)

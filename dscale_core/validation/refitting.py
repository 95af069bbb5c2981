"""Estimators fitted again to part of the draws: how accuracy grows with draws, and what it is beyond the sizes.

Everything here works on at most ``max_points`` points (evenly spaced among the columns), because estimators are refitted
many times; the results say how many were used. Means of validation draws are noisy too: their noise ceiling stands beside
R², and coverage allows for their standard error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.laws import Guide, evenly_spaced, fit_laws, size_groups
from dscale_core.types import Draws, FloatMatrix, FloatVector, IntVector, Laws
from dscale_core.validation.accuracy import accuracy_by_size
from dscale_core.validation.interval_coverage import measure_coverage

__all__ = [
    "COUNTS",
    "MAX_POINTS",
    "Convergence",
    "Extrapolation",
    "convergence",
    "default_limit",
    "extrapolation",
]

COUNTS = (5, 10, 20, 50, 100, 200, 500)
MAX_POINTS = 500
_FEWEST_DRAWS = 5
Progress = Callable[[float], object]


@dataclass(frozen=True, eq=False)
class Convergence:
    """Accuracy on validation means after the first draws of a sample set.

    n_draws (c,) draws used; r2, spearman, sign_agreement (methods, c, g) at each validation size; noise_ceiling (g,);
    mean_r2 (methods, c) over sizes. NaN where no law could be fitted.
    """

    methods: tuple[str, ...]
    n_draws: IntVector
    size: FloatVector
    r2: NDArray[np.float64]
    spearman: NDArray[np.float64]
    sign_agreement: NDArray[np.float64]
    noise_ceiling: FloatVector
    mean_r2: FloatMatrix
    n_points: int
    n_points_in_all: int


@dataclass(frozen=True, eq=False)
class Extrapolation:
    """Accuracy, on validation means, of laws fitted only to draws of size at most ``limit``.

    size (g,), factor (g,) = size / limit, beyond 1 outside the fitted range; r2, spearman, coverage (methods, g), the last
    of 90 % intervals; noise_ceiling (g,).
    """

    methods: tuple[str, ...]
    limit: float
    n_draws: int
    size: FloatVector
    factor: FloatVector
    r2: FloatMatrix
    spearman: FloatMatrix
    coverage: FloatMatrix
    noise_ceiling: FloatVector
    n_points: int
    n_points_in_all: int


def convergence(
    draws: Draws,
    validation: Draws,
    methods: Sequence[str],
    counts: Sequence[int] = COUNTS,
    max_points: int = MAX_POINTS,
    on_progress: Progress | None = None,
    **inputs: ArrayLike | Guide | None,
) -> Convergence:
    """Fit the first ``counts`` draws by each method and hold the laws against the validation means.

    inputs : groups, features, targets (p, …) and guide as in `fit_laws`. Counts beyond the draws there are become one
    point at all draws. Raises ArgumentError where the two sample sets value other points, or fewer than 5 draws exist.
    """
    draws, validation, inputs, n_all = _subset(draws, validation, max_points, inputs)
    m = draws.sizes.size
    if m < _FEWEST_DRAWS:
        raise ArgumentError("draws", f"hold at least {_FEWEST_DRAWS} coalitions", m, "Sample more first.")
    used = sorted({min(int(c), m) for c in counts if c >= _FEWEST_DRAWS})
    groups = size_groups(validation.sizes)
    shape = (len(methods), len(used), groups.size.size)
    r2, spearman, sign = (np.full(shape, np.nan) for _ in range(3))
    ceiling = np.full(groups.size.size, np.nan)
    for i, method in enumerate(methods):
        for j, count in enumerate(used):
            laws = _fit(draws, np.arange(count), method, inputs)
            found = accuracy_by_size(laws, validation.delta, validation.sizes)
            r2[i, j], spearman[i, j], sign[i, j] = found.r2, found.spearman, found.sign_agreement
            ceiling = found.noise_ceiling
            if on_progress:
                on_progress((i * len(used) + j + 1) / (len(used) * len(methods)))
    sizes, p = groups.size, draws.delta.shape[1]
    mean = r2.mean(axis=2)
    return Convergence(tuple(methods), np.array(used), sizes, r2, spearman, sign, ceiling, mean, p, n_all)


def extrapolation(
    draws: Draws,
    validation: Draws,
    methods: Sequence[str],
    limit: float | None = None,
    max_points: int = MAX_POINTS,
    **inputs: ArrayLike | Guide | None,
) -> Extrapolation:
    """Fit only draws of size up to ``limit`` (None: the geometric mean of the sizes) and judge at all validation sizes.

    Raises ArgumentError where fewer than 5 draws lie below the limit or no validation size lies above it.
    """
    draws, validation, inputs, n_all = _subset(draws, validation, max_points, inputs)
    bound = default_limit(draws.sizes) if limit is None else float(limit)
    rows = np.flatnonzero(draws.sizes <= bound)
    if rows.size < _FEWEST_DRAWS:
        raise ArgumentError("limit", f"leave at least {_FEWEST_DRAWS} draws below it", bound, "Raise the limit.")
    groups = size_groups(validation.sizes)
    if groups.size[-1] <= bound:
        required = f"lie below the largest validation size, {groups.size[-1]:.0f}"
        raise ArgumentError("limit", required, bound, "Lower the limit or add larger validation sizes.")
    shape = (len(methods), groups.size.size)
    r2, spearman, covered = (np.full(shape, np.nan) for _ in range(3))
    ceiling = np.full(groups.size.size, np.nan)
    for i, method in enumerate(methods):
        laws = _fit(draws, rows, method, inputs)
        found = accuracy_by_size(laws, validation.delta, validation.sizes)
        r2[i], spearman[i], ceiling = found.r2, found.spearman, found.noise_ceiling
        covered[i] = measure_coverage(laws, validation).coverage
    sizes, p = groups.size, draws.delta.shape[1]
    return Extrapolation(
        tuple(methods), bound, int(rows.size), sizes, sizes / bound, r2, spearman, covered, ceiling, p, n_all
    )


def _fit(draws: Draws, rows: IntVector, method: str, inputs: dict[str, Any]) -> Laws:
    own = inputs
    if inputs.get("guide") is not None:
        own = inputs | {"guide": inputs["guide"].take(np.arange(draws.points.size), rows)}
    return fit_laws(draws.delta[rows], draws.sizes[rows], method, passes=draws.passes[rows], **own)


def default_limit(sizes: IntVector) -> float:
    """Where extrapolation begins unless it is said: the geometric mean of the sizes."""
    return float(np.exp(np.log(sizes).mean()))


def _subset(
    draws: Draws, validation: Draws, max_points: int, inputs: dict[str, ArrayLike | Guide | None]
) -> tuple[Draws, Draws, dict[str, Any], int]:
    """Both sample sets, and what goes with them, at no more than ``max_points`` points."""
    if not np.array_equal(draws.points, validation.points):
        raise ArgumentError("validation", "value the same points as draws", "others", "Add validation samples of the study.")
    p = draws.points.size
    chosen = evenly_spaced(p, max_points)
    cut = [d.columns(chosen) for d in (draws, validation)]
    own: dict[str, Any] = {}
    for name, values in inputs.items():
        if isinstance(values, Guide):
            own[name] = values.take(chosen)
        else:
            own[name] = None if values is None else np.asarray(values)[chosen]
    return cut[0], cut[1], own, p

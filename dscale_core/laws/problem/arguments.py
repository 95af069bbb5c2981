"""What every estimator is given: the checked arguments of a fit.

An estimator works in scaled, centred units: each point's draws are divided by their largest magnitude (`blocks`), and log k
is centred at the geometric mean size, so that rows of 1e-300 and of 1e300 are the same problem and a (ψ at the centre) and α
are almost uncorrelated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.laws.problem.guide import Guide
from dscale_core.types import FloatMatrix, FloatVector, IntVector

__all__ = ["Problem", "make_problem"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Checked arguments of a fit: delta (m, p); sizes and x = log(k / center), (m,) or (m, p); passes (m,); groups (p,)."""

    delta: NDArray[Any]
    sizes: FloatVector | FloatMatrix
    x: FloatVector | FloatMatrix
    center: float
    passes: IntVector | None
    features: FloatMatrix | None
    groups: IntVector | None
    targets: FloatVector | None = None
    on_progress: Callable[[float], object] | None = None
    guide: Guide | None = None

    @property
    def n_points(self) -> int:
        """Number of points p."""
        return int(self.delta.shape[1])


def make_problem(
    delta: ArrayLike,
    sizes: ArrayLike,
    passes: ArrayLike | None = None,
    features: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    on_progress: Callable[[float], object] | None = None,
    guide: Guide | None = None,
) -> Problem:
    """Check the arguments of `fit_laws`; raises ArgumentError naming the one that does not fit."""
    d = np.asarray(delta)
    if d.ndim != 2 or 0 in d.shape:
        raise ArgumentError(
            "delta", "have shape (m, p): draws by points, neither empty", d.shape, "Pass one row a coalition."
        )
    if d.dtype not in (np.float32, np.float64):
        if d.dtype.kind not in "iufb":
            raise ArgumentError("delta", "be numeric", f"dtype {d.dtype}", "Pass float32 or float64 contributions.")
        d = d.astype(np.float64)
    m, p = d.shape
    k = np.asarray(sizes, dtype=np.float64)
    if k.shape not in ((m,), (m, p)):
        raise ArgumentError("sizes", f"have shape ({m},) or ({m}, {p})", k.shape, "Pass the size of each draw's coalition.")
    if not np.all(np.isfinite(k)) or k.min() < 1:
        raise ArgumentError("sizes", "be finite and at least 1", f"a smallest size of {k.min()}", "Pass training-set sizes.")
    log_k = np.log(k)
    center = float(np.exp(log_k.mean()))
    return Problem(
        delta=d,
        sizes=k,
        x=log_k - np.log(center),
        center=center,
        passes=None if passes is None else _codes("passes", passes, m, "draw"),
        features=None if features is None else _features(features, p),
        groups=None if groups is None else _codes("groups", groups, p, "point"),
        targets=None if targets is None else _targets(targets, p),
        on_progress=on_progress,
        guide=None if guide is None else _guide(guide, m, p),
    )


def _codes(argument: str, values: ArrayLike, length: int, unit: str) -> IntVector:
    array = np.asarray(values)
    if array.shape != (length,):
        raise ArgumentError(argument, f"have shape ({length},)", array.shape, f"Pass one entry a {unit}, or None.")
    return np.unique(array, return_inverse=True)[1].astype(np.int64)


def _guide(guide: Guide, m: int, p: int) -> Guide:
    if guide.expected.shape[1] != p:
        raise ArgumentError("guide", f"speak of {p} points", guide.expected.shape, "Ask the formula for the points drawn.")
    if guide.control is not None and guide.control.shape[0] != m:
        required = f"have a control of {m} draws"
        raise ArgumentError("guide", required, guide.control.shape, "Pass the surrogate of these draws, row by row.")
    return guide


def _targets(targets: ArrayLike, p: int) -> FloatVector:
    array = np.asarray(targets, dtype=np.float64)
    if array.shape != (p,) or not np.all(np.isfinite(array)):
        raise ArgumentError("targets", f"be {p} finite numbers", array.shape, "Pass one target a point, or None.")
    return array


def _features(features: ArrayLike, p: int) -> FloatMatrix:
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != p or not np.all(np.isfinite(array)):
        raise ArgumentError(
            "features", f"have shape ({p}, d) and be finite", array.shape, "Pass one row of features a point, or None."
        )
    return array

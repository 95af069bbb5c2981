"""Records that the layers hand to each other, and the array aliases they are made of.

Notation (design, section 2): pool of n points with d features; coalition D, a subset of the pool of size k; contribution
delta(z, D) = L(f_D) - L(f_{D+z}) for z not in D, **positive helps**, in the unit of the loss L; law psi_k = c k^(-alpha).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.statuses import LawStatus

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Contributions",
    "Dataset",
    "Draws",
    "Engine",
    "FloatMatrix",
    "FloatVector",
    "IntVector",
    "LawStatus",
    "Laws",
    "Learner",
    "SamplingPlan",
    "Task",
]

FloatVector: TypeAlias = NDArray[np.float64]  # (p,)
FloatMatrix: TypeAlias = NDArray[np.float64]  # (n, d)
Float32Matrix: TypeAlias = NDArray[np.float32]  # (m, p)
IntVector: TypeAlias = NDArray[np.int64]  # (p,)
Task: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """What is learned from what, split three ways.

    Features are float64 and C-ordered; labels are int64 codes into ``class_names`` (classification) or float64
    (regression). Only the pool is ever trained on and valued; L is measured on the valuation set; the test set serves
    the verification of picks alone.
    """

    name: str
    task: Task
    X_pool: FloatMatrix  # (n, d)
    y_pool: NDArray[Any]  # (n,)
    X_valuation: FloatMatrix  # (v, d)
    y_valuation: NDArray[Any]  # (v,)
    X_test: FloatMatrix  # (t, d)
    y_test: NDArray[Any]  # (t,)
    feature_names: tuple[str, ...]  # d names
    class_names: tuple[str, ...]  # empty for regression
    records: pd.DataFrame  # (n, columns) the original rows of the pool; index "row": row number in the source
    fingerprint: str  # sha256 of everything above
    label_name: str = "label"
    notes: tuple[str, ...] = ()  # what reading and encoding did, one sentence each
    image_shape: tuple[int, int] | None = None  # height, width where a record's first columns are pixels

    @property
    def n_points(self) -> int:
        """Number of pool points n."""
        return int(self.X_pool.shape[0])

    @property
    def n_features(self) -> int:
        """Number of encoded features d."""
        return int(self.X_pool.shape[1])

    def labels(self, points: IntVector | None = None) -> NDArray[Any]:
        """Labels of pool points as a person reads them: class names, or the regression target. Shape (p,)."""
        y = self.y_pool if points is None else self.y_pool[points]
        return np.asarray(self.class_names, dtype=object)[y] if self.task == "classification" else y


@dataclass(frozen=True)
class SamplingPlan:
    """Which coalitions are drawn and which points are valued; everything about coalition j follows from (seed, j).

    points : ``"all"`` or a tuple of pool indices
    sizes : ``"log_uniform"`` | ``"uniform"`` over [min_size, max_size], both ends included, or a tuple of sizes
        (``draws`` then counts per size)
    draws : number of coalitions (per size where sizes are listed)
    stratify : coalitions keep the pool's class proportions (ignored for regression)
    """

    points: Literal["all"] | tuple[int, ...] = "all"
    sizes: Literal["log_uniform", "uniform"] | tuple[int, ...] = "log_uniform"
    min_size: int = 100
    max_size: int = 1000
    draws: int = 200
    stratify: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.points, str):
            object.__setattr__(self, "points", tuple(int(i) for i in self.points))
        elif self.points != "all":
            raise ArgumentError("points", 'be "all" or a list of pool indices', repr(self.points), 'Use "all".')
        if not isinstance(self.sizes, str):
            listed = tuple(int(k) for k in self.sizes)
            if not listed:
                raise ArgumentError("sizes", "name at least one size", "an empty list", "List sizes such as [100, 300].")
            object.__setattr__(self, "sizes", listed)
            object.__setattr__(self, "min_size", min(listed))
            object.__setattr__(self, "max_size", max(listed))
        elif self.sizes not in ("log_uniform", "uniform"):
            required = 'be "log_uniform", "uniform" or a list of sizes'
            raise ArgumentError("sizes", required, repr(self.sizes), 'Use "log_uniform".')
        if self.min_size < 2:
            raise ArgumentError("min_size", "be at least 2", self.min_size, "Raise the smallest size.")
        if self.max_size < self.min_size:
            got = f"min_size={self.min_size}, max_size={self.max_size}"
            raise ArgumentError("max_size", "be at least min_size", got, "Raise max_size or lower min_size.")
        if self.draws < 1:
            raise ArgumentError("draws", "be at least 1", self.draws, "Ask for one draw or more.")
        if self.seed < 0:
            raise ArgumentError("seed", "be zero or positive", self.seed, "Use a seed such as 0.")

    @property
    def n_coalitions(self) -> int:
        """Number m of coalitions that the plan draws."""
        return self.draws if isinstance(self.sizes, str) else self.draws * len(self.sizes)


@dataclass(frozen=True, eq=False)
class Contributions:
    """delta(z, D) of many points for one coalition.

    delta : (p,) L(f_D) - L(f_{D+z}); NaN exactly where z is in D; positive helps; unit of the utility
    base_loss : L(f_D), the loss on the valuation set of the model trained on D alone
    """

    delta: FloatVector
    base_loss: float


@dataclass(frozen=True, eq=False)
class Draws:
    """A matrix of contributions: one row a coalition, one column a point; NaN only where the point is in the coalition."""

    delta: Float32Matrix  # (m, p)
    sizes: IntVector  # (m,) size k of each coalition
    passes: IntVector  # (m,) the pass each coalition belongs to: the unit of resampling
    points: IntVector  # (p,) pool indices of the columns
    base_loss: FloatVector  # (m,) L(f_D)


class Engine(Protocol):
    """A learner bound to one dataset and utility, with all that is prepared once per dataset."""

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points`` for one coalition; arguments are trusted (the learner has checked them)."""
        ...


class Learner(Protocol):
    """A configured learner; immutable, cheap to pickle."""

    @property
    def name(self) -> str: ...
    @property
    def task(self) -> Task | Literal["any"]: ...
    @property
    def params(self) -> Mapping[str, Any]: ...
    @property
    def exact(self) -> bool:
        """True where an engine shares the coalition's fit among all points; False where every delta is a refit."""
        ...

    def bind(self, dataset: Dataset, utility: str) -> Engine:
        """Prepare the engine for one dataset. Raises ArgumentError where learner, task and utility do not go together."""
        ...

    def contributions(
        self, dataset: Dataset, coalition: IntVector, points: IntVector, utility: str = "log_loss"
    ) -> Contributions:
        """delta of ``points`` for one coalition, arguments checked."""
        ...

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by one independent fit at tight tolerance: what the audit holds the engine against."""
        ...

    def surrogate(self, dataset: Dataset, utility: str) -> Engine | None:
        """A cheap approximate engine for previews; None where the learner has none."""
        ...

    def expected_contributions(
        self, dataset: Dataset, sizes: IntVector, points: IntVector, utility: str
    ) -> FloatMatrix | None:
        """psi_k at each size by a formula that needs no draws, (g, p); None where the learner has none."""
        ...


@dataclass(frozen=True, eq=False)
class Laws:
    """One scaling law a point: psi_k = c k^(-alpha), noise Var delta = sigma^2 k^(-beta).

    Points whose status is not ``ok`` or ``at_bound`` or ``sign_change`` carry NaN parameters. ``covariance`` is that of
    (psi at ``center``, alpha): with log k centred the two are almost uncorrelated, so intervals of psi_k follow by the
    delta method at any k.

    Where ``form`` is ``two_term`` the law is psi_k = a/k + b/k^2 (`terms`), free to change sign. c and alpha are then the
    power law tangent at ``center``: with q = psi there and s = alpha q, a = (2 q - s) center and b = (s - q) center^2;
    ``covariance`` is that of (q, s), in which psi_k is linear.
    """

    method: str
    c: FloatVector  # (p,) unit of the loss
    alpha: FloatVector  # (p,)
    sigma: FloatVector  # (p,) noise standard deviation at k = 1; NaN where the method has no noise law
    beta: FloatVector  # (p,)
    alpha_low: FloatVector  # (p,) 90 % interval of alpha
    alpha_high: FloatVector  # (p,)
    status: NDArray[np.str_]  # (p,) values of LawStatus
    n_draws: IntVector  # (p,) finite draws of each point
    r2: FloatVector  # (p,) in-sample R^2 of the law against the means at each size
    covariance: NDArray[np.float64]  # (p, 2, 2) of (psi at center, alpha)
    center: float  # the size at which psi and alpha are almost uncorrelated
    min_size: int  # range of the sizes the law was fitted on
    max_size: int
    points: IntVector = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # (p,) pool indices
    form: Literal["power", "two_term"] = "power"
    # (2, g) sizes, and what intervals add there for the law's own error: a variance of psi_k in units of one draw's variance
    misfit: FloatMatrix = field(default_factory=lambda: np.empty((2, 0)))
    guided: bool = False  # whether the learner's own formula was followed as far as draws agree with it

    def __post_init__(self) -> None:
        if self.points.size == 0:
            object.__setattr__(self, "points", np.arange(self.c.size, dtype=np.int64))

    def psi(self, k: float) -> FloatVector:
        """Expected contribution at size k, (p,), in the unit of the loss; positive helps. Raises ArgumentError for k < 1."""
        if self.form == "two_term":
            r = self.center / _checked_size(k)
            return self._amplitude * ((2 - self.alpha) * r + (self.alpha - 1) * r * r)
        return self.c * np.power(_checked_size(k), -self.alpha)

    @property
    def terms(self) -> tuple[FloatVector, FloatVector]:
        """a and b, each (p,), of psi_k = a/k + b/k^2. Raises ArgumentError where the form is another."""
        if self.form != "two_term":
            raise ArgumentError("form", 'be "two_term"', repr(self.form), 'Fit by the method "two_term".')
        amplitude = self._amplitude
        return amplitude * (2 - self.alpha) * self.center, amplitude * (self.alpha - 1) * self.center**2

    @property
    def _amplitude(self) -> FloatVector:
        return self.c * np.power(self.center, -self.alpha)

    def psi_interval(self, k: float, level: float = 0.9) -> tuple[FloatVector, FloatVector]:
        """Lower and upper end, each (p,), of the interval of psi_k at confidence ``level``."""
        if not 0 < level < 1:
            raise ArgumentError("level", "lie between 0 and 1", level, "Use a level such as 0.9.")
        # standard deviations rather than variances, so that losses of any scale neither overflow nor vanish
        r = self.center / _checked_size(k)
        if self.form == "two_term":
            by_amplitude = np.sqrt(self.covariance[:, 0, 0]) * (2 * r - r * r)
            by_exponent = np.sqrt(self.covariance[:, 1, 1]) * (r * r - r)
        else:
            by_amplitude = np.sqrt(self.covariance[:, 0, 0]) * np.power(r, self.alpha)
            by_exponent = np.sqrt(self.covariance[:, 1, 1]) * self.psi(k) * np.log(r)
        both = np.sqrt(self.covariance[:, 0, 0]) * np.sqrt(self.covariance[:, 1, 1])
        correlation = np.divide(self.covariance[:, 0, 1], both, out=np.zeros_like(both), where=both > 0)
        # |(a, b)| at the angle of the correlation: a^2 + 2 r a b + b^2
        spread = np.hypot(
            by_amplitude + correlation * by_exponent, np.sqrt(np.maximum(1 - correlation**2, 0.0)) * by_exponent
        )
        spread = np.hypot(spread, self._misfit_deviation(k))
        half = NormalDist().inv_cdf(0.5 + level / 2) * spread
        return self.psi(k) - half, self.psi(k) + half

    def _misfit_deviation(self, k: float) -> FloatVector | float:
        """Standard deviation of the law's own error at size k; beyond the measured sizes it grows."""
        if self.misfit.shape[1] == 0:
            return 0.0
        at = np.log(self.misfit[0])
        share = np.interp(np.log(k), at, self.misfit[1])
        # what was too small to be fitted goes on growing with the distance in log k
        beyond = max(abs(2 * np.log(k) - at[0] - at[-1]) / (at[-1] - at[0]), 1.0)
        return np.asarray(beyond * np.sqrt(share) * self.sigma * np.power(k, -0.5 * self.beta))

    def take(self, columns: IntVector) -> Laws:
        """The laws of some points, by position."""
        return replace(self, **{name: getattr(self, name)[columns] for name in _BY_POINT})

    def to_frame(self) -> pd.DataFrame:
        """One row a point: point, c, alpha, alpha_low, alpha_high, sigma, beta, r2, n_draws, status."""
        import pandas as pd

        columns = ("c", "alpha", "alpha_low", "alpha_high", "sigma", "beta", "r2", "n_draws", "status")
        return pd.DataFrame({"point": self.points} | {name: getattr(self, name) for name in columns})


_BY_POINT = ("c", "alpha", "sigma", "beta", "alpha_low", "alpha_high", "status", "n_draws", "r2", "covariance", "points")


def _checked_size(k: float) -> float:
    if not (np.isfinite(k) and k >= 1):
        raise ArgumentError("k", "be a size of at least 1", k, "Ask for a dataset size such as 1000.")
    return float(k)

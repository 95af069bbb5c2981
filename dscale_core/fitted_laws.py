"""`Laws`: what a fit says of every point, and what follows from it at any size."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dscale_core.arrays import FloatMatrix, FloatVector, IntVector
from dscale_core.errors import ArgumentError
from dscale_core.intervals import half_width
from dscale_core.row_deviation import RowDeviation

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Laws"]


@dataclass(frozen=True, eq=False)
class Laws:
    """One scaling law a point: psi_k = c k^(-alpha), noise Var delta = sigma^2 k^(-beta).

    Points whose status is none of ``ok``, ``at_bound``, ``sign_change`` and ``grows`` carry NaN parameters. ``covariance``
    is that of (psi at ``center``, alpha): with log k centred the two are almost uncorrelated, so intervals of psi_k follow
    by the delta method at any k.

    Where a fit knows psi_k as a curve (``curve``), c and alpha are the closest power law, and `psi` follows the curve as far
    as it is known to leave that law, so that it can change sign and grow.

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
    lack_of_fit: (
        FloatVector  # (p,) distance of the law from the means of its draws, in their standard errors; about 1 if right
    )
    covariance: NDArray[np.float64]  # (p, 2, 2) of (psi at center, alpha)
    center: float  # the size at which psi and alpha are almost uncorrelated
    min_size: int  # range of the sizes the law was fitted on
    max_size: int
    points: IntVector = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # (p,) pool indices
    form: Literal["power", "two_term"] = "power"
    # (2, g) sizes, and what intervals add there for the law's own error: a variance of psi_k in units of one draw's variance
    misfit: FloatMatrix = field(default_factory=lambda: np.empty((2, 0)))
    guided: bool = False  # whether the learner's own surrogate or formula was followed, as far as draws agree with it
    # (p, g) at curve_sizes (g,), from min_size to max_size and, where a guide reaches farther, beyond; in the unit of the
    # loss. curve: the best estimate of psi_k less c k^(-alpha); curve_deviation: standard deviation of that estimate's error
    curve: FloatMatrix = field(default_factory=lambda: np.empty((0, 0)))
    curve_deviation: FloatMatrix = field(default_factory=lambda: np.empty((0, 0)))
    curve_sizes: FloatVector = field(default_factory=lambda: np.empty(0))
    rows: RowDeviation | None = None  # what other valuation rows would change, where that is known

    def __post_init__(self) -> None:
        if self.points.size == 0:
            object.__setattr__(self, "points", np.arange(self.c.size, dtype=np.int64))
        if self.curve.size and self.curve_sizes.size == 0:  # a fit that was kept before these were
            object.__setattr__(self, "curve_sizes", np.geomspace(self.min_size, self.max_size, self.curve.shape[1]))

    def psi(self, k: float | FloatMatrix) -> FloatVector:
        """Expected contribution at size k, (p,), in the unit of the loss; positive helps. Raises ArgumentError for k < 1.

        Of sizes (m, 1) or (m, p) it is (m, p). Beyond the sizes of a curve it goes on from there as k^(-alpha).
        """
        if self.form == "two_term":
            r = self.center / _checked_size(k)
            return self._amplitude * ((2 - self.alpha) * r + (self.alpha - 1) * r * r)
        law = self.power_law(k)
        return law + self._bends(k)[1] if self.curve.size else law

    def power_law(self, k: float | FloatMatrix) -> FloatVector:
        """c k^(-alpha) alone, like `psi`."""
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

    def psi_interval(self, k: float, level: float = 0.9, other_rows: bool = True) -> tuple[FloatVector, FloatVector]:
        """Lower and upper end, each (p,), of the interval of psi_k at confidence ``level``.

        other_rows : whether it is to hold on new valuation rows; False for what is measured on those of the draws
        """
        if not 0 < level < 1:
            raise ArgumentError("level", "lie between 0 and 1", level, "Use a level such as 0.9.")
        _checked_size(k)
        spread, offset = self.law_deviation(k), np.zeros(self.c.size)
        if self.curve.size:
            bend, followed = self._bends(k)
            offset, known = bend - followed, self._curve_deviation(k)
            spread = known if self.curve_sizes[0] <= k <= self.curve_sizes[-1] else np.maximum(spread, known)
            if k > self.max_size:  # nobody has drawn there: what the curve has beyond the law from the last size on
                last = float(self.max_size)
                spread = np.hypot(spread, self.psi(k) - self.psi(last) * np.power(k / last, -self.alpha))
        spread = np.hypot(spread, self._misfit_deviation(k))
        if other_rows and self.rows is not None:
            spread = np.hypot(spread, _beyond(k, self.min_size, self.max_size) * self.rows.at(k))
        half = half_width(spread, offset, level)
        return self.psi(k) - half, self.psi(k) + half

    def law_deviation(self, k: float) -> FloatVector:
        """Standard deviation of psi_k by the delta method, (p,): of the law alone."""
        # standard deviations rather than variances, so that losses of any scale neither overflow nor vanish
        r = self.center / k
        if self.form == "two_term":
            by_amplitude = np.sqrt(self.covariance[:, 0, 0]) * (2 * r - r * r)
            by_exponent = np.sqrt(self.covariance[:, 1, 1]) * (r * r - r)
        else:
            by_amplitude = np.sqrt(self.covariance[:, 0, 0]) * np.power(r, self.alpha)
            by_exponent = np.sqrt(self.covariance[:, 1, 1]) * self.power_law(k) * np.log(r)
        both = np.sqrt(self.covariance[:, 0, 0]) * np.sqrt(self.covariance[:, 1, 1])
        correlation = np.divide(self.covariance[:, 0, 1], both, out=np.zeros_like(both), where=both > 0)
        # |(a, b)| at the angle of the correlation: a^2 + 2 r a b + b^2
        return np.asarray(
            np.hypot(by_amplitude + correlation * by_exponent, np.sqrt(np.maximum(1 - correlation**2, 0.0)) * by_exponent)
        )

    def _misfit_deviation(self, k: float | FloatMatrix) -> FloatVector | float:
        """Standard deviation of the law's own error at size k; beyond the measured sizes it grows."""
        if self.misfit.shape[1] == 0:
            return 0.0
        share = np.interp(np.log(k), np.log(self.misfit[0]), self.misfit[1])
        beyond = _beyond(k, self.misfit[0, 0], self.misfit[0, -1])
        return np.asarray(beyond * np.sqrt(share) * self.sigma * np.power(k, -0.5 * self.beta))

    def _bends(self, k: float | FloatMatrix) -> tuple[FloatVector, FloatVector]:
        """By how much the curve leaves c k^(-alpha) at size k, and what of that is known: b (1 - v / b^2), zero below v.

        (The positive-part estimator of James and Stein, 1961, of one value of variance v.)
        """
        inside = np.clip(k, self.curve_sizes[0], self.curve_sizes[-1])
        fading = np.power(k / inside, -self.alpha)
        bend, deviation = self._at_size(self.curve, inside), self._at_size(self.curve_deviation, inside)
        variance = deviation**2 + np.square(self._misfit_deviation(inside))
        share = 1 - np.divide(variance, bend**2, out=np.ones(bend.shape), where=bend**2 > variance)
        return fading * bend, fading * share * bend

    def _curve_deviation(self, k: float) -> FloatVector:
        """Standard deviation of the curve's error; beyond its sizes it grows with the distance in log k."""
        first, last = float(self.curve_sizes[0]), float(self.curve_sizes[-1])
        inside = float(np.clip(k, first, last))
        return np.asarray(_beyond(k, first, last) * inside / k * self._at_size(self.curve_deviation, inside))

    def _at_size(self, values: FloatMatrix, k: float | FloatMatrix) -> FloatVector:
        """(p, g) values along the curve, read at a size k within it: k times the value is linear in log k."""
        sizes = self.curve_sizes
        place = np.interp(np.log(k), np.log(sizes), np.arange(sizes.size))
        left = np.minimum(np.asarray(place, dtype=np.int64), sizes.size - 2)
        share, points = place - left, np.arange(self.c.size)
        return np.asarray(
            ((1 - share) * sizes[left] * values[points, left] + share * sizes[left + 1] * values[points, left + 1]) / k
        )

    def take(self, columns: IntVector) -> Laws:
        """The laws of some points, by position."""
        names = (*_BY_POINT, *_CURVES) if self.curve.size else _BY_POINT
        rows = None if self.rows is None else self.rows.take(columns)
        return replace(self, rows=rows, **{name: getattr(self, name)[columns] for name in names})

    def to_frame(self) -> pd.DataFrame:
        """One row a point: point, c, alpha, alpha_low, alpha_high, sigma, beta, lack_of_fit, n_draws, status."""
        import pandas as pd

        columns = ("c", "alpha", "alpha_low", "alpha_high", "sigma", "beta", "lack_of_fit", "n_draws", "status")
        return pd.DataFrame({"point": self.points} | {name: getattr(self, name) for name in columns})


_BY_POINT = (
    "c",
    "alpha",
    "sigma",
    "beta",
    "alpha_low",
    "alpha_high",
    "status",
    "n_draws",
    "lack_of_fit",
    "covariance",
    "points",
)
_CURVES = ("curve", "curve_deviation")


def _beyond(k: float | FloatMatrix, low: float, high: float) -> NDArray[np.float64]:
    """1 within the sizes; outside, what was too small to be seen goes on growing with the distance in log k."""
    distance, width = np.abs(np.log(np.square(k) / (low * high))), float(np.log(high / low))
    return np.maximum(distance / width, 1.0) if width > 0 else np.ones_like(distance)


def _checked_size(k: float | FloatMatrix) -> float | FloatMatrix:
    if not (np.all(np.isfinite(k)) and np.all(np.greater_equal(k, 1))):
        raise ArgumentError("k", "be a size of at least 1", k, "Ask for a dataset size such as 1000.")
    return k if isinstance(k, np.ndarray) else float(k)

"""The law of the loss itself: L(f_D) ≈ ε + c k^(−α), ε ≥ 0, with noise Normal(0, σ² k^(−β)).

It is fitted to the losses of the coalitions, which sampling stores anyway. Given (α, β) the loss is linear in (ε, c), so
both and σ are closed forms; (α, β) are found on a grid and polished. Intervals are those of the profile likelihood: all
values whose best likelihood is within 1.35 nats of the maximum (90 %). Losses count as independent: draws of one pass
share no point of the pool, which if anything makes their mean steadier.

Over a narrow range of sizes a small α with a small ε and a large α with a large ε look alike: read the surface.
Source: Covert et al., ICML 2024, section on the aggregate law.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from dscale_core.errors import ArgumentError
from dscale_core.types import FloatMatrix, FloatVector, LawStatus

__all__ = ["AggregateLaw", "fit_aggregate"]

# Starts of a search that goes on between the cells, and the bounds of what is considered: below 0.02 a power law is a line
# in log k, beyond 5 its first size holds all of it.
# test_aggregate_profile.py::test_an_exponent_that_reaches_its_bounds_is_marked
_ALPHA = np.linspace(0.02, 5.0, 250)
# Also what surfaces are least over, read between the cells:
# test_aggregate_profile.py::test_the_surface_is_least_over_the_noise_exponent
_BETA = np.linspace(0.0, 6.0, 41)
_MIN_DRAWS = 6  # one more than the law has parameters: test_aggregate_profile.py::test_each_reason_outweighs_those_before_it
_CELLS = 81  # a side of the surface that is shown: test_aggregate_profile.py::test_the_surface_is_shown_about_the_interval
# Of the log-likelihood at the ends of a 90 % interval: χ²(1) at 0.9, halved.
# test_aggregate_profile.py::test_an_intervals_ends_are_where_the_profile_has_dropped_as_far_as_chi_square_says
_DROP = 2.705543454095404 / 2


@dataclass(frozen=True, eq=False)
class AggregateLaw:
    """L(f_D) = ε + c k^(−α), in the unit of the loss; numbers are NaN and the surface empty where ``status`` says why.

    surface (cells, cells): log-likelihood less its maximum, rows over ``surface_epsilon``, columns over ``surface_alpha``.
    size, mean, standard_error (g,): means of the losses by size. r2: of the law against these means.
    """

    epsilon: float
    c: float
    alpha: float
    sigma: float
    beta: float
    epsilon_low: float
    epsilon_high: float
    alpha_low: float
    alpha_high: float
    log_likelihood: float
    r2: float
    status: str  # a value of LawStatus
    n_draws: int
    min_size: int
    max_size: int
    surface_alpha: FloatVector
    surface_epsilon: FloatVector
    surface: FloatMatrix
    size: FloatVector
    mean: FloatVector
    standard_error: FloatVector

    def loss(self, k: ArrayLike) -> FloatVector:
        """Expected loss at sizes k, in the unit of the loss."""
        return np.asarray(self.epsilon + self.c * np.power(np.asarray(k, dtype=np.float64), -self.alpha))


@dataclass(frozen=True, eq=False)
class _Losses:
    """y (n,) scaled and less its mean; x (n,) centred log size; floor: what ε = 0 is in these units."""

    y: FloatVector
    x: FloatVector
    scale: float
    shift: float
    log_center: float

    @property
    def floor(self) -> float:
        return -self.shift


def fit_aggregate(base_loss: ArrayLike, sizes: ArrayLike) -> AggregateLaw:
    """Fit the losses (m,) of coalitions of these sizes (m,). Raises ArgumentError where the shapes do not go together."""
    loss, k = np.asarray(base_loss, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if loss.ndim != 1 or loss.size == 0:
        raise ArgumentError("base_loss", "have shape (m,) and not be empty", loss.shape, "Pass one loss a coalition.")
    if k.shape != loss.shape or not np.all(np.isfinite(k)) or k.min() < 1:
        raise ArgumentError("sizes", f"be {loss.size} sizes of at least 1", k.shape, "Pass the size of each coalition.")
    empty = _empty(loss, k)
    if empty.status != LawStatus.OK.value:
        return empty
    scale = float(np.abs(loss).max())
    log_center = float(np.log(k).mean())
    shift = float((loss / scale).mean())
    losses = _Losses(loss / scale - shift, np.log(k) - log_center, scale, shift, log_center)
    return _fitted(losses, empty)


def _empty(loss: FloatVector, k: FloatVector) -> AggregateLaw:
    from dscale_core.laws.grouping import group_means, size_groups

    groups = size_groups(k)
    means = group_means(loss[:, None], groups)
    status = LawStatus.OK
    if loss.size < _MIN_DRAWS:
        status = LawStatus.TOO_FEW_DRAWS
    elif np.unique(k).size < 3:
        status = LawStatus.ONE_SIZE
    if np.ptp(loss) == 0:
        status = LawStatus.NO_SIGNAL
    if not np.all(np.isfinite(loss)):
        status = LawStatus.NOT_FINITE
    numbers = (np.nan,) * 11
    nothing = np.empty(0)
    surface = (nothing, nothing, np.empty((0, 0)))
    extent = (int(np.floor(k.min())), int(np.ceil(k.max())))
    seen = (groups.size, means.mean[:, 0], means.standard_error[:, 0])
    return AggregateLaw(*numbers, status.value, int(loss.size), *extent, *surface, *seen)


def _fitted(losses: _Losses, empty: AggregateLaw) -> AggregateLaw:
    from scipy.optimize import minimize

    phi = _profile(losses, _ALPHA, _BETA)[0]  # (n_alpha, n_beta)
    i, j = np.unravel_index(phi.argmin(), phi.shape)

    def at(theta: FloatVector) -> float:
        return float(_profile(losses, theta[:1], theta[1:])[0][0, 0])

    bounds = [(_ALPHA[0], _ALPHA[-1]), (_BETA[0], _BETA[-1])]
    found = minimize(at, [_ALPHA[i], _BETA[j]], method="L-BFGS-B", bounds=bounds)
    alpha, beta = (float(v) for v in (found.x if found.fun <= phi[i, j] else (_ALPHA[i], _BETA[j])))
    best, epsilon, amplitude, variance = (float(v[0, 0]) for v in _profile(losses, np.array([alpha]), np.array([beta])))
    alpha_low, alpha_high = _interval(_ALPHA, _least(phi), best, alpha)
    highest = max(float(losses.y.max()), epsilon + float(np.ptp(losses.y)))
    epsilons = np.linspace(losses.floor, highest, 400)
    # ε and α are strongly tied, so the profile of ε needs a fine grid of α about the region that matters; ends between the
    # nodes of either are read off within a twentieth of the drop:
    # test_aggregate_profile.py::test_intervals_are_those_of_the_profile_likelihood
    fine = np.linspace(*_stretched(alpha_low, alpha_high, 2.0, _ALPHA[0], _ALPHA[-1]), 401)
    along = _least(_surface(losses, fine, epsilons))
    epsilon_low, epsilon_high = _interval(epsilons, along, best, epsilon)
    at_bound = (
        alpha <= _ALPHA[0] * 1.001 or alpha >= _ALPHA[-1] * 0.999 or alpha_low <= _ALPHA[0] or alpha_high >= _ALPHA[-1]
    )
    # the surface shows the 90 % region with half its width around it
    alphas = np.linspace(*_stretched(alpha_low, alpha_high, 0.5, _ALPHA[0], _ALPHA[-1]), _CELLS)
    shown = np.linspace(*_stretched(epsilon_low, epsilon_high, 0.5, losses.floor, highest), _CELLS)
    surface = best - _surface(losses, alphas, shown)

    def loss(value: float) -> float:
        return (value + losses.shift) * losses.scale

    law = replace(
        empty,
        epsilon=max(loss(epsilon), 0.0),
        c=amplitude * losses.scale * float(np.exp(alpha * losses.log_center)),
        alpha=alpha,
        sigma=float(np.sqrt(variance)) * losses.scale * float(np.exp(0.5 * beta * losses.log_center)),
        beta=beta,
        epsilon_low=max(loss(epsilon_low), 0.0),
        epsilon_high=loss(epsilon_high),
        alpha_low=alpha_low,
        alpha_high=alpha_high,
        log_likelihood=-best - losses.y.size * (0.5 * np.log(2 * np.pi) + 0.5 + float(np.log(losses.scale))),
        status=(LawStatus.AT_BOUND if at_bound else LawStatus.OK).value,
        surface_alpha=alphas,
        surface_epsilon=(shown + losses.shift) * losses.scale,
        surface=np.minimum(surface, 0.0),
    )
    total = float(np.sum((law.mean - law.mean.mean()) ** 2))
    return replace(law, r2=1.0 - float(np.sum((law.mean - law.loss(law.size)) ** 2)) / total if total > 0 else np.nan)


def _sums(losses: _Losses, alpha: FloatVector, beta: FloatVector) -> tuple[FloatMatrix, ...]:
    """Σw, Σwf, Σwf², Σwy, Σwfy, Σwy²: each (n_alpha or 1, n_beta)."""
    w = np.exp(losses.x[:, None] * beta)
    f = np.exp(-alpha[:, None] * losses.x)
    y = losses.y
    one = w.sum(axis=0)[None]
    return one, f @ w, (f * f) @ w, (y @ w)[None], (f * y) @ w, ((y * y) @ w)[None]


def _profile(losses: _Losses, alpha: FloatVector, beta: FloatVector) -> tuple[FloatMatrix, ...]:
    """Negative log-likelihood less a constant, ε, amplitude and variance at every (α, β), each (n_alpha, n_beta)."""
    w, wf, wff, wy, wfy, wyy = _sums(losses, alpha, beta)
    # rounding, where α is so small that the curve is a level: sums of products are good to some 1e-16 of themselves
    determinant = np.maximum(w * wff - wf * wf, 1e-14 * w * wff)
    epsilon = np.maximum((wff * wy - wf * wfy) / determinant, losses.floor)
    amplitude = (wfy - epsilon * wf) / wff
    variance = _squares(epsilon, (w, wf, wff, wy, wfy, wyy)) / losses.y.size
    return _nats(losses, variance, beta), epsilon, amplitude, variance


def _surface(losses: _Losses, alpha: FloatVector, epsilon: FloatVector) -> FloatMatrix:
    """Least negative log-likelihood over β at every (ε, α): (n_epsilon, n_alpha)."""
    sums = _sums(losses, alpha, _BETA)
    rows = [_least(_nats(losses, _squares(e, sums) / losses.y.size, _BETA)) for e in epsilon]
    return np.stack(rows)


def _squares(epsilon: FloatMatrix | float, sums: tuple[FloatMatrix, ...]) -> FloatMatrix:
    """Σ w (y − ε − a f)² at the best amplitude a, never below rounding (1e-14 of Σ w y²)."""
    w, wf, wff, wy, wfy, wyy = sums
    own = wyy - 2 * epsilon * wy + epsilon**2 * w
    return np.asarray(np.maximum(own - (wfy - epsilon * wf) ** 2 / wff, 1e-14 * wyy))


def _nats(losses: _Losses, variance: FloatMatrix, beta: FloatVector) -> FloatMatrix:
    return np.asarray(0.5 * (losses.y.size * np.log(variance) - beta * losses.x.sum()))


def _interval(grid: FloatVector, along: FloatVector, best: float, at: float) -> tuple[float, float]:
    """Ends of the region about ``at`` where the profile stays within the drop, linear between grid points."""
    place = int(np.searchsorted(grid, at))
    grid, excess = np.insert(grid, place, at), np.insert(along - best - _DROP, place, -_DROP)
    out_low, out_high = np.flatnonzero(excess[:place] > 0), np.flatnonzero(excess[place:] > 0) + place
    low, high = float(grid[0]), float(grid[-1])
    if out_low.size:
        low = _crossing(grid, excess, int(out_low[-1]), int(out_low[-1]) + 1)
    if out_high.size:
        high = _crossing(grid, excess, int(out_high[0]), int(out_high[0]) - 1)
    return low, high


def _crossing(grid: FloatVector, excess: FloatVector, outer: int, inner: int) -> float:
    share = excess[outer] / (excess[outer] - excess[inner])
    return float(grid[outer] + (grid[inner] - grid[outer]) * share)


def _least(phi: FloatMatrix) -> FloatVector:
    """Least of each row over an even grid, by the parabola through the lowest cell and its neighbours."""
    at = phi.argmin(axis=1)
    inner = np.clip(at, 1, phi.shape[1] - 2)
    rows = np.arange(phi.shape[0])
    before, here, after = (phi[rows, inner + step] for step in (-1, 0, 1))
    curvature = before + after - 2 * here
    gain = np.divide((after - before) ** 2, 8 * curvature, out=np.zeros_like(here), where=curvature > 0)
    return np.asarray(np.where(at == inner, here - gain, phi[rows, at]))


def _stretched(low: float, high: float, share: float, least: float, most: float) -> tuple[float, float]:
    """The interval with ``share`` of its width, and a thousandth of the bounds', added on either side, within bounds."""
    margin = share * (high - low) + 1e-3 * (most - least)
    return max(low - margin, least), min(high + margin, most)

"""The profile likelihood of the aggregate law: sums, surfaces and interval ends against plain formulas and optimisers."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import lsq_linear, minimize_scalar
from scipy.stats import chi2

from dscale_core.errors import ArgumentError
from dscale_core.laws.aggregate import (
    AggregateLaw,
    _interval,
    _least,
    _Losses,
    _profile,
    _stretched,
    _surface,
    fit_aggregate,
)


def _drawn(seed: int = 0, draws: int = 40, epsilon: float = 0.3, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    k = np.round(np.exp(rng.uniform(np.log(50), np.log(5000), draws)))
    return epsilon + 10 * k**-0.8 + noise * k**-0.6 * rng.normal(size=draws), k


def _centred(loss: np.ndarray, k: np.ndarray) -> _Losses:
    scale = np.abs(loss).max()
    shift = float((loss / scale).mean())
    return _Losses(loss / scale - shift, np.log(k) - np.log(k).mean(), float(scale), shift, float(np.log(k).mean()))


def _least_squares(
    loss: np.ndarray, k: np.ndarray, alpha: float, beta: float, epsilon: float | None = None
) -> tuple[float, ...]:
    """Σ k^β (loss − ε − c k^(−α))², ε ≥ 0 and c, at these exponents; ε may be given."""
    w = k ** (beta / 2)
    if epsilon is not None:
        f = w * k**-alpha
        y = w * (loss - epsilon)
        c = f @ y / (f @ f)
        return float(np.sum((y - c * f) ** 2)), epsilon, float(c)
    unit = np.mean(k) ** alpha  # so that both columns are of a size
    design = np.stack([w, w * unit * k**-alpha], axis=1)
    with np.errstate(invalid="ignore"):  # on some processors scipy multiplies a step of no length by an infinite bound
        found = lsq_linear(design, w * loss, bounds=([0, -np.inf], np.inf), tol=1e-14)
    return float(np.sum((w * loss - design @ found.x) ** 2)), float(found.x[0]), float(found.x[1] * unit)


def _nats(loss: np.ndarray, k: np.ndarray, alpha: float, beta: float, epsilon: float | None = None) -> float:
    """Least −log-likelihood at these exponents."""
    squares = _least_squares(loss, k, alpha, beta, epsilon)[0]
    n = loss.size
    return 0.5 * n * (np.log(2 * np.pi * squares / n) + 1) - 0.5 * beta * float(np.log(k).sum())


@pytest.mark.parametrize("epsilon", [0.3, -0.05])
def test_the_profile_is_constrained_weighted_least_squares(epsilon: float) -> None:
    loss, k = _drawn(1, epsilon=epsilon)
    losses = _centred(loss, k)
    alpha, beta = np.array([0.4, 0.8, 2.5]), np.array([0.0, 1.2])
    phi, shifted, amplitude, variance = _profile(losses, alpha, beta)
    at_zero = 0
    for i, a in enumerate(alpha):
        for j, b in enumerate(beta):
            squares, level, c = _least_squares(loss, k, a, b)
            k0 = np.exp(losses.log_center)
            assert (shifted[i, j] + losses.shift) * losses.scale == pytest.approx(level, abs=1e-7)
            assert amplitude[i, j] * losses.scale == pytest.approx(c * k0**-a, rel=1e-5)
            assert variance[i, j] * losses.scale**2 * loss.size == pytest.approx(squares * k0**-b, rel=1e-6)
            assert phi[i, j] - phi[0, 0] == pytest.approx(_nats(loss, k, a, b) - _nats(loss, k, alpha[0], beta[0]), abs=1e-6)
            at_zero += level < 1e-12
    assert (at_zero > 0) == (epsilon < 0)


def test_the_surface_is_least_over_the_noise_exponent() -> None:
    loss, k = _drawn(2)
    losses = _centred(loss, k)
    alpha, epsilon = np.array([0.5, 0.9]), np.array([0.1, 0.31])
    got = _surface(losses, alpha, epsilon / losses.scale - losses.shift)
    assert got.shape == (2, 2)
    expected = np.array([
        [minimize_scalar(lambda b, a=a, e=e: _nats(loss, k, a, b, e), bounds=(0, 6), method="bounded").fun for a in alpha]
        for e in epsilon
    ])  # fmt: skip
    np.testing.assert_allclose(got - got[0, 0], expected - expected[0, 0], atol=5e-3)


def test_the_least_of_a_parabola_is_found_between_cells() -> None:
    x = np.linspace(0, 6, 41)
    for low in (0.1, 1.0, 2.345, 5.9):
        assert _least(((x - low) ** 2 + 3)[None])[0] == pytest.approx(3.0, abs=1e-9)
    both = _least(np.stack([(x - 1.01) ** 2 - 2, 2 * (x - 4.02) ** 2 + 5]))
    np.testing.assert_allclose(both, [-2, 5], atol=1e-9)
    np.testing.assert_allclose(_least(np.stack([x + 1, 7 - x])), [1.0, 1.0])  # at an end the cell stands
    np.testing.assert_allclose(_least(np.ones((1, 41))), 1.0)


@pytest.mark.parametrize("at", [0.513, 1.0, 1.4])
def test_an_intervals_ends_are_where_the_profile_has_dropped_as_far_as_chi_square_says(at: float) -> None:
    grid = np.linspace(0.0, 2.0, 2001)
    spread = 0.05
    along = 7.0 + 0.5 * ((grid - at) / spread) ** 2
    low, high = _interval(grid, along, 7.0, at)
    z = np.sqrt(chi2.ppf(0.9, 1))
    assert low == pytest.approx(at - z * spread, abs=1e-5)
    assert high == pytest.approx(at + z * spread, abs=1e-5)


def test_interval_ends_are_linear_between_grid_points_and_the_region_is_the_one_about_the_fit() -> None:
    grid = np.arange(9.0)
    drop = chi2.ppf(0.9, 1) / 2
    along = np.array([0.0, 5 * drop, 3 * drop, 0.5 * drop, 0.0, 0.2 * drop, 1.5 * drop, 4 * drop, 0.0])
    low, high = _interval(grid, along, 0.0, 4.25)
    assert low == pytest.approx(2 + 2 / 2.5)  # from three drops at 2 to half of one at 3
    assert high == pytest.approx(5 + 0.8 / 1.3)
    assert _interval(grid, np.zeros(9), 0.0, 4.0) == (0.0, 8.0)  # nowhere out: the whole grid
    steep = np.where(grid == 4, 0.0, 10 * drop)
    low, high = _interval(grid, steep, 0.0, 4.4)
    assert (low, high) == pytest.approx((4 - 0.1, 4.4 + 0.6 * 0.1))


def test_stretching_adds_a_share_on_either_side_within_bounds() -> None:
    assert _stretched(1.0, 2.0, 0.5, -10.0, 10.0) == pytest.approx((0.48, 2.52))
    assert _stretched(1.0, 2.0, 0.5, 0.9, 2.1) == (0.9, 2.1)
    assert _stretched(1.0, 1.0, 2.0, 0.0, 2.0) == pytest.approx((0.998, 1.002))  # never without width


def _profiled(loss: np.ndarray, k: np.ndarray, alpha: float | None = None, epsilon: float | None = None) -> float:
    """Least −log-likelihood with one of α and ε given."""

    def over_beta(a: float, e: float | None) -> float:
        return float(minimize_scalar(lambda b: _nats(loss, k, a, b, e), bounds=(0, 6), method="bounded").fun)

    if alpha is not None:
        return over_beta(alpha, None)
    return float(minimize_scalar(lambda a: over_beta(a, epsilon), bounds=(0.02, 5), method="bounded").fun)


def test_intervals_are_those_of_the_profile_likelihood() -> None:
    loss, k = _drawn(3, 30)
    law = fit_aggregate(loss, k)
    assert law.status == "ok"
    drop = chi2.ppf(0.9, 1) / 2
    best = -law.log_likelihood
    assert best == pytest.approx(_nats(loss, k, law.alpha, law.beta), abs=1e-6)
    for alpha in (law.alpha_low, law.alpha_high):
        assert _profiled(loss, k, alpha=alpha) - best == pytest.approx(drop, abs=0.03)
    for epsilon in (law.epsilon_low, law.epsilon_high):
        assert _profiled(loss, k, epsilon=epsilon) - best == pytest.approx(drop, abs=0.1)
    squares, level, c = _least_squares(loss, k, law.alpha, law.beta)
    assert law.epsilon == pytest.approx(level, rel=1e-5)
    assert law.c == pytest.approx(c, rel=1e-5)
    assert law.sigma == pytest.approx(np.sqrt(squares / 30), rel=1e-5)


def test_the_surface_is_shown_about_the_interval() -> None:
    loss, k = _drawn(4, 30)
    law = fit_aggregate(loss, k)
    assert law.surface.shape == (81, 81)
    assert law.surface_alpha.size == law.surface_epsilon.size == 81
    width = law.alpha_high - law.alpha_low
    margin = 0.5 * width + 1e-3 * 4.98
    assert law.surface_alpha[0] == pytest.approx(max(law.alpha_low - margin, 0.02))
    assert law.surface_alpha[-1] == pytest.approx(min(law.alpha_high + margin, 5.0))
    assert law.surface_epsilon[0] <= law.epsilon_low
    assert law.surface_epsilon[-1] >= law.epsilon_high
    shown, interval = np.ptp(law.surface_epsilon), law.epsilon_high - law.epsilon_low
    assert 2 * interval < shown < 2.3 * interval  # half of it on either side, and a thousandth of all that can be
    inside = (law.surface_alpha > law.alpha_low) & (law.surface_alpha < law.alpha_high)
    drop = chi2.ppf(0.9, 1) / 2
    best_of_alpha = law.surface.max(axis=0)
    assert np.all(best_of_alpha[inside] > -drop - 0.1)
    assert np.all(best_of_alpha[~inside] < -drop + 0.1)
    best_of_epsilon = law.surface.max(axis=1)
    within = (law.surface_epsilon > law.epsilon_low) & (law.surface_epsilon < law.epsilon_high)
    assert np.all(best_of_epsilon[within] > -drop - 0.1)
    assert np.all(best_of_epsilon[~within] < -drop + 0.1)


def test_means_by_size_and_the_share_that_the_law_explains() -> None:
    rng = np.random.default_rng(5)
    k = np.repeat([100.0, 200.0, 400.0, 800.0], 6)
    loss = 0.2 + 5 * k**-0.7 + 0.02 * rng.normal(size=24)
    law = fit_aggregate(loss, k)
    means = loss.reshape(4, 6).mean(axis=1)
    np.testing.assert_allclose(law.size, [100, 200, 400, 800])
    np.testing.assert_allclose(law.mean, means)
    np.testing.assert_allclose(law.standard_error, loss.reshape(4, 6).std(axis=1, ddof=1) / np.sqrt(6))
    left = means - law.epsilon - law.c * law.size**-law.alpha
    assert law.r2 == pytest.approx(1 - np.sum(left**2) / np.sum((means - means.mean()) ** 2))
    assert (law.n_draws, law.min_size, law.max_size) == (24, 100, 800)
    np.testing.assert_allclose(law.loss([100, 1e5]), law.epsilon + law.c * np.array([100, 1e5]) ** -law.alpha)


def test_means_that_do_not_differ_have_no_share_to_explain() -> None:
    law = fit_aggregate(np.tile([1.0, 2.0, 3.0], 6), np.repeat([100.0, 200.0, 400.0], 6))
    assert np.isnan(law.r2)


def test_sizes_between_whole_numbers_are_rounded_outwards() -> None:
    loss, k = _drawn(6)
    law = fit_aggregate(loss, k + 0.5)
    assert (law.min_size, law.max_size) == (int(k.min()), int(k.max()) + 1)


def test_a_law_without_any_level_or_noise_is_found() -> None:
    k = np.geomspace(50, 5000, 30)
    law = fit_aggregate(3 * k**-0.7, k)
    assert law.alpha == pytest.approx(0.7, abs=1e-3)
    assert law.epsilon == pytest.approx(0.0, abs=1e-4)
    assert np.isfinite([law.sigma, law.log_likelihood, law.epsilon_high, law.alpha_low]).all()


def _status(loss: list[float] | np.ndarray, sizes: Any) -> AggregateLaw:
    return fit_aggregate(loss, sizes)


def test_each_reason_outweighs_those_before_it() -> None:
    """Too few draws, then too few sizes; losses that are all alike outweigh both, and one that is no number all."""
    falling = 1 + 10 / np.arange(10.0, 20.0)
    k = np.arange(10, 20)
    assert _status(falling[:5], k[:5]).status == "too_few_draws"
    assert _status(falling[:6], k[:6]).status not in ("too_few_draws", "one_size")
    assert _status(falling[:5], np.full(5, 10)).status == "too_few_draws"
    assert _status(falling, np.repeat([10, 20], 5)).status == "one_size"
    assert _status(falling, np.r_[np.repeat([10, 20], 4), 30, 30]).status not in ("too_few_draws", "one_size")
    assert _status(np.ones(3), np.full(3, 10)).status == "no_signal"
    for bad in (np.nan, np.inf):
        law = _status([bad, 1.0, 1.0], np.full(3, 10))
        assert law.status == "not_finite"
        assert law.surface.shape == (0, 0)
        assert law.surface_alpha.size == law.surface_epsilon.size == 0
        assert np.isnan([law.epsilon, law.c, law.alpha, law.sigma, law.beta, law.r2, law.log_likelihood]).all()
        assert (law.n_draws, law.min_size, law.max_size) == (3, 10, 10)
        np.testing.assert_allclose(law.size, [10.0])


@pytest.mark.parametrize(
    ("argument", "loss", "sizes"),
    [
        ("base_loss", [[1.0, 2.0]], [1, 2]),
        ("base_loss", [], []),
        ("sizes", [1.0, 2.0], [[1, 2]]),
        ("sizes", [1.0, 2.0], [1]),
        ("sizes", [1.0, 2.0], [1.0, np.nan]),
        ("sizes", [1.0, 2.0], [0.5, 2.0]),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(argument: str, loss: Any, sizes: Any) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} must"):
        fit_aggregate(loss, sizes)
    assert fit_aggregate([1.0, 2.0], [1, 2]).status == "too_few_draws"


@pytest.mark.parametrize(("shape", "end"), [("steep", "high"), ("flat", "low")])
def test_an_exponent_that_reaches_its_bounds_is_marked(shape: str, end: str) -> None:
    """Losses that have fallen at the second size already, and losses that grow ever faster."""
    k = np.repeat(np.geomspace(50, 5000, 10), 4)
    rng = np.random.default_rng(7)
    loss = np.where(k < 60, 1.0, 0.3) if shape == "steep" else 1 + 0.02 * np.log(k) ** 2
    law = fit_aggregate(loss + 0.01 * rng.normal(size=40), k)
    assert law.status == "at_bound"
    if end == "high":
        assert law.alpha_high == 5.0
    else:
        assert law.alpha_low == pytest.approx(0.02)

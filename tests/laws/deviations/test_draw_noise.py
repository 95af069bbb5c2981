"""σ and β of draws about given laws, against known ones and the literal weighted mean."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws, laws_of
from scipy.stats import linregress, norm

from dscale_core.laws import fit_laws
from dscale_core.laws.deviations.draw_noise import with_noise_of_draws
from dscale_core.laws.problem import Problem, make_problem
from dscale_core.types import Laws


def test_the_noise_is_found_and_slopes_are_drawn_together() -> None:
    known = known_draws(300, 150, 90, 0.7)
    problem = make_problem(known.delta, known.sizes)
    laws = fit_laws(known.delta, known.sizes)
    blank = replace(laws, sigma=np.full(300, np.nan), beta=np.full(300, np.nan))
    found = with_noise_of_draws(blank, problem)
    assert np.mean((found.beta - known.beta) ** 2) < 1.1 * np.var(known.beta)
    at_center = np.log(found.sigma / known.sigma) - 0.5 * (found.beta - known.beta) * np.log(316)
    assert np.sqrt(np.mean(at_center**2)) < 0.12
    residual = known.delta[:, 7] - np.array([laws.psi(k)[7] for k in known.sizes])
    literal = np.sqrt(np.mean(known.sizes ** found.beta[7] * residual**2))
    assert found.sigma[7] == pytest.approx(literal)


def test_missing_draws_lost_laws_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    known = known_draws(20, 40, 91, 0.7)
    delta = known.delta.copy()
    delta[:30, 2], delta[:, 5] = np.nan, np.nan
    laws = fit_laws(delta, known.sizes)
    problem = make_problem(delta, known.sizes)
    whole = with_noise_of_draws(laws, problem)
    assert np.flatnonzero(~np.isfinite(whole.sigma)).tolist() == [5]
    assert np.flatnonzero(~np.isfinite(whole.beta)).tolist() == [5]
    monkeypatch.setattr("dscale_core.laws.deviations.draw_noise._BLOCK", 40 * 3)
    np.testing.assert_allclose(with_noise_of_draws(laws, problem).sigma, whole.sigma)


def _literal(problem: Problem, laws: Laws) -> tuple[np.ndarray, np.ndarray]:
    """σ and β, one point at a time."""
    x = np.log(problem.sizes)
    slopes, variances = np.full(laws.c.size, np.nan), np.full(laws.c.size, np.inf)
    left = problem.delta - laws.c * problem.sizes[:, None] ** -laws.alpha
    for i in range(laws.c.size):
        seen = np.isfinite(left[:, i]) & (left[:, i] != 0)
        if seen.sum() > 1:
            line = linregress(x[seen], np.log(left[seen, i] ** 2))
            slopes[i] = -line.slope
            variances[i] = np.pi**2 / 2 / np.sum((x[seen] - x[seen].mean()) ** 2)
    told = np.isfinite(slopes)
    low, middle, high = np.quantile(slopes[told], [0.25, 0.5, 0.75])
    spread = max(((high - low) / (norm.ppf(0.75) - norm.ppf(0.25))) ** 2 - np.median(variances[told]), 0.0)
    own = np.where(told, slopes, middle)
    beta = np.clip(middle + spread / (spread + variances) * (own - middle), 0.0, 6.0)
    seen = np.isfinite(left) & (left != 0)
    square = np.nanmean(np.where(seen, problem.sizes[:, None] ** beta * left**2, np.nan), axis=0)
    return np.sqrt(square), beta


@pytest.mark.parametrize("seed", [92, 93])
def test_noise_and_its_exponent_are_the_literal_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known = known_draws(12, 25, seed, 0.7)
    tilt = np.linspace(-1.5, 1.5, 12)  # exponents that differ by more than their own error
    delta = known.delta * (known.sizes[:, None] / 316) ** (-tilt if seed == 92 else 0 * tilt)
    delta[rng.random(delta.shape) < 0.1] = np.nan
    delta[:, 4], delta[4:, 7] = np.nan, np.nan
    laws = laws_of(known.c, known.alpha, np.nan, np.nan)
    delta[3, 2] = laws.psi(known.sizes[3])[2]  # a draw that is just the law says nothing of a logarithm
    delta[:, 9] = np.nan
    delta[6, 9] = 3.0 * laws.psi(known.sizes[6])[9]  # one draw: no slope
    problem = make_problem(delta, known.sizes)
    fitted = np.arange(12) != 4
    laws = replace(laws, c=np.where(fitted, laws.c, np.nan), alpha=np.where(fitted, laws.alpha, np.nan))
    found = with_noise_of_draws(laws, problem)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sigma, beta = _literal(problem, laws)
    np.testing.assert_allclose(found.beta[fitted], beta[fitted], rtol=1e-4)
    np.testing.assert_allclose(found.sigma[fitted], sigma[fitted], rtol=1e-3)
    assert np.isnan([found.sigma[4], found.beta[4]]).all()
    np.testing.assert_array_equal(found.c, laws.c)
    assert np.ptp(found.beta[fitted]) > (0.5 if seed == 92 else -1)


def test_exponents_of_noise_stay_between_zero_and_six() -> None:
    k = np.tile(np.geomspace(100, 1000, 10), 20)
    sign = np.random.default_rng(0).choice([-1.0, 1.0], k.size)
    for exponent, beta in ((-3.0, 0.0), (-0.5, 0.0), (1.0, 2.0), (5.0, 6.0)):
        problem = make_problem(np.stack([sign * k**-exponent] * 3, axis=1), k)
        found = with_noise_of_draws(laws_of(np.zeros(3), 1.0), problem)
        np.testing.assert_allclose(found.beta, beta, atol=1e-6)


def test_where_nothing_is_seen_the_usual_exponent_stands() -> None:
    """Draws that are just the laws have no residuals: no noise, and β of two."""
    k = np.geomspace(100, 1000, 10)
    laws = laws_of([2.0, -1.0], [1.0, 0.5])
    problem = make_problem(np.stack([laws.psi(size) for size in k]), k)
    found = with_noise_of_draws(laws, problem)
    np.testing.assert_array_equal(found.beta, 2.0)
    assert np.all((found.sigma == 0) | np.isnan(found.sigma))


@pytest.mark.parametrize("magnitude", [1e-200, 1e200])
def test_noise_of_any_magnitude_is_found(magnitude: float) -> None:
    known = known_draws(5, 30, 94, 0.7)
    delta = known.delta.copy()
    delta[3, 1] = np.nan
    at = {}
    for unit in (1.0, magnitude):
        problem = make_problem(unit * delta, known.sizes)
        at[unit] = with_noise_of_draws(laws_of(unit * known.c, known.alpha), problem)
    np.testing.assert_allclose(at[magnitude].beta, at[1.0].beta, rtol=1e-6)
    np.testing.assert_allclose(at[magnitude].sigma / magnitude, at[1.0].sigma, rtol=1e-6)

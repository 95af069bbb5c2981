"""The aggregate law: against a general optimiser, on known losses, at its bounds and with losses that cannot be fitted."""

import numpy as np
import pytest
from scipy.optimize import minimize

from dscale_core.errors import ArgumentError
from dscale_core.laws.aggregate import fit_aggregate


def _losses(seed: int, draws: int = 200, epsilon: float = 0.3, alpha: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    k = np.round(np.exp(rng.uniform(np.log(50), np.log(5000), draws)))
    return epsilon + 10 * k**-alpha + 0.3 * k**-0.6 * rng.normal(size=draws), k


def _negative(theta: np.ndarray, loss: np.ndarray, k: np.ndarray) -> float:
    epsilon, log_c, alpha, log_sigma, beta = theta
    sd = np.exp(log_sigma) * k ** (-beta / 2)
    return float(
        np.sum(np.log(sd) + 0.5 * np.log(2 * np.pi) + 0.5 * ((loss - epsilon - np.exp(log_c) * k**-alpha) / sd) ** 2)
    )


def test_reaches_what_a_general_optimiser_reaches() -> None:
    loss, k = _losses(0)
    law = fit_aggregate(loss, k)
    start = [0.2, np.log(5), 0.7, np.log(0.3), 1.0]
    found = minimize(
        _negative, start, args=(loss, k), method="Nelder-Mead", options={"maxiter": 20000, "xatol": 1e-9, "fatol": 1e-9}
    )
    assert law.log_likelihood >= -found.fun - 1e-4
    np.testing.assert_allclose([law.epsilon, law.alpha, law.beta], found.x[[0, 2, 4]], rtol=2e-3)
    mine = [law.epsilon, np.log(law.c), law.alpha, np.log(law.sigma), law.beta]
    assert law.log_likelihood == pytest.approx(-_negative(np.array(mine), loss, k), abs=1e-6)


def test_intervals_cover_and_the_surface_peaks_at_the_fit() -> None:
    inside = np.zeros(2)
    for seed in range(60):
        law = fit_aggregate(*_losses(seed + 10, 80))
        inside += [law.alpha_low < 0.8 < law.alpha_high, law.epsilon_low < 0.3 < law.epsilon_high]
    assert np.all((inside > 48) & (inside < 59.5)), inside
    peak = np.unravel_index(law.surface.argmax(), law.surface.shape)
    assert -0.1 < law.surface.max() <= 0
    assert law.surface_epsilon[peak[0]] == pytest.approx(law.epsilon, abs=2 * np.diff(law.surface_epsilon)[0])
    assert law.surface_alpha[peak[1]] == pytest.approx(law.alpha, abs=2 * np.diff(law.surface_alpha)[0])
    assert law.surface.min() < -1.35


def test_the_surface_is_the_likelihood_profiled_over_the_noise() -> None:
    loss, k = _losses(1, 60)
    law = fit_aggregate(loss, k)
    i, j = 20, 60
    epsilon, alpha = law.surface_epsilon[i], law.surface_alpha[j]
    found = minimize(
        lambda t: _negative(np.array([epsilon, t[0], alpha, t[1], t[2]]), loss, k),
        [np.log(law.c), np.log(law.sigma), law.beta],
        method="Nelder-Mead", options={"maxiter": 9000, "xatol": 1e-8, "fatol": 1e-8},
    )  # fmt: skip
    assert law.surface[i, j] == pytest.approx(-found.fun - law.log_likelihood, abs=0.02)


def test_epsilon_is_never_negative() -> None:
    loss, k = _losses(3, 100, epsilon=-0.02, alpha=0.5)
    law = fit_aggregate(loss, k)
    assert law.epsilon == 0.0
    assert law.epsilon_low == 0.0 <= law.epsilon_high


def test_the_unit_of_the_loss_is_free() -> None:
    loss, k = _losses(4)
    one, other = fit_aggregate(loss, k), fit_aggregate(1e6 * loss, k)
    assert other.alpha == pytest.approx(one.alpha, rel=1e-4)
    np.testing.assert_allclose(other.loss([100, 1e4]), 1e6 * one.loss([100, 1e4]), rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "sizes", "status"),
    [
        (np.ones(5) + np.arange(5), np.arange(10, 15), "too_few_draws"),
        (np.arange(8.0), np.repeat([10, 20], 4), "one_size"),
        (np.ones(10), np.arange(10, 20), "no_signal"),
        (np.r_[np.arange(9.0), np.nan], np.arange(10, 20), "not_finite"),
        (np.log(np.arange(10, 60)) + 1.0, np.arange(10, 60), "at_bound"),
    ],
)
def test_losses_that_cannot_be_fitted_get_a_status(loss: np.ndarray, sizes: np.ndarray, status: str) -> None:
    law = fit_aggregate(loss, sizes)
    assert law.status == status
    assert np.isnan(law.alpha) == (status != "at_bound")


def test_bad_calls_name_their_argument() -> None:
    with pytest.raises(ArgumentError, match="base_loss must"):
        fit_aggregate([], [])
    with pytest.raises(ArgumentError, match="sizes must"):
        fit_aggregate([1.0, 2.0], [3])

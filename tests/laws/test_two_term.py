"""The two-term law: against literal weighted least squares, through a change of sign, and through the store's fields."""

import numpy as np
import pytest
from reference import fit_two_term, known_draws
from scipy.stats import t

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.types import Laws
from dscale_core.validation import quantile_curves


def _draws(points: int, draws: int, seed: int, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """delta, sizes, a, b: noise with beta = 2; a and b of about the same weight at k = 300, of any sign."""
    rng = np.random.default_rng(seed)
    sizes = np.round(np.geomspace(100, 1000, draws))
    a, b = rng.normal(size=points), 300 * rng.normal(size=points)
    r = 1 / sizes[:, None]
    return a * r + b * r**2 + noise * r * 3 * rng.normal(size=(draws, points)), sizes, a, b


def test_agrees_with_literal_weighted_least_squares() -> None:
    delta, sizes, _, _ = _draws(6, 40, 1, 0.3)
    delta[3:9, 2] = np.nan
    laws = fit_laws(delta, sizes, "two_term")
    a, b = laws.terms
    for i in range(6):
        seen = np.isfinite(delta[:, i])
        expected, covariance = fit_two_term(delta[seen, i], sizes[seen], float(laws.beta[i]))
        np.testing.assert_allclose([a[i], b[i]], expected, rtol=1e-7)
        for k in (100.0, 400.0, 2000.0):
            g = np.array([1 / k, 1 / k**2])
            half = t.ppf(0.95, seen.sum() - 2) * np.sqrt(g @ covariance @ g)
            low, high = laws.psi_interval(k)
            assert laws.psi(k)[i] == pytest.approx(expected @ g, rel=1e-6)
            assert 0.5 * (high - low)[i] == pytest.approx(half, rel=1e-6)


def test_c_and_alpha_are_the_tangent_power_law() -> None:
    delta, sizes, _, _ = _draws(20, 40, 2)
    laws = fit_laws(delta, sizes, "two_term")
    k0, h = laws.center, 1e-4
    np.testing.assert_allclose(laws.psi(k0), laws.c * k0**-laws.alpha, rtol=1e-10)
    slope = (laws.psi(k0 * np.exp(h)) - laws.psi(k0 * np.exp(-h))) / (2 * h)
    np.testing.assert_allclose(-slope / laws.psi(k0), laws.alpha, rtol=1e-5)


def test_a_change_of_sign_is_followed_where_no_power_law_can() -> None:
    k = np.round(np.geomspace(100, 1000, 80))
    psi = 1 / k - 300 / k**2  # zero at k = 300
    delta = (psi + 0.05 * np.abs(psi).max() * np.random.default_rng(0).normal(size=80) * (100 / k))[:, None]
    law, power = (fit_laws(delta, k, method) for method in ("two_term", "shrinkage"))
    assert (law.status[0], power.status[0]) == ("ok", "sign_change")
    assert law.psi(100)[0] < 0 < law.psi(1000)[0]
    a, b = law.terms
    assert -b[0] / a[0] == pytest.approx(300, rel=0.1)
    assert power.psi(100)[0] * power.psi(1000)[0] > 0


def test_a_law_that_is_zero_at_the_centre_stays_a_number() -> None:
    k = np.array([100.0, 200.0, 500.0, 1000.0, 100.0, 1000.0])
    k0 = np.exp(np.log(k).mean())
    delta = (1 / k - k0 / k**2)[:, None] * np.ones((6, 2))
    laws = fit_laws(delta, k, "two_term")
    assert np.all(np.isfinite(laws.c))
    spread = np.abs(delta).max()
    for size in k:
        assert laws.psi(size)[0] == pytest.approx(1 / size - k0 / size**2, abs=0.03 * spread)


def test_intervals_cover() -> None:
    delta, sizes, a, b = _draws(2000, 20, 3, 1.0)
    laws = fit_laws(delta, sizes, "two_term")
    for k in (100.0, 316.0, 1000.0, 5000.0):
        low, high = laws.psi_interval(k)
        truth = a / k + b / k**2
        assert np.mean((low < truth) & (truth < high)) == pytest.approx(0.9, abs=0.03)
    alpha = (a / 316 + 2 * b / 316**2) / (a / 316 + b / 316**2)
    assert 0.86 < np.mean((laws.alpha_low <= alpha) & (alpha <= laws.alpha_high)) < 0.98


def test_batch_equals_loop_of_singles_and_scale_is_a_unit() -> None:
    delta, sizes, _, _ = _draws(5, 15, 4)
    laws = fit_laws(delta, sizes, "two_term")
    for i in range(5):
        one = fit_laws(-1e-200 * delta[:, [i]], sizes, "two_term")
        assert one.psi(250)[0] == pytest.approx(-1e-200 * laws.psi(250)[i])
        assert one.alpha[0] == pytest.approx(laws.alpha[i])
        assert (one.psi_interval(250)[1] - one.psi(250))[0] == pytest.approx(
            1e-200 * (laws.psi_interval(250)[1] - laws.psi(250))[i]
        )


def test_own_sizes_a_point_give_the_same_as_shared_ones() -> None:
    delta, sizes, _, _ = _draws(4, 20, 5)
    shared, own = (fit_laws(delta, k, "two_term") for k in (sizes, np.repeat(sizes[:, None], 4, axis=1)))
    np.testing.assert_allclose(own.psi(300), shared.psi(300), rtol=1e-9)


def test_curves_are_drawn_with_the_two_term_law() -> None:
    delta, sizes, _, _ = _draws(9, 30, 6)
    laws = fit_laws(delta, sizes, "two_term")
    for curve in quantile_curves(laws, delta, sizes, 3):
        np.testing.assert_allclose(curve.psi_line, [laws.psi(k)[curve.point] for k in curve.k_line])


def test_terms_of_a_power_law_are_refused() -> None:
    known = known_draws(3, 20, 1)
    with pytest.raises(ArgumentError, match="form must"):
        _ = fit_laws(known.delta, known.sizes, "likelihood").terms
    assert Laws.__dataclass_fields__["form"].default == "power"

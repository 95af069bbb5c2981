"""The two-term law: against literal weighted least squares, through a change of sign, and through the store's fields."""

import numpy as np
import pytest
from reference import fit_two_term, known_draws
from scipy.stats import norm, t

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


def _literal(delta: np.ndarray, sizes: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
    """β of the best penalised profile likelihood, σ at k = 1, (q, s) at the centre and their covariance, of one point."""
    center = float(np.exp(np.log(sizes).mean()))
    found = []
    for beta in np.arange(31) / 5:
        terms, covariance = fit_two_term(delta, sizes, beta)
        squares = np.sum(sizes**beta * (delta - terms[0] / sizes - terms[1] / sizes**2) ** 2)
        nats = 0.5 * delta.size * np.log(squares) - 0.5 * beta * np.sum(np.log(sizes)) + 0.5 * (beta - 2) ** 2
        found.append((nats, beta, squares, terms, covariance))
    _, beta, squares, terms, covariance = min(found, key=lambda f: f[0])
    tangent = np.array([[1 / center, 1 / center**2], [1 / center, 2 / center**2]])  # (a, b) -> (ψ, −dψ/dlog k)
    return beta, np.sqrt(squares / (delta.size - 2)), tangent @ terms, tangent @ covariance @ tangent.T


@pytest.mark.parametrize("own", [False, True])
def test_noise_exponent_noise_and_tangent_are_the_literal_ones(own: bool) -> None:
    delta, sizes, _, _ = _draws(12, 18, 7, 1.0)
    delta *= (sizes[:, None] / 300) ** np.linspace(-0.8, 0.8, 12)  # noise laws of many exponents
    k = np.stack([np.random.default_rng(i).permutation(sizes) for i in range(12)], axis=1) if own else sizes
    laws = fit_laws(delta, k, "two_term")
    for i in range(12):
        beta, sigma, (q, s), covariance = _literal(delta[:, i], k[:, i] if own else k)
        assert laws.beta[i] == pytest.approx(beta)
        assert laws.sigma[i] == pytest.approx(sigma)
        assert laws.psi(laws.center)[i] == pytest.approx(q)
        assert laws.alpha[i] == pytest.approx(s / q)
        student = (t.ppf(0.95, 16) / norm.ppf(0.95)) ** 2
        np.testing.assert_allclose(laws.covariance[i], student * covariance, rtol=1e-6)
    assert np.unique(laws.beta).size > 4


def test_missing_draws_count_as_absent() -> None:
    delta, sizes, _, _ = _draws(3, 40, 8, 0.5)
    delta[5:15, 1] = np.nan
    laws = fit_laws(delta, sizes, "two_term")
    seen = np.isfinite(delta[:, 1])
    one = fit_laws(delta[seen][:, [1]], sizes[seen], "two_term")
    assert laws.beta[1] == pytest.approx(one.beta[0])
    for k in (100.0, 700.0):
        assert laws.psi(k)[1] == pytest.approx(one.psi(k)[0], rel=1e-6)
        np.testing.assert_allclose([v[1] for v in laws.psi_interval(k)], [v[0] for v in one.psi_interval(k)], rtol=1e-6)


def test_the_interval_of_alpha_is_fiellers() -> None:
    """Its ends are the ratios ρ at which s − ρ q is as far from zero as 1.645 of its own standard deviations."""
    delta, sizes, _, _ = _draws(60, 25, 9, 0.6)
    laws = fit_laws(delta, sizes, "two_term")
    q, z = laws.psi(laws.center), norm.ppf(0.95)
    s, V = laws.alpha * q, laws.covariance
    clear = np.abs(q) > z * np.sqrt(V[:, 0, 0])
    assert 20 < clear.sum() < 60
    limit = 500 / np.log(laws.center)
    inside = clear & (laws.alpha_low > -limit) & (laws.alpha_high < limit)
    for ends in (laws.alpha_low, laws.alpha_high):
        off = s - ends * q
        deviation = np.sqrt(V[:, 1, 1] - 2 * ends * V[:, 0, 1] + ends**2 * V[:, 0, 0])
        np.testing.assert_allclose(np.abs(off)[inside], z * deviation[inside], rtol=1e-6)
    assert np.all((laws.alpha_low < laws.alpha) & (laws.alpha < laws.alpha_high))
    np.testing.assert_allclose(laws.alpha_low[~clear], -limit)
    np.testing.assert_allclose(laws.alpha_high[~clear], limit)


@pytest.mark.parametrize(("size", "limit"), [(300.0, 500 / np.log(300.0)), (1e6, 500 / np.log(1e6)), (2.0, 100.0)])
def test_the_exponent_is_limited_so_that_c_stays_a_number(size: float, limit: float) -> None:
    k = size * np.array([0.5, 1.0, 2.0, 0.5, 1.0, 2.0])
    for tilt in (0.0, 1e-7, -1e-7):
        delta = (tilt + size / k - (size / k) ** 2 + 0.1 * np.array([1, -1, 1, -1, 1, -1]))[:, None]
        laws = fit_laws(delta, k, "two_term")
        assert np.abs(laws.alpha[0]) == pytest.approx(limit, rel=1e-6)
        assert np.isfinite(laws.c[0])
        assert laws.alpha[0] * laws.psi(size)[0] == pytest.approx(-1.0, rel=1e-3)  # the slope −dψ/dlog k stays
        assert laws.alpha_low[0] == pytest.approx(-limit)
        assert laws.alpha_high[0] == pytest.approx(limit)


def test_a_law_without_noise_is_found() -> None:
    k = np.geomspace(100, 1000, 12)
    laws = fit_laws((2 / k - 90 / k**2)[:, None], k, "two_term")
    a, b = laws.terms
    assert a[0] == pytest.approx(2)
    assert b[0] == pytest.approx(-90)
    low, high = laws.psi_interval(300)
    assert low[0] < laws.psi(300)[0] < high[0]
    assert (high - low)[0] < 1e-6 * laws.psi(300)[0]
    assert 0 < laws.sigma[0] * laws.center ** (-laws.beta[0] / 2) < 1e-6 * laws.psi(300)[0]


def test_batches_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    delta, sizes, _, _ = _draws(7, 20, 10)
    whole = fit_laws(delta, sizes, "two_term")
    monkeypatch.setattr("dscale_core.laws.two_term._BLOCK_ELEMENTS", 6 * 31 * 3)
    np.testing.assert_allclose(fit_laws(delta, sizes, "two_term").covariance, whole.covariance, rtol=1e-9)


def test_draws_that_cancel_at_every_size_have_a_law_of_nothing() -> None:
    k = np.repeat([100.0, 300.0, 900.0], 4)
    laws = fit_laws(np.tile([1.0, -1.0], 6)[:, None], k, "two_term")
    assert laws.psi(200)[0] == 0.0
    assert laws.alpha[0] == 0.0
    assert laws.sigma[0] > 0


def test_one_size_of_one_is_set_aside_like_any_other() -> None:
    assert fit_laws(np.arange(1.0, 7.0)[:, None], np.ones(6), "two_term").status[0] == "one_size"

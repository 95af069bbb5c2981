"""The likelihood estimator against independent optimisers, its invariants, and its intervals."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import fit_likelihood, known_draws, log_likelihood

from benchmarks.fitting import published_fit
from dscale_core.laws import fit_laws
from dscale_core.types import Laws

_ALONE = ("method", "center", "min_size", "max_size", "points", "status", "form")
_OTHERS = (*_ALONE, "misfit", "guided", "curve", "curve_deviation", "curve_sizes", "rows")
VECTORS = [f.name for f in fields(Laws) if f.name not in _OTHERS]


def _likelihood(laws: Laws, i: int, delta: np.ndarray, sizes: np.ndarray) -> float:
    return log_likelihood(delta[:, i], sizes, laws.c[i], laws.alpha[i], laws.sigma[i], laws.beta[i])


@pytest.mark.parametrize(("draws", "signal"), [(6, 1.0), (15, 0.5), (40, 0.2), (40, 5.0)])
def test_reaches_what_a_general_optimiser_reaches(draws: int, signal: float) -> None:
    known = known_draws(4, draws, 3, signal)
    laws = fit_laws(known.delta, known.sizes, "likelihood")
    for i in range(4):
        c, alpha, sigma, beta, best = fit_likelihood(known.delta[:, i], known.sizes)
        reached = _likelihood(laws, i, known.delta, known.sizes)
        assert reached >= best - 1e-6
        if reached < best + 1e-6 and min(alpha, beta) > 1e-3 and max(alpha, beta) < 7:
            got = [laws.c[i], laws.alpha[i], laws.sigma[i], laws.beta[i]]
            np.testing.assert_allclose(got, [c, alpha, sigma, beta], rtol=2e-2)


@pytest.mark.parametrize(("draws", "signal"), [(8, 20.0), (20, 0.3), (100, 1.0)])
def test_never_below_the_published_loop(draws: int, signal: float) -> None:
    known = known_draws(2, draws, 8, signal)
    laws = fit_laws(known.delta, known.sizes, "likelihood")
    for i in range(2):
        loop = published_fit(known.delta[:, i], known.sizes)
        assert _likelihood(laws, i, known.delta, known.sizes) >= loop.log_likelihood - 1e-6


def test_a_batch_equals_the_loop_of_singles() -> None:
    known = known_draws(12, 30, 5, 0.5)
    delta = known.delta.copy()
    delta[3:7, 4] = np.nan
    delta[0, 5] = np.inf
    delta[:, 6] = 0.0
    batch = fit_laws(delta, known.sizes, "likelihood")
    singles = [fit_laws(delta[:, [i]], known.sizes, "likelihood") for i in range(12)]
    assert batch.status.tolist() == [str(one.status[0]) for one in singles]
    for name in VECTORS:
        got, expected = getattr(batch, name), np.concatenate([getattr(one, name) for one in singles])
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-12 * np.nanmax(np.abs(expected)), err_msg=name)


def test_missing_draws_count_as_absent() -> None:
    known = known_draws(3, 60, 6, 1.0)
    delta = known.delta.copy()
    delta[10:25, 1] = np.nan
    seen = np.isfinite(delta[:, 1])
    laws = fit_laws(delta, known.sizes, "likelihood")
    own = fit_laws(delta[seen][:, [1]], known.sizes[seen], "likelihood")
    for name in ("c", "alpha", "sigma", "beta"):
        assert getattr(laws, name)[1] == pytest.approx(getattr(own, name)[0], rel=1e-5)
    assert laws.n_draws.tolist() == [60, 45, 60]


def test_own_sizes_equal_shared_sizes() -> None:
    known = known_draws(5, 40, 7, 1.0)
    shared = fit_laws(known.delta, known.sizes, "likelihood")
    own = fit_laws(known.delta, np.repeat(known.sizes[:, None], 5, axis=1), "likelihood")
    for name in ("c", "alpha", "sigma", "beta", "alpha_low", "lack_of_fit"):
        np.testing.assert_allclose(getattr(own, name), getattr(shared, name), rtol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-12, 1e12), st.integers(0, 1000))
def test_scaling_delta_scales_c_and_sigma_alone(scale: float, seed: int) -> None:
    known = known_draws(3, 25, seed, 1.0)
    one = fit_laws(known.delta, known.sizes, "likelihood")
    other = fit_laws(-scale * known.delta, known.sizes, "likelihood")
    for name, factor in (("c", -scale), ("sigma", scale), ("alpha", 1.0), ("beta", 1.0)):
        np.testing.assert_allclose(getattr(other, name), factor * getattr(one, name), rtol=1e-5, atol=1e-12 * scale)


@settings(max_examples=10, deadline=None)
@given(st.floats(1.0, 100.0), st.integers(0, 1000))
def test_scaling_sizes_leaves_the_curve(scale: float, seed: int) -> None:
    known = known_draws(3, 25, seed, 1.0)
    one = fit_laws(known.delta, known.sizes, "likelihood")
    other = fit_laws(known.delta, known.sizes * scale, "likelihood")
    np.testing.assert_allclose(other.alpha, one.alpha, rtol=1e-5, atol=1e-10)
    np.testing.assert_allclose(other.psi(300 * scale), one.psi(300), rtol=1e-5)


def test_permuting_points_permutes_the_laws() -> None:
    known = known_draws(20, 25, 9, 0.5)
    order = np.random.default_rng(0).permutation(20)
    one, other = (fit_laws(d, known.sizes, "likelihood") for d in (known.delta, known.delta[:, order]))
    np.testing.assert_allclose(other.alpha, one.alpha[order], rtol=1e-6, atol=1e-12)
    assert other.status.tolist() == one.status[order].tolist()


@pytest.mark.parametrize("magnitude", [1e-300, 1e-40, 1e40, 1e290])
def test_rows_of_any_magnitude_leave_the_others_alone(magnitude: float) -> None:
    known = known_draws(3, 30, 10, 1.0)
    delta = known.delta / np.abs(known.delta).max(axis=0)
    plain = fit_laws(delta, known.sizes, "likelihood")
    delta = delta.copy()
    delta[:, 1] *= magnitude
    laws = fit_laws(delta, known.sizes, "likelihood")
    np.testing.assert_allclose(laws.alpha, plain.alpha, rtol=1e-6)
    np.testing.assert_allclose(laws.c / np.array([1, magnitude, 1]), plain.c, rtol=1e-5)


def test_recovers_known_laws_within_their_errors() -> None:
    known = known_draws(400, 400, 12, 1.0)
    laws = fit_laws(known.delta, known.sizes, "likelihood")
    clear = np.abs(known.psi(316)) / (known.sigma * 316 ** (-known.beta / 2)) > 0.5
    error = (laws.alpha - known.alpha)[clear]
    standard = np.sqrt(laws.covariance[clear, 1, 1])
    assert np.mean(np.abs(error) < 3 * standard) > 0.98
    assert np.median(np.abs(error)) < 0.08
    assert np.median(np.abs(laws.beta - known.beta)) < 0.12


@pytest.mark.parametrize("k", [100, 316, 1000, 2000])
def test_intervals_cover_about_as_often_as_they_say(k: int) -> None:
    known = known_draws(1500, 200, 13, 3.0)
    clear = np.abs(known.psi(316)) / (known.sigma * 316 ** (-known.beta / 2)) > 1.0
    laws = fit_laws(known.delta, known.sizes, "likelihood")
    low, high = laws.psi_interval(k)
    truth = known.psi(k)
    assert 0.87 < np.mean((low < truth) & (truth < high), where=clear) < 0.93
    inside = (laws.alpha_low < known.alpha) & (known.alpha < laws.alpha_high)
    assert 0.87 < np.mean(inside, where=clear) < 0.93


def test_an_exact_law_without_noise_is_found() -> None:
    sizes = np.geomspace(100, 1000, 12)
    delta = np.stack([3.0 * sizes**-1.3, -0.2 * sizes**-0.4], axis=1)
    laws = fit_laws(delta, sizes, "likelihood")
    np.testing.assert_allclose(laws.alpha, [1.3, 0.4], rtol=1e-6)
    np.testing.assert_allclose(laws.c, [3.0, -0.2], rtol=1e-5)


def test_float32_draws_give_the_same_laws() -> None:
    known = known_draws(10, 50, 14, 2.0)
    one, other = (fit_laws(known.delta.astype(t), known.sizes, "likelihood") for t in (np.float64, np.float32))
    assert other.c.dtype == np.float64
    np.testing.assert_allclose(other.psi(300), one.psi(300), rtol=1e-4)

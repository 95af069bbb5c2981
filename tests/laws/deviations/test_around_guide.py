"""Shrinkage around a formula, the measured misfit, and what both do to accuracy and intervals."""

from dataclasses import replace

import numpy as np
import pytest
from reference import KnownDraws, known_draws

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.laws.deviations.around_guide import around_by_share
from dscale_core.laws.problem import Guide, make_problem


def _expected(known: KnownDraws, sizes: np.ndarray, error: float, seed: int) -> np.ndarray:
    """The truth, off by ``error`` times one draw's noise, alike at all sizes of a point."""
    noise = known.sigma * sizes[:, None] ** (-known.beta / 2)
    off = np.random.default_rng(seed).normal(size=known.c.size)
    return np.stack([known.psi(k) for k in sizes]) + error * off * noise


def test_a_good_formula_is_followed_and_a_bad_one_overruled() -> None:
    known = known_draws(200, 20, 50, 0.7)
    sizes = np.geomspace(100, 1000, 12)
    plain = fit_laws(known.delta, known.sizes)
    truth = known.psi(316)
    noise = known.sigma * 316 ** (-known.beta / 2)
    errors = {}
    for error in (0.02, 5.0):
        guide = Guide(sizes, _expected(known, sizes, error, 1))
        laws = fit_laws(known.delta, known.sizes, guide=guide)
        assert laws.guided == (error < 1)
        errors[error] = np.mean(((laws.psi(316) - truth) / noise) ** 2)
    own = np.mean(((plain.psi(316) - truth) / noise) ** 2)
    assert errors[0.02] < 0.3 * own
    assert errors[5.0] == own  # the formula was left out


@pytest.mark.parametrize("draws", [3, 20])
def test_points_of_which_none_can_be_fitted_are_survived(draws: int) -> None:
    sizes = np.full(draws, 300.0)
    laws = fit_laws(np.ones((draws, 5)), sizes, groups=np.arange(5) % 2, guide=Guide(np.array([300.0]), np.ones((1, 5))))
    assert set(laws.status) <= {"one_size", "too_few_draws"}
    assert not laws.guided


@pytest.mark.parametrize("draws", [5, 20])
def test_a_formula_of_the_wrong_sign_is_left_out(draws: int) -> None:
    known = known_draws(200, draws, 58, 1.5)
    sizes = np.geomspace(100, 1000, 12)
    right = _expected(known, sizes, 0.0, 1)
    assert fit_laws(known.delta, known.sizes, guide=Guide(sizes, right)).guided
    assert not fit_laws(known.delta, known.sizes, guide=Guide(sizes, -right)).guided


def test_intervals_around_a_formula_cover() -> None:
    known = known_draws(400, 40, 51, 0.7)
    sizes = np.geomspace(100, 1000, 12)
    guide = Guide(sizes, _expected(known, sizes, 0.3, 2))
    laws = fit_laws(known.delta, known.sizes, guide=guide)
    for k in (100, 316, 1000):
        low, high = laws.psi_interval(k)
        assert 0.75 < np.mean((low < known.psi(k)) & (known.psi(k) < high)) <= 1.0


def test_bad_points_keep_their_status_around_a_formula() -> None:
    known = known_draws(60, 30, 57, 0.7)
    sizes = np.geomspace(100, 1000, 5)
    guide = Guide(sizes, _expected(known, sizes, 0.02, 3))
    good = fit_laws(known.delta, known.sizes, guide=guide)
    delta = known.delta.copy()
    delta[:, 0], delta[3:, 1], delta[5, 2], delta[:, 3] = 0.0, np.nan, np.inf, np.nan
    laws = fit_laws(delta, known.sizes, guide=guide)
    assert laws.guided
    assert laws.status[:4].tolist() == ["no_signal", "too_few_draws", "not_finite", "too_few_draws"]
    assert np.isnan(laws.c[:4]).all()
    assert np.isfinite(laws.c[4:]).all()
    error = np.sqrt(good.covariance[4:, 0, 0])
    assert np.all(np.abs(laws.psi(316) - good.psi(316))[4:] < error)


@pytest.mark.parametrize("error", [0.05, 0.3])
def test_exponents_around_a_formula_have_honest_intervals(error: float) -> None:
    known = known_draws(400, 20, 60, 1.0)
    sizes = np.geomspace(100, 1000, 8)
    tilt = np.random.default_rng(1).normal(size=(2, 400))
    noise = known.sigma * sizes[:, None] ** (-known.beta / 2)
    off = error * noise * (tilt[0] + 0.7 * tilt[1] * np.log(sizes / 316)[:, None])
    laws = fit_laws(known.delta, known.sizes, guide=Guide(sizes, np.stack([known.psi(k) for k in sizes]) + off))
    assert laws.guided
    assert np.mean((laws.alpha_low <= known.alpha) & (known.alpha <= laws.alpha_high)) > 0.88
    assert np.all((laws.alpha_low <= laws.alpha) & (laws.alpha <= laws.alpha_high))


def test_the_formula_is_read_between_its_sizes() -> None:
    sizes = np.array([100.0, 400.0, 1000.0])
    guide = Guide(sizes, 2 / sizes[:, None] * np.ones((1, 3)))  # k psi is constant: exact between the nodes
    np.testing.assert_allclose(guide.at([100, 250, 999]), 2 / np.array([[100], [250], [999]]) * np.ones((1, 3)))
    assert guide.take(np.array([2])).expected.shape == (3, 1)
    with pytest.raises(ArgumentError, match="guide must"):
        guide.at([50])


@pytest.mark.parametrize(
    ("sizes", "expected", "named"),
    [
        ([400.0, 100.0], np.zeros((2, 3)), "sizes"),
        ([100.0, 400.0], np.zeros((3, 3)), "expected"),
        ([100.0, 400.0], np.full((2, 3), np.nan), "expected"),
    ],
)
def test_a_guide_refuses_what_does_not_go_together(sizes: list[float], expected: np.ndarray, named: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{named} must"):
        Guide(np.array(sizes), expected)


def test_a_guide_of_other_points_or_with_sizes_of_their_own_is_refused() -> None:
    known = known_draws(4, 20, 52)
    sizes = np.array([100.0, 1000.0])
    with pytest.raises(ArgumentError, match=r"^guide must"):
        fit_laws(known.delta, known.sizes, guide=Guide(sizes, np.zeros((2, 3))))
    own = np.repeat(known.sizes[:, None], 4, axis=1)
    with pytest.raises(ArgumentError, match=r"^sizes must"):
        fit_laws(known.delta, own, guide=Guide(sizes, np.zeros((2, 4))))


def test_misfit_is_found_where_the_law_bends_and_hardly_where_it_holds() -> None:
    known = known_draws(300, 300, 53, 1.0)
    x = np.log(known.sizes / 316)[:, None]
    noise = known.sigma * known.sizes[:, None] ** (-known.beta / 2)
    bend = 0.8 * noise * x**2 * np.random.default_rng(0).normal(size=300)
    straight, bent = (fit_laws(delta, known.sizes) for delta in (known.delta, known.delta + bend))
    assert straight.misfit.shape == bent.misfit.shape
    assert straight.misfit[1].max() < 0.03
    assert bent.misfit[1, 0] > 0.1 > straight.misfit[1, 0]
    truth = known.psi(100) + bend[known.sizes == 100][0]
    covered = []
    for misfit in (np.empty((2, 0)), bent.misfit):
        low, high = replace(bent, misfit=misfit).psi_interval(100)
        covered.append(np.mean((low < truth) & (truth < high)))
    assert covered[0] < 0.7
    assert covered[1] > 0.8


def test_beyond_the_sizes_the_laws_own_error_grows() -> None:
    known = known_draws(4, 60, 56)
    plain = fit_laws(known.delta, known.sizes)
    laws = replace(plain, misfit=np.array([[100.0, 1000.0], [0.04, 0.04]]))
    for k, factor in ((100.0, 1), (316.0, 1), (1000.0, 1), (10_000.0, 3)):
        (low, high), (bare, _) = laws.psi_interval(k), plain.psi_interval(k)
        own = 1.6449 * factor * 0.2 * laws.sigma * k ** (-laws.beta / 2)
        np.testing.assert_allclose((high - low) / 2, np.hypot(laws.psi(k) - bare, own), rtol=1e-3)


def test_few_points_add_no_misfit_and_few_draws_what_is_usual() -> None:
    few_points, few_draws = known_draws(10, 100, 54), known_draws(100, 10, 54)
    assert fit_laws(few_points.delta, few_points.sizes).misfit.shape == (2, 0)
    misfit = fit_laws(few_draws.delta, few_draws.sizes).misfit
    position = np.linspace(-1, 1, misfit.shape[1])
    np.testing.assert_allclose(misfit[1], 0.006 + 0.6 * (1 + 3 * position**2) / 10)


def test_a_share_of_deviations_is_kept_as_far_as_halves_agree() -> None:
    known = known_draws(200, 40, 55, 0.7)
    sizes = np.geomspace(100, 1000, 12)
    noise = known.sigma * sizes[:, None] ** (-known.beta / 2)
    exact = Guide(sizes, _expected(known, sizes, 0.0, 1))
    off = Guide(sizes, exact.expected + 1.5 * noise)
    shares = []
    for guide in (exact, off):
        problem = make_problem(known.delta, known.sizes, guide=guide)
        laws, share = around_by_share(problem, lambda part: fit_laws(part.delta, part.sizes, "likelihood"), 200)
        assert laws.guided
        assert laws.misfit.shape == (2, 7)
        shares.append(share)
    assert 0 <= shares[0] < 0.2 < 0.7 < shares[1] <= 1

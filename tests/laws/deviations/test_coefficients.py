"""The coefficients of controls: least variance, by their literal formula, and what they do for laws."""

import numpy as np
import pytest
from reference import laws_of

from dscale_core.laws import fit_laws
from dscale_core.laws.deviations import coefficients
from dscale_core.laws.deviations.coefficients import with_coefficients
from dscale_core.laws.deviations.control_variate import guide_from_surrogate
from dscale_core.laws.deviations.curve import curve_of
from dscale_core.laws.problem import Guide
from dscale_core.types import Draws, Laws, SurrogateDraws

SIZES = np.array([100.0, 215.0, 464.0, 1000.0])
NINE = np.geomspace(100, 1000, 9)
P = 150
Floats = np.ndarray


def test_the_curve_of_a_law_has_its_deviation() -> None:
    laws = laws_of([2.0, -1.0], [0.8, 1.3], covariance=[[1e-4, 2e-3], [2e-3, 0.09]])
    curve = curve_of(laws, SIZES)
    np.testing.assert_allclose(curve.psi, [laws.psi(k) for k in SIZES])
    np.testing.assert_allclose(np.sqrt(curve.variance), [laws.law_deviation(k) for k in SIZES])


def _followed(m: int, slope: tuple[float, float], own: float, p: int = 400, seed: int = 0) -> tuple[Guide, Floats, Floats]:
    """A guide whose control moves 1 / slope as much as the draws, with noise of its own; these draws and their sizes."""
    random = np.random.default_rng(seed)
    sizes = np.round(np.exp(random.uniform(np.log(100), np.log(1000), m)))
    sizes[:2] = 100, 1000
    moves = random.normal(size=(m, p)) / sizes[:, None]
    factor = np.interp(np.log(sizes), np.log([100, 1000]), slope)[:, None]
    control = 2 / sizes[:, None] + moves + own * random.normal(size=(m, p)) / sizes[:, None]
    delta = 5 / sizes[:, None] + factor * moves + 0.05 * random.normal(size=(m, p)) / sizes[:, None]
    return Guide(NINE, (2 / NINE)[:, None] * np.ones(p), np.ones((1, 9, p)), control), delta, sizes


@pytest.mark.parametrize(("own", "wanted"), [(0.0, 1.0), (1.0, 0.5), (30.0, 0.0)])
def test_a_control_counts_as_far_as_it_explains_the_draws(own: float, wanted: float) -> None:
    """Cov(δ, S) / Var(S) = 1 / (1 + own²); means, however different, have no part in it."""
    guide, delta, sizes = _followed(400, (1.0, 1.0), own)
    got = with_coefficients(guide, delta, sizes)
    rho = got.modes_at(NINE)[0]
    np.testing.assert_allclose(rho.mean(axis=1), wanted, atol=0.06)
    assert rho.std() < 0.15
    np.testing.assert_array_equal(got.expected, guide.expected)
    assert got.control is not None
    assert guide.control is not None
    mean = guide.at(sizes)
    np.testing.assert_allclose(got.control[0] - mean[0], rho[0] * (guide.control[0] - mean[0]))  # of the smallest size


def test_it_may_follow_at_one_end_of_the_sizes_and_not_at_the_other() -> None:
    guide, delta, sizes = _followed(400, (0.0, 1.0), 0.0)
    rho = with_coefficients(guide, delta, sizes).modes_at(NINE)[0]
    np.testing.assert_allclose(rho.mean(axis=1), np.linspace(0, 1, 9), atol=0.1)


def test_coefficients_are_those_of_least_squares_about_one() -> None:
    """One point, by normal equations: draws and control about lines in 1/k, a prior of 1 ± .3 at four sizes."""
    guide, delta, sizes = _followed(60, (0.7, 0.7), 0.6, p=1, seed=4)
    got = with_coefficients(guide, delta, sizes)
    assert guide.control is not None
    basis = np.stack([np.ones(60), 1 / sizes], axis=1)
    y, s = (
        values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
        for values in (sizes * delta[:, 0], sizes * guide.control[:, 0])
    )
    X = np.maximum(1 - np.abs(3 * np.log10(sizes / 100)[:, None] - np.arange(4)), 0.0) * s[:, None]
    noise = min(np.sum(y**2), np.sum((y - s) ** 2)) / 58
    for _ in range(5):
        rho = np.linalg.solve(X.T @ X / noise + np.eye(4) / 0.09, X.T @ y / noise + 1 / 0.09)
        noise = np.sum((y - X @ rho) ** 2) / 58
    np.testing.assert_allclose(got.modes_at(NINE)[0, [0, -1], 0], rho[[0, -1]], rtol=1e-6)


def test_a_point_of_few_draws_takes_the_control_as_it_is() -> None:
    guide, delta, sizes = _followed(40, (0.2, 0.2), 0.0)
    delta[5:, 3], delta[6:, 4] = np.nan, np.nan
    rho = with_coefficients(guide, delta, sizes).modes_at(NINE)[0]
    np.testing.assert_array_equal(rho[:, 3], 1.0)
    assert np.all(rho[:, 4] < 0.95)
    assert np.isfinite(rho).all()


def test_draws_that_are_the_control_are_followed_whole() -> None:
    guide, _, sizes = _followed(30, (1.0, 1.0), 0.0)
    assert guide.control is not None
    rho = with_coefficients(guide, guide.control, sizes).modes_at(NINE)[0]
    np.testing.assert_allclose(rho, 1.0, atol=1e-6)
    silent = Guide(NINE, np.ones((9, 2)), np.ones((1, 9, 2)), np.zeros((30, 2)))
    np.testing.assert_allclose(with_coefficients(silent, np.zeros((30, 2)), sizes).modes_at(NINE), 1.0)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    guide, delta, sizes = _followed(30, (0.5, 1.0), 0.5, p=17)
    whole = with_coefficients(guide, delta, sizes)
    monkeypatch.setattr(coefficients, "_BLOCK", 30 * 4)
    np.testing.assert_allclose(with_coefficients(guide, delta, sizes).control, whole.control, rtol=1e-12)


# ---- laws


def _truth(sizes: Floats) -> Floats:
    random = np.random.default_rng(0)
    return random.normal(size=P) * (316 / np.asarray(sizes)[:, None]) ** random.normal(1.2, 0.2, P)


def _coalitions(m: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Sizes, contributions, and noise of the surrogate's own in the same units."""
    random = np.random.default_rng(seed)
    sizes = np.round(np.exp(random.uniform(np.log(100), np.log(1000), m)))
    sizes[:2] = 100, 1000
    unit = (316 / sizes[:, None]) ** 1.3
    return sizes, _truth(sizes) + 2 * unit * random.normal(size=(m, P)), unit * random.standard_t(3, size=(m, P))


def _fits(m: int, strange: tuple[float, float], below: float) -> tuple[Laws, Laws]:
    """Laws guided by a surrogate whose own noise is ``strange[0]`` below a size and ``strange[1]`` above it, and alone."""

    def surrogate(count: int, seed: int) -> tuple[Floats, Floats, Floats]:
        sizes, delta, own = _coalitions(count, seed)
        return sizes, delta, (delta + np.where(sizes < below, *strange)[:, None] * own).astype(np.float32)

    sizes, delta, own = surrogate(m, 1)
    others, _, many = surrogate(1000, 2)
    further = Draws(many, others.astype(np.int64), np.arange(1000), np.arange(P), np.zeros(1000))
    guide = guide_from_surrogate(SurrogateDraws(own, further), NINE, None, sizes.astype(np.int64))
    return fit_laws(delta, sizes, guide=guide), fit_laws(delta, sizes)


def _errors(laws: Laws) -> Floats:
    """Mean squared errors at each size, over the variance between points."""
    truth = _truth(SIZES)
    return np.array([np.mean((laws.psi(k) - psi) ** 2) / np.var(psi) for k, psi in zip(SIZES, truth, strict=True)])


@pytest.mark.parametrize("m", [100, 400])
def test_a_surrogate_is_followed_at_the_sizes_where_draws_agree_with_it(m: int) -> None:
    """Below 250 it is hardly better than noise, above nearly exact: there it leads, and below draws do."""
    guided, alone = _fits(m, (1.1, 0.1), 250.0)
    assert guided.guided
    errors, own = _errors(guided), _errors(alone)
    assert np.all(errors <= own * 1.1 + 0.002)
    assert errors[2] < own[2]


def test_more_draws_help_however_bad_the_surrogate() -> None:
    errors = np.array([_errors(_fits(m, (1.0, 1.0), 1.0)[0]) for m in (20, 100, 400)])
    own = np.array([_errors(_fits(m, (1.0, 1.0), 1.0)[1]) for m in (20, 100, 400)])
    assert np.all(errors[1] < errors[0])
    assert np.all(errors[2] < errors[1])
    assert np.all(errors <= own * 1.1 + 0.002)


def test_intervals_of_what_both_say_cover() -> None:
    guided, _ = _fits(100, (1.0, 0.3), 250.0)
    assert guided.guided
    for k, psi in zip(SIZES, _truth(SIZES), strict=True):
        low, high = guided.psi_interval(k)
        assert np.mean((low < psi) & (psi < high)) > 0.85

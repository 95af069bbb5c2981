"""The regressions that find a surrogate's mean and the exponent of its noise, against literal sums."""

import numpy as np
import pytest

from dscale_core.laws.deviations import control_variate
from dscale_core.laws.deviations.control_variate import _learn, _noise_exponent, _root, _Sums, guide_from_surrogate
from dscale_core.laws.problem import Guide
from dscale_core.types import Draws, SurrogateDraws

FEW = np.array([100.0, 300.0, 1000.0])


def _small(holes: bool, seed: int = 20) -> tuple[Draws, np.ndarray]:
    """Six points' surrogate draws of 40 coalitions, in double precision so that literal sums agree; sizes as floats."""
    rng = np.random.default_rng(seed)
    sizes = np.round(np.exp(rng.uniform(np.log(100), np.log(1000), 40)))
    r = 300 / sizes[:, None]
    b = rng.normal(size=(3, 6)) * np.array([[1.0], [0.3], [0.05]]) * np.array([1, 1, 1, 5, 1e-3, 1])
    delta = b[0] * r + b[1] * r**2 + b[2] * r**3 + 0.5 * r**1.3 * rng.normal(size=(40, 6))
    if holes:
        delta[rng.random(delta.shape) < 0.15] = np.nan
        delta[8:, 4] = np.nan
        delta[:, 5] = np.nan
    return Draws(delta, sizes.astype(np.int64), np.arange(40), np.arange(6), np.zeros(40)), sizes


def _regression(y: np.ndarray, X: np.ndarray, w: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Bayesian linear regression by conditioning: mean, covariance over s² and s² of y = X b + e, b ~ N(0, s² T)."""
    K = X @ np.diag(tau) @ X.T + np.diag(1 / w)
    gain = np.diag(tau) @ X.T @ np.linalg.inv(K)
    b = gain @ y
    return b, np.diag(tau) - gain @ X @ np.diag(tau), float(np.sum(w * (y - X @ b) ** 2) / max(y.size - 4, 1))


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("formula", [False, True])
def test_mean_and_error_are_those_of_bayesian_regressions(
    monkeypatch: pytest.MonkeyPatch, holes: bool, formula: bool
) -> None:
    monkeypatch.setattr(control_variate, "followed", lambda formula, _many: formula)
    many, sizes = _small(holes)
    k = np.geomspace(100, 1000, 5)
    guide = Guide(k, np.linspace(1, 2, 6) / k[:, None]) if formula else None
    found = guide_from_surrogate(SurrogateDraws(np.empty((0, 6)), many), FEW, guide)
    center = np.exp(np.log(sizes).mean())
    X = (center / sizes)[:, None] ** np.arange(1, 5)
    w = (sizes / center) ** _noise_exponent(many, guide, X)
    y = many.delta - (np.linspace(1, 2, 6) / sizes[:, None] if formula else 0.0)
    seen = np.isfinite(y)
    some = [i for i in range(6) if seen[:, i].any()]
    tau = np.full(4, 10.0)
    for _ in range(15):
        fits = {i: _regression(y[seen[:, i], i], X[seen[:, i]], w[seen[:, i]], tau) for i in some}
        tau = np.mean([b**2 / noise + np.diag(own) for b, own, noise in fits.values()], axis=0)
    at = (center / FEW)[:, None] ** np.arange(1, 5)
    back = np.linspace(1, 2, 6) / FEW[:, None] if formula else np.zeros((3, 6))
    modes = np.einsum("qgp,qhp->pgh", found.modes_at(FEW), found.modes_at(FEW))
    for i, (b, own, noise) in fits.items():
        np.testing.assert_allclose(found.at(FEW)[:, i], at @ b + back[:, i], rtol=1e-6)
        e = w[seen[:, i]] * (y[seen[:, i], i] - X[seen[:, i]] @ b)
        meat = (X[seen[:, i]] * e[:, None]).T @ (X[seen[:, i]] * e[:, None]) + noise * np.diag(1 / tau)
        expected = at @ own @ meat @ own @ at.T
        np.testing.assert_allclose(modes[i], expected, rtol=1e-5, atol=1e-6 * np.diag(expected).min())
    if holes:  # of a point without draws nothing but the formula is known
        np.testing.assert_allclose(found.at(FEW)[:, 5], back[:, 5], atol=1e-12)


def test_the_guide_carries_what_was_drawn_with_the_exact_draws() -> None:
    many, _ = _small(False)
    own = np.arange(12.0).reshape(2, 6)
    guide = guide_from_surrogate(SurrogateDraws(own, many), FEW)
    assert guide.control is own
    np.testing.assert_array_equal(guide.sizes, FEW)
    assert guide.modes_at(FEW).shape == (4, 3, 6)


def _sums_of(b: np.ndarray, draws: int = 30) -> _Sums:
    """Noise-free sums of points with these coefficients (p, 4), at even weights."""
    X = np.linspace(0.5, 2.0, draws)[:, None] ** np.arange(1, 5)
    y = X @ b.T
    p = len(b)
    return _Sums(np.repeat((X.T @ X)[None], p, axis=0), (X.T @ y).T, (y**2).sum(axis=0), np.full(p, float(draws)))


def test_terms_that_no_point_needs_are_left_out() -> None:
    """Points that have the first term alone: what noise puts into the others is shrunk away."""
    rng = np.random.default_rng(0)
    X = np.linspace(0.5, 2.0, 30)[:, None] ** np.arange(1, 5)
    b = rng.normal(size=(200, 1)) * np.array([[1.0, 0.0, 0.0, 0.0]])
    y = X @ b.T + 0.3 * rng.normal(size=(30, 200))
    sums = _Sums(np.repeat((X.T @ X)[None], 200, axis=0), (X.T @ y).T, (y**2).sum(axis=0), np.full(200, 30.0))
    _, found, noise, precision = _learn(sums)
    assert precision[0] == pytest.approx(0.3**2, rel=0.3)  # in units of the noise
    assert np.all(precision[1:] > 20 * precision[0])
    assert np.mean(noise) == pytest.approx(0.09, rel=0.15)
    free = np.linalg.lstsq(X, y, rcond=None)[0].T
    assert np.mean((found[:, 0] - b[:, 0]) ** 2) < 0.3 * np.mean((free[:, 0] - b[:, 0]) ** 2)


def test_draws_without_noise_and_points_without_draws_are_survived() -> None:
    b = np.array([[1.0, -0.5, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0], [2.0, 0.1, 0.0, 0.0]])
    inverse, found, noise, precision = _learn(_sums_of(b))
    for values in (inverse, found, noise, precision):
        assert np.isfinite(values).all()
    np.testing.assert_allclose(found, b, atol=1e-4)
    assert np.all(noise > 0)
    silent = _sums_of(np.zeros((2, 4)))
    _, found, _, precision = _learn(silent)
    np.testing.assert_array_equal(found, 0.0)
    np.testing.assert_allclose(precision, 0.1)  # the start stands


def test_few_draws_leave_one_degree_of_freedom() -> None:
    sums = _sums_of(np.ones((1, 4)), draws=4)
    loud = _Sums(sums.xx, sums.xy, sums.yy + 5.0, np.array([3.0]))
    assert _learn(loud)[2][0] >= 5.0


def test_a_root_gives_its_covariance_back() -> None:
    rng = np.random.default_rng(0)
    half = rng.normal(size=(4, 3, 3))
    half[1, :, 2] = 0.0  # singular: rounding may make an eigenvalue negative
    covariance = half @ half.transpose(0, 2, 1)
    covariance[2] = np.diag([1.0, 2.0, -1e-18])
    root = _root(covariance)
    assert np.isfinite(root).all()
    np.testing.assert_allclose(root @ root.transpose(0, 2, 1), covariance, atol=1e-12)


def _exponent(delta: np.ndarray, sizes: np.ndarray, formula: Guide | None = None) -> float:
    many = Draws(delta, sizes.astype(np.int64), np.arange(sizes.size), np.arange(delta.shape[1]), np.zeros(sizes.size))
    return _noise_exponent(many, formula, (np.exp(np.log(sizes).mean()) / sizes)[:, None] ** np.arange(1, 5))


def test_the_noise_exponent_is_the_slope_of_typical_residuals() -> None:
    many, sizes = _small(False)
    X = (np.exp(np.log(sizes).mean()) / sizes)[:, None] ** np.arange(1, 5)
    weight = 1 / X[:, 0]
    residual = np.empty((40, 6))
    for i in range(6):
        b = np.linalg.lstsq(X * weight[:, None], many.delta[:, i] * weight, rcond=None)[0]
        residual[:, i] = np.abs(many.delta[:, i] - X @ b)
    share = np.median(residual / np.median(residual * weight[:, None], axis=0), axis=1)
    slope = np.polyfit(np.log(sizes), np.log(share), 1)[0]
    assert _noise_exponent(many, None, X) == pytest.approx(-2 * slope)
    twice = np.linspace(5, 9, 6) / sizes[:, None] ** 0.2  # not of the four terms: only the formula takes it off
    k = np.geomspace(100, 1000, 400)
    with_formula = _exponent(many.delta + twice, sizes, Guide(k, np.linspace(5, 9, 6) / k[:, None] ** 0.2))
    assert with_formula == pytest.approx(-2 * slope, rel=1e-3)
    assert _exponent(many.delta + 30 * twice, sizes) != pytest.approx(-2 * slope, rel=0.05)


@pytest.mark.parametrize(("exponent", "found"), [(-2.0, 0.0), (1.0, 1.0), (4.0, 4.0), (9.0, 6.0)])
def test_exponents_of_noise_stay_between_zero_and_six(exponent: float, found: float) -> None:
    sizes = np.round(np.geomspace(100, 1000, 300))
    noise = np.random.default_rng(0).normal(size=(300, 60)) * (sizes[:, None] / 300) ** (-exponent / 2)
    assert _exponent(noise, sizes) == pytest.approx(found, abs=1e-9 if found in (0, 6) else 0.25)


def test_where_noise_says_nothing_its_usual_exponent_stands() -> None:
    sizes = np.round(np.geomspace(100, 1000, 20))
    rng = np.random.default_rng(0)
    four = np.full((20, 4), np.nan)
    four[:4] = rng.normal(size=(4, 4))  # as many draws as terms
    assert _exponent(four, sizes) == 2.0
    assert _exponent(np.zeros((20, 4)), sizes) == 2.0
    assert _exponent(rng.normal(size=(20, 4)), np.full(20, 300.0)) == 2.0
    ends = np.full((20, 4), np.nan)
    ends[5:9] = rng.normal(size=(4, 4))
    same = np.where(np.arange(20) // 4 == 1, 300.0, sizes)
    same[5:9] = 300.0  # draws are seen at one size alone
    assert _exponent(ends, same) == 2.0


def test_points_with_too_few_draws_do_not_count_for_the_noise() -> None:
    sizes = np.round(np.geomspace(100, 1000, 60))
    delta = np.random.default_rng(0).normal(size=(60, 8)) / sizes[:, None]
    holes = np.concatenate([delta, np.full((60, 40), np.nan)], axis=1)
    holes[::20, 8:] = 100.0
    assert _exponent(holes, sizes) == pytest.approx(_exponent(delta, sizes))
    holes[1:3, 8:] = 100.0  # five draws do
    assert _exponent(holes, sizes) != pytest.approx(_exponent(delta, sizes))


def test_the_noise_exponent_is_taken_from_evenly_spaced_points(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = np.round(np.geomspace(100, 1000, 60))
    delta = np.random.default_rng(0).normal(size=(60, 9)) / sizes[:, None]
    monkeypatch.setattr("dscale_core.laws.deviations.control_variate._WEIGHT_POINTS", 3)
    some = _exponent(delta, sizes)
    assert some == pytest.approx(_exponent(delta[:, [0, 4, 8]], sizes))

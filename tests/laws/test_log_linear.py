import numpy as np
import pytest
from reference import fit_log_linear, known_draws
from scipy.stats import linregress, norm

from dscale_core.laws import fit_laws


def _listed(points: int = 6, repeats: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    known = known_draws(points, 10, 21, 2.0)
    rng = np.random.default_rng(1)
    sizes = np.repeat(np.round(np.geomspace(100, 1000, 8)), repeats)
    mean = known.c * sizes[:, None] ** -known.alpha
    return mean + known.sigma * sizes[:, None] ** (-known.beta / 2) * rng.normal(size=mean.shape), sizes, known.alpha


def test_matches_the_literal_regressions_at_listed_sizes() -> None:
    delta, sizes, _ = _listed()
    laws = fit_laws(delta, sizes, "log_linear")
    for i in range(6):
        c, alpha = fit_log_linear(delta[:, i], sizes)
        assert laws.alpha[i] == pytest.approx(alpha, rel=1e-9)
        assert laws.c[i] == pytest.approx(c, rel=1e-9)


def test_noise_law_is_the_line_through_the_variances() -> None:
    delta, sizes, _ = _listed()
    laws = fit_laws(delta, sizes, "log_linear")
    listed = np.unique(sizes)
    for i in range(6):
        variance = [delta[sizes == k, i].var(ddof=1) for k in listed]
        slope, intercept = np.polyfit(np.log10(listed), np.log10(variance), 1)
        assert laws.beta[i] == pytest.approx(-slope, rel=1e-9)
        assert laws.sigma[i] == pytest.approx(10 ** (intercept / 2), rel=1e-9)


def test_recovers_clear_laws_from_continuous_sizes() -> None:
    known = known_draws(300, 1000, 22, 3.0)
    clear = np.abs(known.psi(316)) / (known.sigma * 316 ** (-known.beta / 2)) > 1.5
    laws = fit_laws(known.delta, known.sizes, "log_linear")
    assert np.median(np.abs(laws.alpha - known.alpha)[clear]) < 0.03
    truth = known.psi(316)
    low, high = laws.psi_interval(316)
    # Both regressions use the same draws and their errors partly cancel, so this interval errs on the wide side.
    assert 0.87 < np.mean((low < truth) & (truth < high), where=clear) < 0.995


def test_one_draw_a_size_has_no_noise_law() -> None:
    sizes = np.geomspace(100, 1000, 8)
    laws = fit_laws(2 * sizes[:, None] ** -0.7, sizes, "log_linear")
    assert laws.alpha[0] == pytest.approx(0.7)
    assert np.isnan(laws.beta[0])
    assert laws.lack_of_fit[0] < 0.01


def test_a_batch_equals_the_loop_of_singles() -> None:
    delta, sizes, _ = _listed()
    delta[5:9, 2] = np.nan
    batch = fit_laws(delta, sizes, "log_linear")
    singles = [fit_laws(delta[:, [i]], sizes, "log_linear") for i in range(6)]
    for name in ("c", "alpha", "sigma", "beta", "alpha_low", "alpha_high", "lack_of_fit", "covariance"):
        expected = np.concatenate([getattr(one, name) for one in singles])
        np.testing.assert_allclose(getattr(batch, name), expected, rtol=1e-9, atol=1e-300, err_msg=name)


def _literal(delta: np.ndarray, sizes: np.ndarray, center: float) -> tuple[float, float, np.ndarray]:
    """α with its standard error, and the covariance of (ψ at the centre, α), of one point at listed sizes."""
    listed = np.unique(sizes)
    means = np.array([delta[sizes == k].mean() for k in listed])
    line = linregress(np.log(listed), np.log(np.abs(means)))
    x = np.log(sizes / center)

    def amplitude(alpha: float) -> float:
        f = np.exp(-alpha * x)
        return float(f @ delta / (f @ f))

    alpha = -line.slope
    f = np.exp(-alpha * x)
    left = delta - amplitude(alpha) * f
    sandwich = np.sum((f * left) ** 2) / (f @ f) ** 2  # each draw's own squared residual as its variance
    da = (amplitude(alpha + 1e-5) - amplitude(alpha - 1e-5)) / 2e-5
    variance = line.stderr**2
    return alpha, line.stderr, np.array([[sandwich + da**2 * variance, da * variance], [da * variance, variance]])


def test_intervals_take_the_scatter_about_each_regression() -> None:
    delta, sizes, _ = _listed()
    delta[2:5, 1] = np.nan
    delta[:30, 2] = np.nan  # all of the smallest size
    for own in (False, True):
        laws = fit_laws(delta, np.repeat(sizes[:, None], 6, axis=1) if own else sizes, "log_linear")
        for i in range(6):
            seen = np.isfinite(delta[:, i])
            alpha, error, covariance = _literal(delta[seen, i], sizes[seen], laws.center)
            assert laws.alpha[i] == pytest.approx(alpha)
            assert laws.alpha_low[i] == pytest.approx(alpha - norm.ppf(0.95) * error)
            assert laws.alpha_high[i] == pytest.approx(alpha + norm.ppf(0.95) * error)
            np.testing.assert_allclose(laws.covariance[i], covariance, rtol=1e-5, atol=1e-8 * np.abs(covariance).max())


def test_means_of_zero_and_sizes_without_draws_are_left_out() -> None:
    sizes = np.repeat([100.0, 200.0, 400.0, 800.0], 2)
    law = 3.0 * sizes**-0.5
    delta = np.stack([law] * 4, axis=1)
    delta[:2, 0] = 1.0, -1.0  # a mean of exactly zero
    delta[2:4, 1] = np.nan
    delta[:4, 2] = np.nan  # two sizes are left: a line, but no scatter about it
    delta[:2, 3], delta[2:4, 3], delta[4:6, 3] = [1.0, -1.0], [2.0, -2.0], [1.0, -1.0]  # one mean alone
    laws = fit_laws(delta, sizes, "log_linear")
    np.testing.assert_allclose(laws.alpha[:3], 0.5)
    assert np.isfinite(laws.alpha_low).tolist() == [True, True, False, False]
    assert laws.status.tolist() == ["ok", "ok", "ok", "not_finite"]
    np.testing.assert_allclose(laws.c[1:3], 3.0)


def test_many_sizes_are_gathered_in_ten_groups() -> None:
    known = known_draws(1, 400, 23, 5.0)
    laws = fit_laws(known.delta, known.sizes, "log_linear")
    k, delta = known.sizes, known.delta[:, 0]
    cell = np.minimum((10 * np.log10(k / 100)).astype(int), 9)
    size = np.array([np.log(k[cell == i]).mean() for i in range(10)])
    mean = np.array([delta[cell == i].mean() for i in range(10)])
    assert laws.alpha[0] == pytest.approx(-np.polyfit(size, np.log(np.abs(mean)), 1)[0])


def test_batches_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    delta, sizes, _ = _listed()
    own = np.repeat(sizes[:, None], 6, axis=1)
    whole = [fit_laws(delta, k, "log_linear") for k in (sizes, own)]
    monkeypatch.setattr("dscale_core.laws.log_linear._BLOCK_ELEMENTS", 2 * sizes.size)
    for k, expected in zip((sizes, own), whole, strict=True):
        parts = fit_laws(delta, k, "log_linear")
        np.testing.assert_allclose(parts.alpha, expected.alpha, rtol=1e-12)
        np.testing.assert_allclose(parts.covariance, expected.covariance, rtol=1e-9)
    assert np.ptp(whole[0].alpha) > 0


def test_noise_laws_of_unequal_groups_and_of_missing_ones() -> None:
    """Groups of other means than the centre: the line through the variances is read off at k = 1."""
    rng = np.random.default_rng(2)
    sizes = np.repeat([100.0, 150.0, 400.0, 1000.0], [20, 4, 3, 2])
    delta = (3 + rng.normal(size=(29, 3))) / sizes[:, None]
    delta[24:27, 1] = np.nan
    delta[20:27, 2] = np.nan
    laws = fit_laws(delta, sizes, "log_linear")
    for i in range(3):
        listed = [k for k in np.unique(sizes) if np.isfinite(delta[sizes == k, i]).all()]
        slope, intercept = np.polyfit(np.log(listed), np.log([delta[sizes == k, i].var(ddof=1) for k in listed]), 1)
        assert laws.beta[i] == pytest.approx(-slope)
        assert laws.sigma[i] == pytest.approx(np.exp(intercept / 2))


def test_exponents_beyond_numbers_are_said_to_be_so() -> None:
    """Means that fall by e^600 from one size to the next but one, and draws that are missing where the curve is infinite."""
    sizes = np.repeat([100.0, 101.0, 102.0], 4)
    steep = np.repeat([1.0, 1e-130, 1e-260], 4)
    delta = np.stack([steep, steep[::-1], 1 / sizes, steep], axis=1)
    delta[0, 3] = np.nan
    laws = fit_laws(delta, sizes, "log_linear")
    assert laws.status.tolist() == ["not_finite", "not_finite", "ok", "not_finite"]
    assert laws.alpha[2] == pytest.approx(1.0)

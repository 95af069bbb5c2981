import numpy as np
import pytest
from reference import fit_log_linear, known_draws

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
    assert laws.r2[0] == pytest.approx(1.0)


def test_a_batch_equals_the_loop_of_singles() -> None:
    delta, sizes, _ = _listed()
    delta[5:9, 2] = np.nan
    batch = fit_laws(delta, sizes, "log_linear")
    singles = [fit_laws(delta[:, [i]], sizes, "log_linear") for i in range(6)]
    for name in ("c", "alpha", "sigma", "beta", "alpha_low", "alpha_high", "r2", "covariance"):
        expected = np.concatenate([getattr(one, name) for one in singles])
        np.testing.assert_allclose(getattr(batch, name), expected, rtol=1e-9, atol=1e-300, err_msg=name)

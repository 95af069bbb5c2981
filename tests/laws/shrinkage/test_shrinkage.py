"""The empirical-Bayes estimator as a whole: against the truth, against maximum likelihood, and its invariants."""

import numpy as np
import pytest
from reference import known_draws

from dscale_core.laws import fit_laws
from dscale_core.laws.shrinkage.resampling import resampling_units


# In the middle of the range both exponents matter least, and only the amplitude is left to shrink.
@pytest.mark.parametrize(("k", "share"), [(100, 0.7), (316, 0.95), (1000, 0.7)])
def test_beats_maximum_likelihood_at_twenty_draws(k: int, share: float) -> None:
    known = known_draws(500, 20, 32, 0.4)
    shrunk, free = (fit_laws(known.delta, known.sizes, m) for m in ("shrinkage", "likelihood"))
    truth = known.psi(k)
    noise = known.sigma * k ** (-known.beta / 2)
    in_noise = [np.mean(((laws.psi(k) - truth) / noise) ** 2) for laws in (shrunk, free)]
    assert in_noise[0] < share * in_noise[1]
    plain = [np.mean((laws.psi(k) - truth) ** 2) for laws in (shrunk, free)]
    assert plain[0] < plain[1]
    assert np.mean((shrunk.alpha - known.alpha) ** 2) < 0.1 * np.mean((free.alpha - known.alpha) ** 2)


def test_agrees_with_maximum_likelihood_where_draws_are_ample() -> None:
    known = known_draws(200, 600, 33, 3.0)
    clear = np.abs(known.psi(316)) / (known.sigma * 316 ** (-known.beta / 2)) > 1.5
    shrunk, free = (fit_laws(known.delta, known.sizes, m) for m in ("shrinkage", "likelihood"))
    np.testing.assert_allclose(shrunk.psi(316)[clear], free.psi(316)[clear], rtol=0.05)
    assert np.abs(shrunk.alpha - free.alpha)[clear].max() < 0.1
    np.testing.assert_allclose(shrunk.sigma[clear] * 316 ** (-shrunk.beta / 2)[clear],
                               free.sigma[clear] * 316 ** (-free.beta / 2)[clear], rtol=0.05)  # fmt: skip


@pytest.mark.parametrize("draws", [20, 100])
def test_intervals_cover_about_as_often_as_they_say(draws: int) -> None:
    known = known_draws(800, draws, 34, 0.7)
    laws = fit_laws(known.delta, known.sizes)
    for k in (100, 316, 1000):
        low, high = laws.psi_interval(k)
        truth = known.psi(k)
        assert 0.82 < np.mean((low < truth) & (truth < high)) < 0.97
    assert np.mean((laws.alpha_low < known.alpha) & (known.alpha < laws.alpha_high)) > 0.85


def test_invariants_of_scale_order_and_missing_draws() -> None:
    known = known_draws(80, 30, 35, 0.7)
    one = fit_laws(known.delta, known.sizes)
    order = np.random.default_rng(0).permutation(80)
    other = fit_laws(-1e-9 * known.delta[:, order], known.sizes)
    np.testing.assert_allclose(other.psi(300), -1e-9 * one.psi(300)[order], rtol=1e-5)
    np.testing.assert_allclose(other.alpha, one.alpha[order], rtol=1e-5)
    padded = np.concatenate([known.delta, np.full((5, 80), np.nan)])
    sizes = np.concatenate([known.sizes, np.exp(np.full(5, np.log(known.sizes).mean()))])
    np.testing.assert_allclose(fit_laws(padded, sizes).psi(300), one.psi(300), rtol=1e-5)


def test_one_extreme_row_hardly_moves_the_others() -> None:
    known = known_draws(60, 25, 36, 0.7)
    plain = fit_laws(known.delta, known.sizes)
    delta = known.delta.copy()
    delta[:, 5] *= 1e200
    laws = fit_laws(delta, known.sizes)
    others = np.arange(60) != 5
    error = np.sqrt(laws.covariance[others, 0, 0])
    assert np.all(np.abs(laws.psi(300) - plain.psi(300))[others] < error)
    assert np.isfinite(laws.c[5])


def test_groups_learn_their_own_exponents() -> None:
    steep, flat = known_draws(300, 25, 37, 0.7), known_draws(300, 25, 37, 0.7)
    shift = np.log(flat.sizes / 316)[:, None]
    delta = np.concatenate([steep.delta * np.exp(-0.8 * shift), flat.delta * np.exp(0.5 * shift)], axis=1)
    groups = np.repeat(["steep", "flat"], 300)
    truth = np.concatenate([steep.alpha + 0.8, flat.alpha - 0.5])
    pooled, grouped = (fit_laws(delta, steep.sizes, groups=g) for g in (None, groups))
    errors = [np.sqrt(np.mean((laws.alpha - truth) ** 2)) for laws in (pooled, grouped)]
    assert errors[1] < 0.8 * errors[0]


def test_passes_that_move_together_widen_the_intervals() -> None:
    known = known_draws(100, 120, 39, 0.7)
    passes = np.repeat(np.arange(12), 10)
    noise = np.random.default_rng(0).normal(size=(12, 100))[passes]
    scale = known.sigma * 316 ** (-known.beta / 2)
    shared = known.delta + 1.5 * scale * noise * (known.sizes[:, None] / 316) ** (-known.beta / 2)
    blind, aware = (fit_laws(shared, known.sizes, passes=p) for p in (None, passes))
    np.testing.assert_array_equal(aware.c, blind.c)
    ratio = np.sqrt(aware.covariance[:, 0, 0] / blind.covariance[:, 0, 0])
    assert ratio.min() >= 1.0
    assert np.median(ratio) > 1.2
    truth = known.psi(316)
    cover = [np.mean(np.abs(laws.psi(316) - truth) < 1.645 * np.sqrt(laws.covariance[:, 0, 0])) for laws in (blind, aware)]
    assert cover[1] > cover[0]


def test_the_result_is_reproducible_and_draws_stand_in_for_few_passes() -> None:
    known = known_draws(30, 70, 40, 0.7)
    passes = np.repeat(np.arange(10), 7)
    one, other = (fit_laws(known.delta, known.sizes, passes=passes) for _ in range(2))
    np.testing.assert_array_equal(one.covariance, other.covariance)
    few, none = (fit_laws(known.delta, known.sizes, passes=p) for p in (np.minimum(passes, 6), None))
    np.testing.assert_array_equal(few.covariance, none.covariance)
    assert resampling_units(passes, 70) is not None
    np.testing.assert_array_equal(resampling_units(None, 70), np.arange(70) % 24)
    assert resampling_units(None, 7) is None


def test_a_single_point_falls_back_on_the_broad_default() -> None:
    known = known_draws(1, 10, 41, 0.1)
    laws = fit_laws(known.delta, known.sizes)
    assert 0.3 < laws.alpha[0] < 1.8
    assert laws.alpha_high[0] - laws.alpha_low[0] > 0.8

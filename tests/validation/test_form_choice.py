"""The choice of form: right on known truths, honest about shared passes, and equal to a literal two-fold loop."""

import numpy as np
import pytest
from reference import known_draws

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.validation import choose_form


def _crossing(points: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    k = np.round(np.exp(rng.uniform(np.log(100), np.log(1000), draws)))
    r = 300 / k[:, None]
    return rng.choice([-1, 1], points) * (r - r**2) + 0.5 * r * rng.normal(size=(draws, points)), k


def test_points_that_change_sign_are_found_and_power_laws_left_alone() -> None:
    known = known_draws(80, 120, 1, 0.7)
    crossing, _ = _crossing(20, 120, 2)
    rng = np.random.default_rng(3)
    r = 300 / known.sizes[:, None]
    signs = rng.choice([-1, 1], 20)
    crossing = signs * (r - r**2) + 0.4 * r * rng.normal(size=(120, 20))
    choice = choose_form(np.concatenate([known.delta, crossing], axis=1), known.sizes, passes=np.arange(120) // 6)
    assert np.mean(choice.form[80:] == "two_term") > 0.8
    assert np.mean(choice.form[:80] == "two_term") < 0.1
    assert choice.unit == "passes"


def test_the_study_as_a_whole_follows_the_truth() -> None:
    two = choose_form(*_crossing(40, 100, 4))
    assert two.study_form == "two_term"
    assert "favour the two-term law" in two.verdict
    known = known_draws(60, 100, 5, 0.7)
    power = choose_form(known.delta, known.sizes)
    assert power.study_form == "power"
    assert power.study_difference < 0 < power.study_standard_error
    assert "power law" in power.verdict
    assert power.unit == "draws"


def test_equals_the_literal_loop() -> None:
    known = known_draws(3, 40, 6, 1.0)
    delta = known.delta.copy()
    delta[5, 1] = np.nan
    passes = np.arange(40) // 4
    choice = choose_form(delta, known.sizes, passes=passes, points=[7, 8, 9])
    order = np.random.default_rng(0).permutation(10)
    fold = (order % 2)[passes]
    by_pass = np.zeros((10, 3))
    for held in (0, 1):
        train = fold != held
        one = fit_laws(delta[train], known.sizes[train], passes=passes[train])
        two = fit_laws(delta[train], known.sizes[train], "two_term")
        for j in np.flatnonzero(~train):
            k = known.sizes[j]
            for i in range(3):
                if np.isfinite(delta[j, i]):
                    variance = one.sigma[i] ** 2 * k ** -one.beta[i]
                    d = (delta[j, i] - one.psi(k)[i]) ** 2 - (delta[j, i] - two.psi(k)[i]) ** 2
                    by_pass[passes[j], i] += d / (2 * variance)
    np.testing.assert_allclose(choice.difference, by_pass.sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(choice.standard_error, np.sqrt(10) * by_pass.std(axis=0, ddof=1), rtol=1e-9)
    assert choice.study_difference == pytest.approx(by_pass.sum())
    assert choice.study_standard_error == pytest.approx(np.sqrt(10) * by_pass.sum(axis=1).std(ddof=1))
    assert choice.points.tolist() == [7, 8, 9]


def test_points_without_a_law_stay_undecided() -> None:
    known = known_draws(3, 40, 7, 1.0)
    delta = known.delta.copy()
    delta[:, 1] = 0.0
    choice = choose_form(delta, known.sizes)
    assert np.isnan(choice.difference[1])
    assert choice.form[1] == "power"
    assert np.isfinite(choice.study_difference)


def test_bad_calls_name_their_argument() -> None:
    known = known_draws(3, 7, 8, 1.0)
    with pytest.raises(ArgumentError, match="delta must hold"):
        choose_form(known.delta, known.sizes)
    with pytest.raises(ArgumentError, match="n_folds must"):
        choose_form(known.delta, known.sizes, n_folds=1)
    with pytest.raises(ArgumentError, match="sizes must"):
        choose_form(np.ones((9, 2)), known.sizes)

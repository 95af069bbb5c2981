"""From an estimator's units back to those of the draws: parameters, covariance, statuses, lack of fit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dscale_core.laws import lack_of_fit
from dscale_core.laws.problem import Fitted, Problem, finish, make_problem, screen
from dscale_core.types import Laws

SIZES = np.array([50.0, 100.0, 200.0, 400.0, 400.0, 800.5])


def _draws() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.array([3.0, -0.02, 1e-5]) / SIZES[:, None] * (1 + 0.1 * rng.normal(size=(6, 3)))


def _fitted(p: int, **changed: Any) -> Fitted:
    covariance = np.array([[0.04, -0.01], [-0.01, 0.09]]) * np.arange(1.0, p + 1)[:, None, None]
    values: dict[str, Any] = {
        "amplitude": np.linspace(0.5, -0.3, p),
        "alpha": np.linspace(0.8, 1.4, p),
        "sigma": np.linspace(0.1, 0.2, p),
        "beta": np.linspace(1.5, 2.5, p),
        "alpha_low": np.full(p, 0.5),
        "alpha_high": np.full(p, 1.9),
        "covariance": covariance,
    }
    return replace(Fitted.empty(p), **(values | changed))


def _finished(problem: Problem, fitted: Fitted, **more: Any) -> Laws:
    return finish("some_method", problem, screen(problem), fitted, **more)


def test_an_empty_result_is_nan_and_its_fields_are_their_own() -> None:
    empty = Fitted.empty(3)
    for name in ("amplitude", "alpha", "sigma", "beta", "alpha_low", "alpha_high"):
        assert getattr(empty, name).shape == (3,)
        assert np.isnan(getattr(empty, name)).all()
    assert empty.covariance.shape == (3, 2, 2)
    assert np.isnan(empty.covariance).all()
    assert empty.at_bound.tolist() == [False] * 3
    empty.alpha[0] = 1.0
    assert np.isnan([empty.amplitude[0], empty.sigma[0], empty.beta[0], empty.alpha_low[0], empty.alpha_high[0]]).all()


def test_scaled_centred_numbers_come_back_in_the_unit_of_the_draws() -> None:
    problem = make_problem(_draws(), SIZES)
    scale, fitted = np.abs(problem.delta).max(axis=0), _fitted(3)
    laws = _finished(problem, fitted)
    k0 = problem.center
    np.testing.assert_allclose(laws.psi(k0), fitted.amplitude * scale)
    np.testing.assert_allclose(laws.psi(2 * k0), fitted.amplitude * scale * 2**-fitted.alpha)
    np.testing.assert_allclose(laws.sigma * k0 ** (-laws.beta / 2), fitted.sigma * scale)
    for name in ("alpha", "beta", "alpha_low", "alpha_high"):
        np.testing.assert_array_equal(getattr(laws, name), getattr(fitted, name))
    np.testing.assert_allclose(laws.covariance[:, 0, 0], fitted.covariance[:, 0, 0] * scale**2)
    np.testing.assert_allclose(laws.covariance[:, 0, 1], fitted.covariance[:, 0, 1] * scale)
    np.testing.assert_allclose(laws.covariance[:, 1, 0], fitted.covariance[:, 1, 0] * scale)
    np.testing.assert_allclose(laws.covariance[:, 1, 1], fitted.covariance[:, 1, 1])
    assert (laws.method, laws.form, laws.center) == ("some_method", "power", k0)
    assert (laws.min_size, laws.max_size) == (50, 801)  # sizes need not be whole: the range holds them all
    assert laws.status.tolist() == ["ok"] * 3
    assert laws.n_draws.tolist() == [6] * 3


def test_a_two_term_law_has_both_parameters_in_the_unit_of_the_draws() -> None:
    problem = make_problem(_draws(), SIZES)
    scale, fitted = np.abs(problem.delta).max(axis=0), _fitted(3)
    laws = _finished(problem, fitted, form="two_term")
    np.testing.assert_allclose(laws.covariance, fitted.covariance * (scale**2)[:, None, None])
    assert laws.form == "two_term"


def test_sizes_below_one_above_are_rounded_outwards() -> None:
    laws = _finished(make_problem(_draws(), SIZES + 0.25), _fitted(3))
    assert (laws.min_size, laws.max_size) == (50, 801)


def test_the_lack_of_fit_is_that_of_the_problem_s_draws() -> None:
    problem = make_problem(_draws(), SIZES)
    laws = _finished(problem, _fitted(3))
    assert np.isfinite(laws.lack_of_fit).all()
    np.testing.assert_array_equal(laws.lack_of_fit, lack_of_fit(laws, problem.delta, SIZES))


def test_points_at_a_bound_say_so_and_keep_their_numbers() -> None:
    problem = make_problem(_draws(), SIZES)
    laws = _finished(problem, _fitted(3, at_bound=np.array([False, True, False])))
    assert laws.status.tolist() == ["ok", "at_bound", "ok"]
    assert np.isfinite(laws.c).all()


def test_what_could_not_be_fitted_is_nan_in_every_number() -> None:
    delta = np.concatenate([_draws(), _draws(), np.zeros((6, 1))], axis=1)
    problem = make_problem(delta, SIZES)
    fitted = _fitted(7)
    fitted.amplitude[1], fitted.alpha[2] = np.nan, np.nan
    fitted.amplitude[3], fitted.alpha[3] = 0.5, 200.0  # c is beyond floating point
    fitted.at_bound[[1, 6]] = True
    laws = _finished(problem, fitted)
    assert laws.status.tolist() == ["ok", "not_finite", "not_finite", "not_finite", "ok", "ok", "no_signal"]
    for name in ("c", "alpha", "sigma", "beta", "alpha_low", "alpha_high", "lack_of_fit"):
        assert np.flatnonzero(np.isnan(getattr(laws, name))).tolist() == [1, 2, 3, 6], name
    assert np.isnan(laws.covariance[[1, 2, 3, 6]]).all()
    assert np.isfinite(laws.covariance[[0, 4, 5]]).all()


def test_a_law_that_overflows_at_a_sampled_size_keeps_its_numbers() -> None:
    """A curve that grows beyond all numbers: infinite at large sizes, and with an amplitude of nothing no number there."""
    problem = make_problem(_draws(), SIZES)
    fitted = _fitted(3, amplitude=np.array([0.5, 0.3, 0.0]), alpha=np.array([1.0, -130.0, -130.0]))
    laws = _finished(problem, fitted)
    assert laws.status.tolist() == ["ok", "ok", "ok"]
    assert np.isfinite(laws.c).all()
    assert np.isfinite(laws.lack_of_fit[:2]).all()
    assert laws.lack_of_fit[1] > 1e6 * laws.lack_of_fit[0]


def test_exponents_that_no_c_belongs_to_are_not_a_law() -> None:
    """k0^α is infinite for the one and nothing for the other; a draw's own magnitude is no matter."""
    for unit in (1e-300, 1.0):
        problem = make_problem(unit * _draws(), SIZES)
        laws = _finished(problem, _fitted(3, alpha=np.array([140.0, 1.0, -150.0])))
        assert laws.status.tolist() == ["not_finite", "ok", "not_finite"]


def test_nothing_times_infinity_is_not_a_law() -> None:
    fitted = _fitted(3, amplitude=np.array([0.5, 0.0, 0.5]), alpha=np.array([1.0, 200.0, 1.0]))
    assert _finished(make_problem(_draws(), SIZES), fitted).status.tolist() == ["ok", "not_finite", "ok"]


def _ends(low: float, high: float, middle: float = 0.0, each: int = 4, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """``each`` draws in either outer third with these means and a standard error of ``spread``; (m, 1) and sizes."""
    pattern = np.where(np.arange(each) % 2 == 0, 1.0, -1.0)
    pattern = spread * pattern * np.sqrt(each * (each - 1) / (pattern @ pattern))
    delta = np.concatenate([low + pattern, middle + pattern, high + pattern])
    return delta[:, None], np.repeat([100.0, 200.0, 400.0], each)


def _signs(delta: np.ndarray, sizes: np.ndarray, **more: Any) -> list[str]:
    return _finished(make_problem(delta, sizes), _fitted(delta.shape[1]), **more).status.tolist()


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (3.01, -3.01, "sign_change"),
        (-3.01, 3.01, "sign_change"),
        (2.99, -3.01, "ok"),
        (3.01, -2.99, "ok"),
        (3.01, 3.01, "ok"),
        (-3.01, -3.01, "ok"),
        (3.01, 0.0, "ok"),
        (0.5, 5.0, "grows"),
        (0.5, -5.0, "grows"),
        (0.5, 4.5, "ok"),  # 4 of 4.2
        (5.0, 0.5, "ok"),
    ],
)
def test_a_shape_needs_three_standard_errors(low: float, high: float, status: str) -> None:
    assert _signs(*_ends(low, high)) == [status]
    assert _signs(*_ends(low, high, middle=50.0)) == [status]  # the middle third has no say


def test_a_sign_change_outweighs_a_bound_and_a_two_term_law_follows_it() -> None:
    delta, sizes = _ends(5.0, -5.0)
    problem = make_problem(delta, sizes)
    assert _finished(problem, _fitted(1, at_bound=np.array([True]))).status.tolist() == ["sign_change"]
    assert _finished(problem, _fitted(1), form="two_term").status.tolist() == ["ok"]


def test_fewer_than_four_draws_at_an_end_do_not_testify() -> None:
    delta, sizes = _ends(9.0, -9.0)
    for gone in ([0], [11]):
        holes = delta.copy()
        holes[gone] = np.nan
        assert _signs(holes, sizes) == ["ok"]
    middle = delta.copy()
    middle[4:6] = np.nan
    assert _signs(middle, sizes) == ["sign_change"]


def test_ends_without_any_scatter_testify_only_away_from_zero() -> None:
    sizes = np.repeat([100.0, 200.0, 400.0], 4)
    assert _signs(np.repeat([1.0, 0.0, -1.0], 4)[:, None], sizes) == ["sign_change"]
    assert _signs(np.repeat([0.0, 1.0, 0.0], 4)[:, None], sizes) == ["ok"]


def test_thirds_are_of_the_draws_sizes() -> None:
    """Twelve sizes in a row: four at either end; what the fifth says counts for neither."""
    sizes = np.geomspace(100, 1200, 12)
    delta = np.r_[np.full(4, 5.0), np.full(4, 0.0), np.full(4, -5.0)] + 0.01 * np.arange(12)
    assert _signs(delta[:, None], sizes) == ["sign_change"]
    delta[[4, 7]] = -1e3, 1e3
    assert _signs(delta[:, None], sizes) == ["sign_change"]


def test_there_are_no_thirds_where_both_end_at_one_size() -> None:
    """Three of five draws are of the middle size."""
    sizes = np.repeat([100.0, 200.0, 400.0], [4, 12, 4])
    assert _signs(np.repeat([5.0, 0.0, -5.0], [4, 12, 4])[:, None], sizes) == ["ok"]


def test_draws_just_where_a_third_ends_belong_to_it() -> None:
    sizes = np.repeat([100.0, 200.0, 400.0], [5, 3, 5])  # the fifth and the ninth of thirteen
    assert _signs(np.repeat([5.0, 0.0, -5.0], [5, 3, 5])[:, None], sizes) == ["sign_change"]


def test_three_standard_errors_are_not_yet_beyond_three() -> None:
    one, sizes = np.array([0.0, 4.0, 4.0, 4.0]), np.repeat([100.0, 200.0, 400.0], 4)  # 3 +- 1, without rounding
    assert _signs(np.r_[one, one, -one][:, None], sizes) == ["ok"]
    assert _signs(np.r_[one + 0.01, one, -one - 0.01][:, None], sizes) == ["sign_change"]


def test_sizes_of_their_own_are_cut_into_thirds_together() -> None:
    delta, sizes = _ends(5.0, -5.0)
    own = np.stack([sizes, np.r_[sizes[4:], sizes[:4]]], axis=1)
    assert _signs(np.repeat(delta, 2, axis=1), own) == ["sign_change", "ok"]

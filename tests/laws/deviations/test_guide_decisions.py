"""Whether a guide helps, what of it is kept and what intervals then lack: each rule against its formula, by given laws."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from reference import laws_of
from scipy.stats import norm

from dscale_core.errors import ArgumentError
from dscale_core.laws.deviations.around_guide import (
    _deviations,
    _explains,
    around,
    around_by_share,
    shrunk,
    with_helpful_guide,
    with_misfit,
)
from dscale_core.laws.problem import Guide, Problem, halves, make_problem
from dscale_core.types import Laws

ENDS = np.array([100.0, 1000.0])
Fit = Callable[[Problem], Laws]


def _sizes(m: int) -> np.ndarray:
    return np.round(np.geomspace(100, 1000, m))


def _one_over_k(m: int, levels: list[float], control: np.ndarray | None = None, guide: float | None = 1.0) -> Problem:
    """Draws that are just a level over k, one a point; the guide says ``guide`` over k."""
    k = _sizes(m)
    delta = np.array(levels) / k[:, None]
    known = None if guide is None else Guide(ENDS, np.full((2, len(levels)), guide) / ENDS[:, None], control=control)
    return make_problem(delta, k, guide=known)


def _given(c: float, sigma: float = 1.0) -> Fit:
    """A fit that finds c / k whatever it is given, with noise sigma / k."""
    return lambda part: laws_of(np.full(part.n_points, c), 1.0, sigma, 2.0, np.eye(2), part.center)


def _kept(problem: Problem, fit: Fit) -> bool:
    return with_helpful_guide(problem, fit).guide is not None


# ---- does it help?


def test_without_a_guide_there_is_nothing_to_keep() -> None:
    problem = _one_over_k(16, [1.0, 2.0], guide=None)
    assert not _kept(problem, _given(0.0))


def test_a_guide_needs_shared_sizes_and_a_point_that_can_be_fitted() -> None:
    problem = _one_over_k(16, [1.0, 2.0])
    own = make_problem(problem.delta, np.repeat(problem.sizes[:, None], 2, axis=1), guide=problem.guide)
    with pytest.raises(ArgumentError, match=r"^sizes must have one size a coalition"):
        with_helpful_guide(own, _given(0.0))
    silent = replace(problem, delta=np.zeros((16, 2)))
    assert not _kept(silent, _given(0.0))


@pytest.mark.parametrize(
    ("levels", "kept"), [([0.51, 0.51], True), ([0.49, 0.49], False), ([1.0, 0.1], True), ([0.9, -0.2], False)]
)
def test_a_formula_is_kept_where_it_predicts_held_out_draws_at_least_as_well(levels: list[float], kept: bool) -> None:
    """Without it nothing is predicted, with it 1 / k, in noise of 1 / k: loss log(1 + z² / 4), summed."""
    loss = [np.log1p(np.array(levels) ** 2 / 4).sum(), np.log1p((np.array(levels) - 1) ** 2 / 4).sum()]
    assert (loss[1] <= loss[0]) == kept
    assert _kept(_one_over_k(16, levels), _given(0.0)) == kept


def test_a_tie_keeps_the_guide() -> None:
    problem = _one_over_k(16, [1.0, 2.0], guide=0.0)
    assert _kept(problem, _given(0.0))


def test_one_wild_draw_does_not_decide_for_all() -> None:
    """Its square outweighs all the others, the logarithm of it does not; a draw that is missing has no say."""
    problem = _one_over_k(16, [0.7] * 4)
    delta = problem.delta.copy()
    delta[3, 0] = -60.0 / problem.sizes[3]
    delta[5, 1] = np.nan
    z = delta * problem.sizes[:, None]
    assert np.nansum(z**2 - (z - 1) ** 2) < 0
    assert np.nansum(np.log1p(z**2 / 4) - np.log1p((z - 1) ** 2 / 4)) > 0
    assert _kept(replace(problem, delta=delta), _given(0.0))


def test_draws_are_judged_in_the_noise_of_the_fit_without_the_guide() -> None:
    """In noise of 1 / k the two points outweigh each other one way, in noise of 5 / k nearly squared losses the other."""
    levels = [3.2, 1e-9, 1e-9, 1e-9, 1e-9]
    z = np.array(levels)
    gains = [np.sum(np.log1p((z / s) ** 2 / 4) - np.log1p(((z - 1) / s) ** 2 / 4)) for s in (1.0, 20.0)]
    assert gains[0] < 0 < gains[1]
    problem = _one_over_k(16, levels)
    assert not _kept(problem, _given(0.0, 1.0))
    assert _kept(problem, _given(0.0, 20.0))


def test_each_half_is_predicted_by_what_was_fitted_to_the_other() -> None:
    problem = _one_over_k(16, [1.0, 1.0])
    seen: list[np.ndarray] = []

    def fit(part: Problem) -> Laws:
        seen.append(part.sizes)
        return _given(0.0)(part)

    _kept(problem, fit)
    trained = [problem.sizes[train] for train, _, _ in halves(problem, 1)]
    assert len(seen) == 4  # plain and around the guide, both ways round
    for sizes, expected in zip(seen, np.repeat(np.arange(2), 2), strict=True):
        np.testing.assert_array_equal(sizes, trained[expected])


@pytest.mark.parametrize(("m", "fitted"), [(8, True), (7, False)])
def test_fewer_than_eight_draws_are_not_halved(m: int, fitted: bool) -> None:
    calls: list[int] = []

    def fit(part: Problem) -> Laws:
        calls.append(part.delta.shape[0])
        return _given(0.0)(part)

    assert _kept(_one_over_k(m, [0.9, 0.9]), fit)
    assert bool(calls) == fitted


def test_a_control_is_judged_by_what_it_leaves_of_the_draws() -> None:
    """However well the mean predicts; and no fit is asked."""
    good = _one_over_k(16, [1.0, 1.0], control=np.full((16, 2), 0.9) / _sizes(16)[:, None], guide=-5.0)
    bad = _one_over_k(16, [1.0, 1.0], control=np.full((16, 2), -0.1) / _sizes(16)[:, None])

    def never(part: Problem) -> Laws:
        raise AssertionError(part)

    assert _kept(good, never)
    assert not _kept(bad, never)


# ---- what draws say of it without a fit


def _part(z: np.ndarray, left: np.ndarray, control: bool) -> Problem:
    """Draws z / k of which the guide leaves ``left`` / k."""
    k = _sizes(len(z))[:, None]
    if control:
        return make_problem(z / k, k[:, 0], guide=Guide(ENDS, np.zeros((2, z.shape[1])), control=(z - left) / k))
    return make_problem(z / k, k[:, 0], guide=Guide(k[:, 0], np.nan_to_num(z - left) / k))


def _gains(z: np.ndarray, left: np.ndarray) -> np.ndarray:
    """By draw, the sum over points of what squares lose, each in units of k over the point's largest draw."""
    k = _sizes(len(z))[:, None]
    largest = np.nanmax(np.abs(z / k), axis=0)
    unit = (k / k.max()) / k / largest
    return np.asarray(np.nansum((z * unit) ** 2 - np.minimum((left * unit) ** 2, 1.0), axis=1))


def _case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Six draws of five points, of which the guide leaves less for the first seeds and more for the last."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(6, 5))
    z[1, 2] = np.nan
    left = 0.3 * seed * z + 0.15 * rng.normal(size=(6, 5))
    if seed % 2:
        left[2, 3] = 40.0  # more than the point's largest draw counts as much as that
    return z, left


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("control", [False, True])
def test_a_formula_must_not_be_contradicted_clearly_and_a_control_not_at_all(seed: int, control: bool) -> None:
    z, left = _case(seed)
    gain = _gains(z, left)
    allowed = 0.0 if control else 2 * gain.std(ddof=1) / np.sqrt(6)
    assert _explains(_part(z, left, control)) == (gain.mean() >= -allowed)


def test_both_answers_occur_among_these_cases() -> None:
    for control in (False, True):
        assert {_explains(_part(*_case(seed), control)) for seed in range(12)} == {True, False}


# ---- deviations and how they are put back


def test_deviations_are_fitted_without_a_guide_and_silent_points_have_none() -> None:
    problem = _one_over_k(12, [1.5, 1.0, 0.0])
    found: list[Problem] = []

    def fit(part: Problem) -> Laws:
        found.append(part)
        laws = laws_of(
            [0.5, np.nan, -1.0], [1.0, np.nan, 1.0], [0.1, np.nan, 0.1], [2.0, np.nan, 2.0], np.eye(2), part.center
        )
        covariance = laws.covariance.copy()
        covariance[1] = np.nan
        return replace(laws, status=np.array(["ok", "no_signal", "ok"]), covariance=covariance)

    laws = _deviations(problem, fit)
    assert found[0].guide is None
    np.testing.assert_allclose(found[0].delta, np.array([0.5, 0.0, -1.0]) / problem.sizes[:, None], atol=1e-15)
    np.testing.assert_array_equal(laws.c, [0.5, 0.0, -1.0])
    np.testing.assert_array_equal(laws.alpha, 1.0)
    np.testing.assert_array_equal(laws.sigma, [0.1, 0.0, 0.1])
    np.testing.assert_array_equal(laws.beta, 2.0)
    np.testing.assert_array_equal(laws.covariance, [np.eye(2), np.zeros((2, 2)), np.eye(2)])


def test_what_is_found_is_put_back_on_the_guide() -> None:
    problem = _one_over_k(12, [1.5, 1.0, 0.7])
    laws = around(problem, _given(0.4, sigma=0.3))
    assert laws.guided
    assert laws.method == "given"
    np.testing.assert_allclose(laws.psi(300), 1.4 / 300, rtol=1e-3)
    np.testing.assert_allclose(laws.alpha, 1.0, atol=1e-3)
    np.testing.assert_allclose(laws.sigma * 300 ** (-laws.beta / 2), 0.3 / 300)  # that of the deviations: the guide has none
    # the exponent of a part of ψ moves that of the whole by its share
    np.testing.assert_allclose(laws.covariance, np.repeat(np.diag([1.0, (0.4 / 1.4) ** 2])[None], 3, axis=0), atol=1e-3)


def test_beside_a_control_the_noise_is_that_of_draws() -> None:
    """What is left beside it is not: deviations of the fit say 1e-9, draws scatter by 0.2 / k."""
    k = _sizes(40)
    noise = 0.2 * np.random.default_rng(0).normal(size=(40, 3)) / k[:, None]
    delta = 1.0 / k[:, None] + noise
    problem = make_problem(delta, k, guide=Guide(ENDS, np.ones((2, 3)) / ENDS[:, None], control=delta))
    laws = around(problem, _given(0.0, sigma=1e-9))
    np.testing.assert_allclose(laws.sigma * 316 ** (-laws.beta / 2), 0.2 / 316, rtol=0.3)


def test_a_point_that_is_set_aside_stays_set_aside() -> None:
    problem = _one_over_k(12, [1.5, 1.0])
    delta = problem.delta.copy()
    delta[:, 1] = 0.0
    laws = around(replace(problem, delta=delta), _given(0.4))
    assert laws.status.tolist() == ["ok", "no_signal"]
    assert np.isnan(laws.c).tolist() == [False, True]
    assert np.isnan(laws.curve[1]).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_deviations_has_that_share_of_their_errors(share: float) -> None:
    laws = laws_of([2.0, -1.0], [1.0, 0.5], covariance=[[4.0, 0.5], [0.5, 1.0]])
    part = shrunk(laws, share)
    np.testing.assert_allclose(part.psi(300), share * laws.psi(300))
    stretch = np.diag([share, 1.0])
    np.testing.assert_allclose(part.covariance, stretch @ laws.covariance @ stretch)
    np.testing.assert_array_equal(part.alpha, laws.alpha)


# ---- the share of deviations that is kept


@pytest.mark.parametrize(("found", "predicted"), [(0.5, 0.5), (0.5, 1.0), (0.5, 2.0), (0.5, -1.0), (0.5, 0.25), (0.5, 0.0)])
def test_the_share_is_the_slope_of_found_on_predicted_deviations_for_twice_the_draws(found: float, predicted: float) -> None:
    """Halves agree with h = found / predicted of what was said; twice the draws deserve 2 h / (1 + h)."""
    problem = _one_over_k(16, [1 + found] * 3)
    laws, share = around_by_share(problem, _given(predicted, sigma=0.3), 10)
    half = min(max(found / predicted, 0.0), 1.0) if predicted else 0.0
    assert share == pytest.approx(2 * half / (1 + half))
    np.testing.assert_allclose(laws.psi(300), (1 + share * predicted) / 300, rtol=1e-3)
    assert laws.misfit.shape == (2, 0)  # too few points


def test_each_draw_weighs_by_its_noise_in_the_share() -> None:
    """Slopes of 0.2 where noise is small and 1 where it is large."""
    problem = _one_over_k(16, [1.2, 2.0])

    def fit(part: Problem) -> Laws:
        return laws_of([1.0, 1.0], 1.0, [0.1, 1.0], 2.0, np.eye(2), part.center)

    half = (0.2 / 0.01 + 1.0) / (1 / 0.01 + 1.0)
    assert around_by_share(problem, fit, 10)[1] == pytest.approx(2 * half / (1 + half))


def test_draws_that_are_missing_do_not_count_for_the_share() -> None:
    problem = _one_over_k(16, [1.5, 1.5])
    delta = problem.delta.copy()
    delta[::3, 0] = np.nan
    assert around_by_share(replace(problem, delta=delta), _given(1.0), 10)[1] == pytest.approx(2 * 0.5 / 1.5)


@pytest.mark.parametrize(("m", "share"), [(8, 1.0), (7, 0.0)])
def test_with_fewer_than_eight_draws_the_formula_stands_alone(m: int, share: float) -> None:
    laws, got = around_by_share(_one_over_k(m, [2.0, 2.0]), _given(1.0), 10)
    assert got == share
    np.testing.assert_allclose(laws.psi(300), (1 + share) / 300, rtol=1e-3)


def test_halves_are_fitted_for_a_sample_and_only_once() -> None:
    """Two halves of at most so many points, then all; the misfit takes the halves' laws from before."""
    told: list[float] = []
    problem = replace(_one_over_k(40, [1.4] * 45), on_progress=told.append)
    calls: list[tuple[int, int, bool]] = []

    def fit(part: Problem) -> Laws:
        calls.append((*part.delta.shape, part.on_progress is None))
        return _given(0.4, sigma=0.3)(part)

    laws, _ = around_by_share(problem, fit, 35)
    assert [call[1] for call in calls] == [35, 35, 45]
    assert calls[0][0] + calls[1][0] == calls[2][0] == 40
    assert [call[2] for call in calls] == [True, True, False]  # halves tell nobody how far they are
    assert laws.misfit.shape == (2, 7)


# ---- what intervals lack

SEVEN = np.geomspace(100, 1000, 7)
KAPPA = np.array([0.3, 0.04, 0.02, 0.02, 0.02, 0.09, 0.5])


@pytest.mark.parametrize(("guided", "guide", "share"), [
    (False, None, 0.25),
    (False, "formula", 0.25),
    (True, "formula", 1.0),
    (True, "surrogate", 0.25),
])  # fmt: skip
def test_the_exponents_interval_lacks_what_two_sizes_lack(guided: bool, guide: str | None, share: float) -> None:
    """Relative errors at the second and the sixth size, over the distance of their logarithms, added to each side."""
    laws = replace(laws_of([2.0, -300.0], [0.9, 1.6], [0.6, 30.0], [1.8, 2.2]), guided=guided)
    known = None
    if guide is not None:
        modes = np.zeros((1, 2, 2)) if guide == "surrogate" else None
        known = Guide(ENDS, np.zeros((2, 2)), modes=modes)
    got = with_misfit(laws, np.array([SEVEN, KAPPA]), known)
    errors = [np.sqrt(KAPPA[i]) * laws.sigma * SEVEN[i] ** (-laws.beta / 2) / np.abs(laws.psi(SEVEN[i])) for i in (1, 5)]
    half = norm.ppf(0.95) * np.sqrt(share * (errors[0] ** 2 + errors[1] ** 2)) / np.log(SEVEN[5] / SEVEN[1])
    np.testing.assert_allclose(got.alpha_low, np.maximum(laws.alpha - np.hypot(half, 0.2), 0), rtol=1e-9)
    np.testing.assert_allclose(got.alpha_high, laws.alpha + np.hypot(half, 0.3), rtol=1e-9)
    np.testing.assert_array_equal(got.misfit, [SEVEN, KAPPA])
    assert np.all(half > 0.05)
    assert np.all(got.alpha_low > 0)


def test_an_exponent_is_known_to_lie_between_minus_one_and_eight() -> None:
    laws = replace(laws_of([1e-9, 0.0, np.nan], [1.0, 1.0, np.nan], [3.0, 3.0, np.nan]), guided=True)
    got = with_misfit(laws, np.array([SEVEN, KAPPA]), None)
    np.testing.assert_array_equal(got.alpha_low, [-1.0, -1.0, np.nan])
    np.testing.assert_array_equal(got.alpha_high, [8.0, 8.0, np.nan])


@pytest.mark.parametrize("measured", [0, 5])
def test_without_the_sizes_that_tell_a_slope_the_interval_stays(measured: int) -> None:
    laws = laws_of([2.0], [0.9])
    got = with_misfit(laws, np.array([SEVEN, KAPPA])[:, :measured], None)
    np.testing.assert_array_equal(got.alpha_low, laws.alpha_low)
    np.testing.assert_array_equal(got.alpha_high, laws.alpha_high)
    assert got.misfit.shape == (2, measured)
    assert np.all(with_misfit(laws, np.array([SEVEN, KAPPA])[:, :6], None).alpha_low < laws.alpha_low)

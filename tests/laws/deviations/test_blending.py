"""Guide and draws alone, each as far as it is certain: weights by their formula, and what that does for laws."""

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws, laws_of

from dscale_core.laws import fit_laws
from dscale_core.laws.deviations.blending import Curve, blended, curve_of
from dscale_core.laws.deviations.control_variate import guide_from_surrogate
from dscale_core.laws.problem import Guide, Problem, make_problem
from dscale_core.types import Draws, Laws, SurrogateDraws

SIZES = np.array([100.0, 215.0, 464.0, 1000.0])
NINE = np.geomspace(100, 1000, 9)
P = 150
Floats = np.ndarray


def _problem(m: int = 40, p: int = 3) -> Problem:
    known = known_draws(p, m, 3)
    guide = Guide(NINE, np.ones((9, p)), control=np.zeros((m, p)))
    return make_problem(known.delta, known.sizes, guide=guide)


def test_the_curve_of_a_law_has_its_deviation() -> None:
    laws = laws_of([2.0, -1.0], [0.8, 1.3], covariance=[[1e-4, 2e-3], [2e-3, 0.09]])
    curve = curve_of(laws, SIZES)
    np.testing.assert_allclose(curve.psi, [laws.psi(k) for k in SIZES])
    np.testing.assert_allclose(np.sqrt(curve.variance), [laws.law_deviation(k) for k in SIZES])


def test_the_more_certain_account_counts_more() -> None:
    """w = V_A / (V_A + V_G), V with what is measured to lack; errors add up as if they were one."""
    problem = _problem()
    alone = laws_of([3.0, 3.0, np.nan], [1.0, 1.0, np.nan], [0.5, 0.5, np.nan], [2.0, 2.0, np.nan], np.diag([1e-6, 0.04]),
                    misfit=np.array([[100.0, 1000.0], [0.2, 0.2]]))  # fmt: skip
    around = Curve(np.full((9, 3), 0.01), np.stack([np.outer(1 / NINE, [0.01, 0.3, 0.1])]))
    got = blended(around, alone, NINE, problem)
    draw = (0.5 / NINE) ** 2
    psi, own = 3.0 / NINE, alone.law_deviation
    v_alone = np.array([own(k)[0] ** 2 for k in NINE]) + 0.2 * draw
    for point, deviation in enumerate((0.01, 0.3)):
        v_guide = (deviation / NINE) ** 2
        w = v_alone / (v_alone + v_guide + 0.0004 * draw)
        np.testing.assert_allclose(got.psi[:, point], w * 0.01 + (1 - w) * psi, rtol=1e-9)
        np.testing.assert_allclose(np.sqrt(got.variance[:, point]), w * np.sqrt(v_guide) + (1 - w) * np.sqrt(v_alone))
    np.testing.assert_array_equal(got.psi[:, 2], 0.01)  # draws alone say nothing of it
    np.testing.assert_allclose(np.sqrt(got.variance[:, 2]), 0.1 / NINE)


def test_where_no_misfit_was_measured_the_usual_one_stands() -> None:
    problem = _problem()
    alone = laws_of([3.0] * 3, 1.0, 0.5, 2.0, 0.0)
    around = Curve(np.zeros((9, 3)), np.zeros((1, 9, 3)))
    got = blended(around, alone, NINE, problem)
    position = np.linspace(-1, 1, 9)
    usual = 0.006 + 0.6 * (1 + 3 * position**2) / 40
    np.testing.assert_allclose(got.psi[:, 0], 0.0004 / (0.0004 + usual) * 3.0 / NINE, rtol=1e-9)


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
    others, _, many = surrogate(250, 2)
    further = Draws(many, others.astype(np.int64), np.arange(250), np.arange(P), np.zeros(250))
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
        print(np.mean((low < psi) & (psi < high)))
        assert np.mean((low < psi) & (psi < high)) > 0.85


def test_a_formula_alone_is_not_held_against_the_same_draws_twice() -> None:
    """It is followed as far as draws say, and with no control nothing else is known."""
    known = known_draws(P, 30, 5)
    formula = Guide(NINE, np.stack([known.psi(k) for k in NINE]))
    laws = fit_laws(known.delta, known.sizes, guide=formula)
    assert laws.guided
    plain = fit_laws(known.delta, known.sizes)
    noise = known.sigma * 316 ** (-known.beta / 2)
    off = [np.mean(((found.psi(316) - known.psi(316)) / noise) ** 2) for found in (laws, plain)]
    assert off[0] < 0.3 * off[1]


def test_a_point_without_any_draws_alone_keeps_its_guide() -> None:
    problem = _problem()
    alone = replace(laws_of([np.nan] * 3, np.nan, np.nan, np.nan, 0.0))
    around = Curve(np.full((9, 3), 0.2), np.full((1, 9, 3), 0.1))
    got = blended(around, alone, NINE, problem)
    np.testing.assert_array_equal(got.psi, around.psi)
    np.testing.assert_allclose(got.variance, around.variance)

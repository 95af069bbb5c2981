"""From curve to law: exact power laws come back, others keep what the law cannot follow, and errors are carried along."""

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws, laws_of
from scipy.optimize import least_squares, minimize
from scipy.stats import norm

from dscale_core.laws.deviations.projection import _closest, _highest, _usual_exponents, projected
from dscale_core.laws.problem import Guide, Problem, make_problem
from dscale_core.types import Laws

SIZES = np.geomspace(100, 1000, 9)


def _problem(p: int, guide: Guide | None = None) -> Problem:
    known = known_draws(p, 30, 3)
    return replace(make_problem(known.delta, known.sizes), guide=guide)


def _still(p: int, problem: Problem) -> Laws:
    """Laws of deviations that are zero."""
    return laws_of(np.zeros(p), 1.0, covariance=np.zeros((2, 2)), center=problem.center)


def test_power_laws_come_back_whole() -> None:
    alpha = np.array([0.6, 1.2, 2.3])
    guide = Guide(SIZES, np.array([1.0, -2.0, 3.0]) * SIZES[:, None] ** -alpha)
    problem = _problem(3, guide)
    found = projected(_still(3, problem), problem, np.ones(3))
    np.testing.assert_allclose(found.fitted.alpha, alpha, atol=1e-3)
    assert np.abs(found.curve).max() < 1e-3 * np.abs(guide.expected).max()
    assert not found.curve_deviation.any()
    assert not found.fitted.covariance.any()
    assert not found.fitted.at_bound.any()


def test_the_law_is_the_closest_one_and_the_rest_is_kept() -> None:
    psi = 1 / SIZES + 60 / SIZES**2
    problem = _problem(1, Guide(SIZES, psi[:, None]))
    found = projected(_still(1, problem), problem, np.ones(1))

    def distance(law: np.ndarray) -> float:
        return float(np.sum(SIZES**2 * (psi - law[0] * (SIZES / 316) ** -law[1]) ** 2))

    best = minimize(distance, [psi[4], 1.1], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14}).x
    assert found.fitted.alpha[0] == pytest.approx(best[1], abs=2e-3)
    own = found.fitted.amplitude[0] * (SIZES / problem.center) ** -found.fitted.alpha[0]
    np.testing.assert_allclose(own + found.curve[0], psi)


def test_modes_become_deviations_of_curve_and_law() -> None:
    """A mode along the law itself moves its amplitude alone; one that tilts it moves α by as much per log k."""
    psi = (2 / SIZES)[:, None]
    problem = _problem(1)
    x = np.log(SIZES / problem.center)[:, None]
    problem = replace(problem, guide=Guide(SIZES, psi, modes=np.stack([0.1 * psi, 0.05 * x * psi])))
    found = projected(_still(1, problem), problem, np.ones(1))
    np.testing.assert_allclose(found.curve_deviation[0], psi[:, 0] * np.hypot(0.1, 0.05 * x[:, 0]), rtol=1e-6)
    deviation = np.sqrt(np.diagonal(found.fitted.covariance[0]))
    np.testing.assert_allclose(deviation, [0.1 * 2 / problem.center, 0.05], rtol=0.02)
    half = 0.5 * (found.fitted.alpha_high - found.fitted.alpha_low)
    assert half[0] == pytest.approx(1.645 * deviation[1], rel=1e-3)


def _best_law(psi: np.ndarray, k: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(amplitude, α) of the power law closest to psi, errors weighing as k²."""
    start = np.array([psi[k.size // 2] * np.exp(x[k.size // 2]), 1.0])
    found = least_squares(lambda t: k / k.mean() * (psi - t[0] * np.exp(-t[1] * x)), start, x_scale=np.abs(start) + 1e-12,
                          xtol=1e-15, ftol=1e-15, gtol=1e-15)  # fmt: skip
    return np.asarray(found.x)


def test_the_projection_is_how_the_closest_law_follows_the_curve() -> None:
    k = np.geomspace(80, 900, 9)
    x = np.log(k / 250)
    true = np.array([[0.8, 1.1], [-0.3, 2.0]])
    psi = np.stack([a * np.exp(-alpha * x) for a, alpha in true], axis=1)
    found = _closest(psi, None, k, x)
    alpha, amplitude, projection = found.alpha, found.amplitude, found.projection
    assert projection.shape == (2, 2, 9)
    np.testing.assert_allclose(alpha, true[:, 1], atol=3e-4)
    np.testing.assert_allclose(amplitude, true[:, 0], rtol=3e-4)
    for i in range(2):
        for c in range(9):
            h = 1e-5 * np.eye(9)[c]
            slope = (_best_law(psi[:, i] + h, k, x) - _best_law(psi[:, i] - h, k, x)) / 2e-5
            np.testing.assert_allclose(projection[i, :, c], slope, rtol=1e-3, atol=1e-3 * np.abs(projection[i]).max())


def test_a_curve_of_nothing_has_no_direction() -> None:
    """ψ of zero has no exponent: the amplitude is zero and what the projection says is finite."""
    k = np.geomspace(80, 900, 9)
    for variance in (None, np.zeros((9, 1)), np.full((9, 1), 0.1)):
        found = _closest(np.zeros((9, 1)), variance, k, np.log(k / 250))
        assert found.amplitude[0] == 0.0
        assert -1 <= found.alpha[0] <= 4
        assert np.isfinite(found.projection).all()
        assert np.isfinite(found.by_prior).all()


def _crowd(middle: float, width: float, p: int = 60) -> np.ndarray:
    """Exponents of a crowd of points, evenly spread over a normal."""
    return middle + width * norm.ppf((np.arange(p) + 0.5) / p)


def test_a_curve_that_no_exponent_fits_has_that_of_the_others_and_does_not_lead_beyond_the_sizes() -> None:
    """The last point changes sign and ends small; the closest law alone would not fade at all, and be far off at 4,000."""
    alpha = _crowd(1.2, 0.15)
    k = SIZES
    bent = 0.3 / k - 40 / k**2
    psi = np.column_stack([k[:, None] ** -alpha, bent])
    p = psi.shape[1]
    problem = _problem(p, Guide(k, psi, modes=1e-6 * psi[None]))
    found = projected(_still(p, problem), problem, np.ones(p))
    np.testing.assert_allclose(found.fitted.alpha[:-1], alpha, atol=0.01)
    assert abs(found.fitted.alpha[-1] - 1.2) < 0.5
    law = found.fitted.amplitude[-1] * (4000 / problem.center) ** -found.fitted.alpha[-1]
    free = _closest(psi[:, -1:], None, k, np.log(k / problem.center))
    unled = free.amplitude[0] * (4000 / problem.center) ** -free.alpha[0]
    truth = 0.3 / 4000 - 40 / 4000**2
    assert free.alpha[0] < 0.2
    assert abs(law - truth) < 0.5 * abs(unled - truth)


def test_an_uncertain_exponent_is_the_others_with_their_spread() -> None:
    """A curve of which nothing is known: α is that of the crowd, its interval the crowd's own spread."""
    alpha = _crowd(1.5, 0.2)
    k = SIZES
    psi = np.column_stack([k[:, None] ** -alpha, 3.0 * k**-0.4])
    wild = np.zeros((9, 9, 61))
    wild[np.arange(9), np.arange(9), -1] = 1e4 / k
    problem = _problem(61, Guide(k, psi, modes=wild))
    found = projected(_still(61, problem), problem, np.ones(61))
    low, middle, high = np.quantile(alpha, [0.25, 0.5, 0.75])
    assert found.fitted.alpha[-1] == pytest.approx(middle, abs=0.02)
    half = 0.5 * (found.fitted.alpha_high - found.fitted.alpha_low)[-1]
    assert half == pytest.approx(1.645 * (high - low) / 1.349, rel=0.1)


def test_what_is_usual_is_told_by_exponents_that_are_known() -> None:
    assert _usual_exponents(np.full(19, 2.0)) == (1.0, 0.5)
    assert _usual_exponents(np.full(20, 2.0)) == (2.0, 0.1)
    middle, width = _usual_exponents(_crowd(1.7, 0.4, 2001))
    assert middle == pytest.approx(1.7)
    assert width == pytest.approx(0.4, rel=1e-2)


@pytest.mark.parametrize("peak", [-1.0, -0.99, 0.0, 0.013, 1.0, 1.237, 2.4999, 3.99, 4.0])
def test_the_highest_place_of_a_parabola_is_found_between_nodes(peak: float) -> None:
    alpha = np.linspace(-1.0, 4.0, 201)
    got = _highest(-((alpha - peak) ** 2)[:, None])[0]
    if -0.9875 <= peak <= 3.9875:
        assert got == pytest.approx(peak, abs=1e-9)
    else:
        assert got in (-1.0, 4.0)  # the outermost nodes are not left


def test_a_flat_gain_stays_at_its_node() -> None:
    assert _highest(np.ones((201, 1)))[0] == -1.0
    kink = -np.abs(np.arange(201) - 80.0)[:, None]
    kink[81:] = 0.0
    assert 1.0 <= _highest(kink)[0] <= 1.0125 + 0.0125


def test_steps_between_nodes_are_at_most_half_a_cell() -> None:
    gain = np.zeros((201, 1))
    gain[120:122, 0] = 1.0, 1.0 - 1e-9
    gain[119] = 1.0 - 3.0
    assert _highest(gain)[0] == pytest.approx(2.0 + 0.5 * 0.025, abs=1e-6)


def _numeric(psi_of: object, theta: np.ndarray, at: np.ndarray) -> np.ndarray:
    columns = []
    for i in range(theta.size):
        h = 1e-5 * max(abs(theta[i]), 0.1) * np.eye(theta.size)[i]
        columns.append((psi_of(theta + h) - psi_of(theta - h)) / (2 * h[i]))  # type: ignore[operator]
    return np.stack(columns, axis=-1) if at.size else np.empty(0)


def test_errors_of_deviation_and_guide_are_carried_to_curve_and_law() -> None:
    """ψ = guide + deviation, both of the same exponent, so that their sum is a law; everything by numerical derivatives.

    Errors are small, so that the prior of the exponent has no say.
    """
    problem = _problem(2)
    k = np.geomspace(100, 1000, 9)
    x = np.log(k / problem.center)
    scale = np.array([0.02, 5.0])
    alpha = np.array([0.9, 1.4])
    part = scale[:, None] * np.array([[0.7, 0.5], [-0.4, -0.6]])  # amplitudes of guide and deviation at the centre
    V = np.array([[[0.02, 0.01], [0.01, 0.05]], [[0.03, -0.02], [-0.02, 0.04]]])
    V = 1e-6 * V * np.stack([scale, np.ones(2)], axis=1)[:, :, None] * np.stack([scale, np.ones(2)], axis=1)[:, None, :]
    f = np.exp(-alpha * x[:, None])
    modes = 1e-3 * np.stack([0.1 * scale * f, 0.05 * scale * f * (1 + x[:, None] ** 2)])
    guide = Guide(k, part[:, 0] * f, modes=modes)
    deviation = laws_of(part[:, 1] * problem.center**alpha, alpha, 0.3, 1.8, V, problem.center)
    found = projected(deviation, replace(problem, guide=guide), scale)
    np.testing.assert_allclose(found.fitted.alpha, alpha, atol=3e-4)
    np.testing.assert_allclose(found.fitted.amplitude * scale, part.sum(axis=1), rtol=3e-4)
    np.testing.assert_allclose(found.fitted.sigma * scale, 0.3 * problem.center**-0.9)
    np.testing.assert_array_equal(found.fitted.beta, 1.8)
    np.testing.assert_allclose(found.curve / scale[:, None], 0.0, atol=1e-3)
    for i in range(2):
        theta = np.array([part[i, 1], alpha[i]])
        moves = _numeric(lambda t, i=i: part[i, 0] * f[:, i] + t[0] * np.exp(-t[1] * x), theta, x)
        of_psi = moves @ V[i] @ moves.T + sum(np.outer(mode[:, i], mode[:, i]) for mode in modes)
        np.testing.assert_allclose(found.curve_deviation[i], np.sqrt(np.diag(of_psi)), rtol=1e-6)
        follow = _numeric(lambda t: _best_law(t, k, x), part[i].sum() * f[:, i], x)
        expected = follow @ of_psi @ follow.T / np.outer([scale[i], 1], [scale[i], 1])
        size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
        np.testing.assert_allclose(found.fitted.covariance[i] / size, expected / size, atol=5e-3)
        # beside it what the grid of exponents leaves of the bend, a thousandth
        half = norm.ppf(0.95) * np.sqrt(found.fitted.covariance[i, 1, 1])
        assert half * (1 - 1e-9) <= found.fitted.alpha[i] - found.fitted.alpha_low[i] < 1.3 * half + 2e-3
        half = found.fitted.alpha[i] - found.fitted.alpha_low[i]
        assert found.fitted.alpha_low[i] == pytest.approx(found.fitted.alpha[i] - half)
        assert found.fitted.alpha_high[i] == pytest.approx(found.fitted.alpha[i] + half)


def test_exponents_may_say_growth_and_bounds_are_marked() -> None:
    problem = _problem(3)
    x = np.log(SIZES / problem.center)[:, None]
    expected = np.exp(-np.array([-0.1, -1.2, 4.2]) * x)
    problem = replace(problem, guide=Guide(SIZES, expected, modes=0.02 * x[None] * expected[None]))
    found = projected(_still(3, problem), problem, np.ones(3))
    assert found.fitted.at_bound.tolist() == [False, True, True]
    np.testing.assert_allclose(found.fitted.alpha, [-0.1, -1.0, 4.0], atol=0.06)
    assert found.fitted.alpha_high[0] == pytest.approx(-0.1 + 1.645 * 0.02, rel=0.1)
    without = replace(problem, guide=Guide(SIZES, expected))
    found = projected(_still(3, without), without, np.ones(3))
    assert found.fitted.at_bound.tolist() == [False, True, True]
    np.testing.assert_allclose(found.fitted.alpha, [-0.1, -1.0, 4.0], atol=1e-3)


def test_a_curve_that_changes_sign_or_grows_is_said_to() -> None:
    """Where it is clear: each shape once with small errors and once with errors as large as the curve."""
    k = SIZES
    shapes = np.stack([1 / k, 1 / k - 300 / k**2, 1e-3 * (k / 100) ** 0.3, np.where(k < 300, -1e-6, 1e-3)], axis=1)
    for error, said in ((0.01, ["", "sign_change", "grows", "grows"]), (1.0, [""] * 4)):
        # along the curve from its largest value: at a zero nothing is certain
        modes = error * np.abs(shapes).max(axis=0) * np.eye(9)[:, :, None]
        problem = _problem(4, Guide(k, shapes, modes=modes))
        assert projected(_still(4, problem), problem, np.ones(4)).fitted.shape.tolist() == said
    without = _problem(4, Guide(k, shapes))
    assert projected(_still(4, without), without, np.ones(4)).fitted.shape is None  # then draws tell


def test_the_curve_reaches_as_far_as_the_guide_and_the_law_is_that_of_the_sampled_sizes() -> None:
    far = np.concatenate([SIZES, [2000.0, 4000.0]])
    psi = np.where(far <= 1000, 1 / far, 5 / far)[:, None]
    problem = _problem(1, Guide(far, psi))
    found = projected(_still(1, problem), problem, np.ones(1))
    np.testing.assert_array_equal(found.curve_sizes, far)
    assert found.fitted.alpha[0] == pytest.approx(1.0, abs=1e-3)
    law = found.fitted.amplitude[0] * (far / problem.center) ** -found.fitted.alpha[0]
    np.testing.assert_allclose(law + found.curve[0], psi[:, 0])


def test_a_guide_whose_sizes_end_a_little_early_is_read_at_its_ends() -> None:
    """Sizes need not be whole, the range that a law reports is: it may be wider than the guide by less than one."""
    problem = _problem(1)
    k = np.geomspace(100.4, 999.6, 9)
    problem = replace(problem, guide=Guide(k, (3 / k)[:, None]))
    found = projected(_still(1, problem), problem, np.ones(1))
    assert found.fitted.alpha[0] == pytest.approx(1.0, abs=0.01)


def test_the_exponent_of_a_bent_curve_is_the_less_known() -> None:
    """The exponents of the closest laws by the four smallest and by the four largest sizes are both within its interval."""
    psi = 1 / SIZES + 60 / SIZES**2
    problem = _problem(1)
    problem = replace(problem, guide=Guide(SIZES, psi[:, None], modes=1e-6 * psi[None, :, None]))
    found = projected(_still(1, problem), problem, np.ones(1)).fitted
    x = np.log(SIZES / problem.center)
    for part in (slice(4), slice(-4, None)):
        alpha = _best_law(psi[part], SIZES[part], x[part])[1]
        assert found.alpha_low[0] - 0.05 < alpha < found.alpha_high[0] + 0.05
    assert np.sqrt(found.covariance[0, 1, 1]) < 1e-3


def test_what_could_not_be_fitted_has_no_curve() -> None:
    guide = Guide(SIZES, np.stack([1 / SIZES, 2 / SIZES], axis=1))
    problem = _problem(2, guide)
    found = projected(_still(2, problem), problem, np.ones(2))
    lost = laws_of([1.0, np.nan], [1.0, np.nan])
    laws = found.on(lost)
    assert laws.guided
    assert np.isfinite(laws.curve).all(axis=1).tolist() == [True, False]
    assert np.isfinite(laws.curve_deviation).all(axis=1).tolist() == [True, False]
    np.testing.assert_array_equal(laws.curve[0], found.curve[0])
    assert laws.curve.shape == (2, 9)

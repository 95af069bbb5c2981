"""The safeguarded Newton iteration: its step against linear algebra, what it reaches against a general optimiser."""

import numpy as np
import pytest
from reference import known_draws
from scipy.optimize import minimize, minimize_scalar

from dscale_core.laws.law import MAX_EXPONENT, MIN_EXPONENT
from dscale_core.laws.likelihood.descent import _step, minimise
from dscale_core.laws.likelihood.profile import Profile, evaluate
from dscale_core.laws.problem import Block, blocks, make_problem, screen


def _block(points: int = 6, draws: int = 25, seed: int = 71, signal: float = 2.0) -> Block:
    known = known_draws(points, draws, seed, signal)
    problem = make_problem(known.delta, known.sizes)
    return next(blocks(problem, screen(problem), points))


def _profile(gradient: list[float], hessian: list[list[float]], fisher: tuple[float, float] = (3.0, 5.0)) -> Profile:
    nothing = np.zeros(1)
    return Profile(
        nothing, np.array([gradient]), np.array([hessian]), np.array([fisher]), nothing, nothing, np.zeros((1, 3, 3))
    )


def _scale(fisher: tuple[float, float] = (3.0, 5.0)) -> np.ndarray:
    return np.array(fisher) + 1e-3 * fisher[1]


NEARLY = float(np.sqrt(1 - 1e-6))  # off the diagonal of ones: a determinant of a millionth


@pytest.mark.parametrize("damping", [0.0, 0.7])
@pytest.mark.parametrize("H", [[[4.0, 1.5], [1.5, 3.0]], [[0.5, 0.1], [0.1, 0.4]], [[1.0, NEARLY], [NEARLY, 1.0]]])
def test_a_definite_hessian_gives_the_damped_newton_step(damping: float, H: list[list[float]]) -> None:
    g = [0.5, -1.2]
    step, gain = _step(_profile(g, H), np.array([[1.0, 2.0]]), np.array([damping]), False)
    damped = np.array(H) + damping * np.diag(_scale())
    expected = -np.linalg.solve(damped, g)
    np.testing.assert_allclose(step[0], expected, rtol=1e-7)
    assert gain[0] == pytest.approx(-(np.array(g) @ expected + 0.5 * expected @ damped @ expected))


FLAT = 1e6 * float(np.sqrt(1 - 1e-10))  # beside 1e6: what is left of the determinant may be rounding


@pytest.mark.parametrize(
    "H",
    [
        [[-4.0, 0.5], [0.5, 3.0]],
        [[4.0, 0.5], [0.5, -3.0]],
        [[4.0, 3.5], [3.5, 3.0]],
        [[-4.0, 0.5], [0.5, -3.0]],
        [[-0.5, 0.1], [0.1, -0.4]],
        [[1e6, FLAT], [FLAT, 1e6]],
    ],
)
def test_another_hessian_gives_way_to_the_expected_information(H: list[list[float]]) -> None:
    g = np.array([0.5, -1.2])
    step, gain = _step(_profile(list(g), H), np.array([[1.0, 2.0]]), np.array([0.25]), False)
    np.testing.assert_allclose(step[0], -g / (1.25 * _scale()), rtol=1e-9)
    assert gain[0] == pytest.approx(0.5 * np.sum(g**2 / (1.25 * _scale())))


@pytest.mark.parametrize(
    ("theta", "g", "held"),
    [
        ((MIN_EXPONENT, 2.0), (0.5, -1.2), (True, False)),
        ((MIN_EXPONENT, 2.0), (-0.5, -1.2), (False, False)),
        ((1.0, MIN_EXPONENT), (0.5, 1.2), (False, True)),
        ((MIN_EXPONENT, 2.0), (0.0, -1.2), (False, False)),
        ((MAX_EXPONENT, 2.0), (0.0, -1.2), (False, False)),
        ((MAX_EXPONENT, 2.0), (-0.5, -1.2), (True, False)),
        ((MAX_EXPONENT, 2.0), (0.5, -1.2), (False, False)),
        ((1.0, MAX_EXPONENT), (0.5, -1.2), (False, True)),
        ((MIN_EXPONENT, MAX_EXPONENT), (0.5, -1.2), (True, True)),
    ],
)
def test_a_coordinate_that_leans_on_a_bound_is_held(
    theta: tuple[float, float], g: tuple[float, float], held: tuple[bool, bool]
) -> None:
    H = np.array([[4.0, 1.5], [1.5, 3.0]])
    step, gain = _step(_profile(list(g), H.tolist()), np.array([theta]), np.array([0.5]), False)
    free = ~np.array(held)
    expected = np.zeros(2)
    damped = H + 0.5 * np.diag(_scale())
    if free.any():
        expected[free] = -np.linalg.solve(damped[np.ix_(free, free)], np.array(g)[free])
    np.testing.assert_allclose(step[0], expected, rtol=1e-9, atol=1e-15)
    assert gain[0] == pytest.approx(-0.5 * expected @ np.array(g), rel=1e-9)


@pytest.mark.parametrize(("H", "held"), [([[4.0, 9.0], [9.0, -3.0]], 1), ([[-4.0, 9.0], [9.0, 3.0]], 0)])
def test_a_held_coordinate_does_not_spoil_the_other(H: list[list[float]], held: int) -> None:
    theta, g = np.array([[1.0, 1.0]]), np.array([0.5, 0.5])
    theta[0, held] = MIN_EXPONENT
    step, _ = _step(_profile(list(g), H), theta, np.array([0.5]), False)
    free = 1 - held
    assert step[0, held] == 0.0
    assert step[0, free] == pytest.approx(-0.5 / (H[free][free] + 0.5 * _scale()[free]))


@pytest.mark.parametrize("curvature", [0.0, -0.5, -4.0])
@pytest.mark.parametrize("held", [0, 1])
def test_beside_a_held_coordinate_the_other_must_be_curved_too(held: int, curvature: float) -> None:
    theta, g, free = np.array([[1.0, 1.0]]), [0.5, 0.5], 1 - held
    theta[0, held] = MIN_EXPONENT
    H = np.diag([curvature, curvature])
    step, _ = _step(_profile(g, H.tolist()), theta, np.array([0.5]), False)
    assert step[0, free] == pytest.approx(-0.5 / (1.5 * _scale()[free]))


def test_points_do_not_see_each_others_bounds() -> None:
    """One point is held, the other has no curvature of its own."""
    one, other = _profile([0.5, -1.2], [[4.0, 1.5], [1.5, 3.0]]), _profile([0.5, -1.2], [[4.0, 3.5], [3.5, 3.0]])
    both = Profile(**{name: np.concatenate([value, getattr(other, name)]) for name, value in vars(one).items()})
    theta, damping = np.array([[MIN_EXPONENT, 2.0], [1.0, 2.0]]), np.array([0.5, 0.25])
    step, gain = _step(both, theta, damping, False)
    for i, profile in enumerate((one, other)):
        own, own_gain = _step(profile, theta[[i]], damping[[i]], False)
        np.testing.assert_allclose(step[i], own[0])
        assert gain[i] == pytest.approx(own_gain[0])


def test_without_any_information_a_step_is_still_a_number() -> None:
    step, _ = _step(
        _profile([1e-12, -2e-12], [[0.0, 0.0], [0.0, 0.0]], (0.0, 0.0)), np.array([[1.0, 2.0]]), np.zeros(1), False
    )
    np.testing.assert_allclose(step[0], [-1.0, 2.0])


def test_beta_may_be_held() -> None:
    step, gain = _step(_profile([0.5, -1.2], [[4.0, 1.5], [1.5, 3.0]]), np.array([[1.0, 2.0]]), np.array([0.5]), True)
    np.testing.assert_allclose(step[0], [-0.5 / (4 + 0.5 * _scale()[0]), 0.0])
    assert gain[0] == pytest.approx(0.25 * 0.5 / (4 + 0.5 * _scale()[0]))


def _phi(block: Block, i: int, theta: np.ndarray) -> float:
    return float(evaluate(block.take(np.array([i])), theta[:1], theta[1:]).value[0])


def test_it_reaches_what_a_general_optimiser_reaches_from_the_same_start() -> None:
    block = _block()
    start = np.tile([1.0, 2.0], (6, 1))
    places, values = minimise(block, start)
    for i in range(6):
        found = minimize(lambda t, i=i: _phi(block, i, t), start[i], bounds=[(MIN_EXPONENT, MAX_EXPONENT)] * 2, tol=1e-12)
        assert values[i] <= found.fun + 1e-8
        assert values[i] == pytest.approx(_phi(block, i, places[i]), abs=1e-12)
        np.testing.assert_allclose(places[i], found.x, atol=1e-3)


@pytest.mark.parametrize("start", [(0.0, 0.0), (7.3, 7.3), (0.01, 7.0), (7.0, 0.01), (-3.0, 20.0)])
def test_from_anywhere_it_descends_and_stays_in_the_box(start: tuple[float, float]) -> None:
    block = _block(5, 6, 72)
    places, values = minimise(block, np.tile(start, (5, 1)))
    assert np.all((places >= MIN_EXPONENT) & (places <= MAX_EXPONENT))
    at = evaluate(block, *np.clip(np.tile(start, (5, 1)), MIN_EXPONENT, MAX_EXPONENT).T)
    assert np.all(values <= at.value)
    end = evaluate(block, *places.T)
    inside = (places > 1e-6) & (places < MAX_EXPONENT - 1e-6)
    flat = np.abs(end.gradient) < 1e-3 * np.maximum(np.sqrt(end.fisher), 1.0)
    outwards = np.where(places < 1.0, end.gradient > 0, end.gradient < 0)
    assert np.all(np.where(inside, flat, outwards))


def test_with_beta_held_alpha_alone_moves() -> None:
    block = _block(signal=20.0)
    beta = np.linspace(0.5, 4.0, 6)
    places, values = minimise(block, np.stack([np.full(6, 1.0), beta], axis=1), hold_beta=True)
    np.testing.assert_array_equal(places[:, 1], beta)
    for i in range(6):
        found = minimize_scalar(
            lambda a, i=i: _phi(block, i, np.array([a, beta[i]])),
            bounds=(0.0, 3.0),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert values[i] <= found.fun + 1e-8
        assert places[i, 0] == pytest.approx(found.x, abs=1e-4)


def test_each_point_ends_where_it_would_alone() -> None:
    """Points drop out as they finish, in any order."""
    block = _block(8, 10, 73)
    start = np.stack([np.linspace(0.1, 6.0, 8), np.linspace(6.0, 0.1, 8)], axis=1)
    places, values = minimise(block, start)
    for i in range(8):
        place, value = minimise(block.take(np.array([i])), start[[i]])
        np.testing.assert_allclose(places[i], place[0], rtol=1e-9)
        assert values[i] == pytest.approx(value[0], abs=1e-12)

"""How far a formula is followed: γ by least squares of a surrogate's draws, and points where it cannot be right."""

import numpy as np
import pytest

from dscale_core.laws.deviations.control_variate import guide_from_surrogate
from dscale_core.laws.deviations.formula import followed
from dscale_core.laws.problem import Guide
from dscale_core.types import Draws, SurrogateDraws

P = 200
NINE = np.geomspace(100, 1000, 9)
Floats = np.ndarray


def _truth(sizes: Floats) -> Floats:
    random = np.random.default_rng(0)
    return random.normal(size=P) * (316 / np.asarray(sizes, dtype=np.float64)[:, None]) ** random.normal(1.4, 0.2, P)


def _many(m: int = 300, noise: float = 1.0, seed: int = 1) -> Draws:
    random = np.random.default_rng(seed)
    sizes = np.round(np.geomspace(100, 1000, m)).astype(np.int64)
    delta = _truth(sizes) + noise * (316 / sizes[:, None]) ** 1.4 * random.normal(size=(m, P))
    return Draws(delta.astype(np.float32), sizes, np.arange(m), np.arange(P), np.zeros(m))


@pytest.mark.parametrize("share", [1.25, 1.0, 0.7])
def test_a_formula_counts_as_far_as_the_surrogate_follows_it(share: float) -> None:
    """One that says 1 / share of the truth at all sizes comes back whole."""
    found = followed(Guide(NINE, _truth(NINE) / share), _many(noise=0.3))
    np.testing.assert_allclose(found.expected, _truth(NINE), rtol=0.05)
    error = np.sqrt((found.modes_at(NINE) ** 2).sum(axis=0)) / np.abs(found.expected)
    assert np.all((error > 0) & (error < 0.05))


def test_a_formula_that_says_nothing_of_the_draws_is_not_followed() -> None:
    wrong = np.random.default_rng(5).normal(size=P) * 316 / NINE[:, None]
    found = followed(Guide(NINE, wrong), _many(noise=0.3))
    assert np.abs(found.expected).max() < 0.2 * np.abs(wrong).max()


def test_it_may_be_wrong_at_the_smallest_sizes_alone() -> None:
    wrong = 0.3 * np.random.default_rng(5).normal(size=P) * (316 / NINE[:, None]) ** 1.4
    found = followed(Guide(NINE, np.where(NINE[:, None] < 180, wrong, _truth(NINE))), _many(noise=0.3))
    np.testing.assert_allclose(found.expected[5:], _truth(NINE)[5:], rtol=0.2)
    assert np.std(found.expected[0]) < 0.4 * np.std(wrong[0])


def test_draws_that_drown_in_noise_leave_the_prior() -> None:
    """γ is 1 then, give or take .2."""
    found = followed(Guide(NINE, _truth(NINE)), _many(noise=1000.0))
    np.testing.assert_allclose(found.expected, _truth(NINE), rtol=0.05)
    error = np.sqrt((found.modes_at(NINE) ** 2).sum(axis=0)) / np.abs(found.expected)
    np.testing.assert_allclose(error[[0, -1]], 0.2, atol=0.01)


def test_one_point_that_cannot_be_right_is_left_out_and_the_others_stay() -> None:
    """A mean larger than the root mean square of its draws, at the smallest sizes alone."""
    said = _truth(NINE)
    said[:2, 7] = 500.0
    found = followed(Guide(NINE, said), _many(noise=0.3))
    np.testing.assert_array_equal(found.expected[:, 7], 0.0)
    others = np.delete(np.arange(P), 7)
    np.testing.assert_allclose(found.expected[:, others], _truth(NINE)[:, others], rtol=0.06)


def test_with_a_formula_the_mean_is_nearer_to_the_truth_than_without() -> None:
    many = _many(100, 2.0)
    found = SurrogateDraws(np.empty((0, P), np.float32), many)
    one = guide_from_surrogate(found, NINE)
    other = guide_from_surrogate(found, NINE, Guide(NINE, 0.8 * _truth(NINE)))
    errors = [np.mean((guide.expected - _truth(NINE)) ** 2, axis=1) for guide in (one, other)]
    assert np.all(errors[1] < 0.8 * errors[0])
    assert np.mean(errors[1] / errors[0]) < 0.4


def test_missing_draws_one_size_and_silence_are_survived() -> None:
    many = _many()
    many.delta[:, 3] = np.nan
    many.delta[::2, 4] = np.nan
    found = followed(Guide(NINE, _truth(NINE)), many)
    assert np.isfinite(found.expected).all()
    same = Draws(many.delta, np.full(300, 300), many.passes, many.points, many.base_loss)
    assert np.isfinite(followed(Guide(np.array([300.0]), _truth([300])), same).expected).all()
    silent = Draws(np.zeros_like(many.delta), many.sizes, many.passes, many.points, many.base_loss)
    np.testing.assert_array_equal(followed(Guide(NINE, np.zeros((9, P))), silent).expected, 0.0)

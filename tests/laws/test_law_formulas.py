import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import closed_forms, known_draws, log_likelihood

from dscale_core.laws.law import MAX_EXPONENT, MIN_EXPONENT, negative_log_likelihood, power_law

exponents = st.floats(0.05, 5.0)


def test_power_law_broadcasts_and_keeps_the_sign() -> None:
    psi = power_law(np.array([100.0, 1000.0])[:, None], np.array([2.0, -3.0]), np.array([1.0, 0.5]))
    np.testing.assert_allclose(psi, [[0.02, -0.3], [0.002, -3 / np.sqrt(1000)]])


@settings(max_examples=30, deadline=None)
@given(exponents, exponents, st.integers(0, 100))
def test_closed_forms_are_the_optimum(alpha: float, beta: float, seed: int) -> None:
    known = known_draws(1, 12, seed)
    delta, sizes = known.delta[:, 0], known.sizes
    c, sigma = closed_forms(delta, sizes, alpha, beta)
    best = negative_log_likelihood(delta, sizes, c, alpha, sigma, beta)
    for dc, ds in ((1.001, 1), (0.999, 1), (1, 1.01), (1, 0.99)):
        assert negative_log_likelihood(delta, sizes, c * dc, alpha, sigma * ds, beta) >= best


def test_negative_log_likelihood_matches_the_loop() -> None:
    known = known_draws(3, 9, 4)
    for i in range(3):
        law = known.c[i], known.alpha[i], known.sigma[i], known.beta[i]
        expected = -log_likelihood(known.delta[:, i], known.sizes, *law)
        assert negative_log_likelihood(known.delta[:, i], known.sizes, *law) == pytest.approx(expected, rel=1e-12)


def test_exponents_are_bounded_as_published() -> None:
    """log α and log β are at most 2; nothing that grows, and zero to eleven digits of any size's power."""
    assert pytest.approx(np.exp(2)) == MAX_EXPONENT
    assert 0 < MIN_EXPONENT < 1e-11


def test_whole_numbers_of_any_kind_are_numbers() -> None:
    kinds = (int, np.uint8)
    for kind in kinds:
        np.testing.assert_allclose(power_law(np.array([4, 2], kind), np.array([8, 3], kind), kind(1)), [2.0, 1.5])

"""From curve to law: exact power laws come back, others keep what the law cannot follow."""

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws
from scipy.optimize import minimize

from dscale_core.laws import fit_laws
from dscale_core.laws.deviations.projection import projected
from dscale_core.laws.problem import Guide, make_problem

SIZES = np.geomspace(100, 1000, 9)


def _still(p: int) -> tuple[object, object]:
    """Laws of deviations that are zero, and the problem they belong to."""
    known = known_draws(p, 30, 3)
    laws = fit_laws(known.delta, known.sizes, "likelihood")
    zero = np.zeros(p)
    none = replace(laws, c=zero, alpha=zero + 1, sigma=zero + 1, beta=zero + 2, covariance=np.zeros((p, 2, 2)))
    return none, make_problem(known.delta, known.sizes)


def test_power_laws_come_back_whole() -> None:
    laws, problem = _still(3)
    alpha = np.array([0.6, 1.2, 2.3])
    guide = Guide(SIZES, np.array([1.0, -2.0, 3.0]) * SIZES[:, None] ** -alpha)
    found = projected(laws, replace(problem, guide=guide), np.ones(3))
    np.testing.assert_allclose(found.fitted.alpha, alpha, atol=1e-3)
    assert np.abs(found.curve).max() < 1e-3 * np.abs(guide.expected).max()
    assert not found.curve_deviation.any()


def test_the_law_is_the_closest_one_and_the_rest_is_kept() -> None:
    laws, problem = _still(1)
    psi = 1 / SIZES + 60 / SIZES**2
    found = projected(laws, replace(problem, guide=Guide(SIZES, psi[:, None])), np.ones(1))

    def distance(law: np.ndarray) -> float:
        return float(np.sum(SIZES**2 * (psi - law[0] * (SIZES / 316) ** -law[1]) ** 2))

    best = minimize(distance, [psi[4], 1.1], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14}).x
    assert found.fitted.alpha[0] == pytest.approx(best[1], abs=2e-3)
    own = found.fitted.amplitude[0] * (SIZES / problem.center) ** -found.fitted.alpha[0]
    np.testing.assert_allclose(own + found.curve[0], psi)


def test_modes_become_deviations_of_curve_and_law() -> None:
    """A mode along the law itself moves its amplitude alone; one that tilts it moves α by as much per log k."""
    laws, problem = _still(1)
    psi = (2 / SIZES)[:, None]
    x = np.log(SIZES / problem.center)[:, None]
    guide = Guide(SIZES, psi, modes=np.stack([0.1 * psi, 0.05 * x * psi]))
    found = projected(laws, replace(problem, guide=guide), np.ones(1))
    np.testing.assert_allclose(found.curve_deviation[0], psi[:, 0] * np.hypot(0.1, 0.05 * x[:, 0]), rtol=1e-6)
    deviation = np.sqrt(np.diagonal(found.fitted.covariance[0]))
    np.testing.assert_allclose(deviation, [0.1 * 2 / problem.center, 0.05], rtol=0.02)
    half = 0.5 * (found.fitted.alpha_high - found.fitted.alpha_low)
    assert half[0] == pytest.approx(1.645 * deviation[1], rel=1e-3)

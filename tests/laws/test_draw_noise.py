"""σ and β of draws about given laws, against known ones and the literal weighted mean."""

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws

from dscale_core.laws import fit_laws
from dscale_core.laws.deviations.draw_noise import with_noise_of_draws
from dscale_core.laws.problem import make_problem


def test_the_noise_is_found_and_slopes_are_drawn_together() -> None:
    known = known_draws(300, 150, 90, 0.7)
    problem = make_problem(known.delta, known.sizes)
    laws = fit_laws(known.delta, known.sizes)
    blank = replace(laws, sigma=np.full(300, np.nan), beta=np.full(300, np.nan))
    found = with_noise_of_draws(blank, problem)
    assert np.mean((found.beta - known.beta) ** 2) < 1.1 * np.var(known.beta)
    at_center = np.log(found.sigma / known.sigma) - 0.5 * (found.beta - known.beta) * np.log(316)
    assert np.sqrt(np.mean(at_center**2)) < 0.12
    residual = known.delta[:, 7] - np.array([laws.psi(k)[7] for k in known.sizes])
    literal = np.sqrt(np.mean(known.sizes ** found.beta[7] * residual**2))
    assert found.sigma[7] == pytest.approx(literal)


def test_missing_draws_lost_laws_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    known = known_draws(20, 40, 91, 0.7)
    delta = known.delta.copy()
    delta[:30, 2], delta[:, 5] = np.nan, np.nan
    laws = fit_laws(delta, known.sizes)
    problem = make_problem(delta, known.sizes)
    whole = with_noise_of_draws(laws, problem)
    assert np.flatnonzero(~np.isfinite(whole.sigma)).tolist() == [5]
    assert np.flatnonzero(~np.isfinite(whole.beta)).tolist() == [5]
    monkeypatch.setattr("dscale_core.laws.deviations.draw_noise._BLOCK", 40 * 3)
    np.testing.assert_allclose(with_noise_of_draws(laws, problem).sigma, whole.sigma)

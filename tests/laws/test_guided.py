"""Shrinkage around a formula, the measured misfit, and what both do to accuracy and intervals."""

from dataclasses import replace

import numpy as np
import pytest
from reference import KnownDraws, known_draws

from dscale_core.errors import ArgumentError
from dscale_core.laws import fit_laws
from dscale_core.laws.guided import guide_at


def _expected(known: KnownDraws, sizes: np.ndarray, error: float, seed: int) -> np.ndarray:
    """The truth, off by ``error`` times one draw's noise, alike at all sizes of a point."""
    noise = known.sigma * sizes[:, None] ** (-known.beta / 2)
    off = np.random.default_rng(seed).normal(size=known.c.size)
    return np.stack([known.psi(k) for k in sizes]) + error * off * noise


def test_a_good_formula_is_followed_and_a_bad_one_overruled() -> None:
    known = known_draws(200, 20, 50, 0.7)
    sizes = np.geomspace(100, 1000, 12)
    plain = fit_laws(known.delta, known.sizes)
    truth = known.psi(316)
    noise = known.sigma * 316 ** (-known.beta / 2)
    errors = {}
    for error in (0.02, 5.0):
        guide = guide_at(sizes, _expected(known, sizes, error, 1), known.sizes)
        laws = fit_laws(known.delta, known.sizes, "guided", guide=guide)
        errors[error] = np.mean(((laws.psi(316) - truth) / noise) ** 2)
    own = np.mean(((plain.psi(316) - truth) / noise) ** 2)
    assert errors[0.02] < 0.3 * own
    assert errors[5.0] < 2.0 * own < 0.1 * 25


def test_intervals_around_a_formula_cover() -> None:
    known = known_draws(400, 40, 51, 0.7)
    sizes = np.geomspace(100, 1000, 12)
    guide = guide_at(sizes, _expected(known, sizes, 0.3, 2), known.sizes)
    laws = fit_laws(known.delta, known.sizes, "guided", guide=guide)
    for k in (100, 316, 1000):
        low, high = laws.psi_interval(k)
        assert 0.75 < np.mean((low < known.psi(k)) & (known.psi(k) < high)) <= 1.0


def test_the_formula_is_read_between_its_sizes() -> None:
    sizes = np.array([1000.0, 100.0, 400.0])
    law = 2 / sizes[:, None] * np.ones((1, 3))  # k psi is constant: exact between the nodes
    np.testing.assert_allclose(guide_at(sizes, law, [100, 250, 999]), 2 / np.array([[100], [250], [999]]) * np.ones((1, 3)))
    with pytest.raises(ArgumentError, match="sizes must"):
        guide_at(sizes, law, [50])
    with pytest.raises(ArgumentError, match="expected must"):
        guide_at(sizes, law[:2], [200])


def test_without_a_formula_or_with_sizes_of_their_own_it_refuses() -> None:
    known = known_draws(4, 20, 52)
    with pytest.raises(ArgumentError, match=r"^guide must"):
        fit_laws(known.delta, known.sizes, "guided")
    with pytest.raises(ArgumentError, match=r"^guide must"):
        fit_laws(known.delta, known.sizes, "guided", guide=np.zeros((3, 4)))
    own = np.repeat(known.sizes[:, None], 4, axis=1)
    with pytest.raises(ArgumentError, match=r"^sizes must"):
        fit_laws(known.delta, own, "guided", guide=np.zeros((20, 4)))


def test_misfit_is_found_where_the_law_bends_and_hardly_where_it_holds() -> None:
    known = known_draws(300, 300, 53, 1.0)
    x = np.log(known.sizes / 316)[:, None]
    noise = known.sigma * known.sizes[:, None] ** (-known.beta / 2)
    bend = 0.8 * noise * x**2 * np.random.default_rng(0).normal(size=300)
    straight, bent = (fit_laws(delta, known.sizes) for delta in (known.delta, known.delta + bend))
    assert straight.misfit.shape == bent.misfit.shape
    assert straight.misfit[1].max() < 0.03
    assert bent.misfit[1, 0] > 0.1 > straight.misfit[1, 0]
    truth = known.psi(100) + bend[known.sizes == 100][0]
    covered = []
    for misfit in (np.empty((2, 0)), bent.misfit):
        low, high = replace(bent, misfit=misfit).psi_interval(100)
        covered.append(np.mean((low < truth) & (truth < high)))
    assert covered[0] < 0.7
    assert covered[1] > 0.8


def test_few_points_or_draws_add_no_misfit() -> None:
    for points, draws in ((10, 100), (100, 10)):
        known = known_draws(points, draws, 54)
        assert fit_laws(known.delta, known.sizes).misfit.shape == (2, 0)

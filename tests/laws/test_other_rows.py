"""Intervals with what other valuation rows would change: added in quadrature, to whatever estimator's laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws, laws_of

from dscale_core.laws import fit_laws, with_other_rows
from dscale_core.laws.problem import Guide
from dscale_core.types import RowDeviation


def _half(ends: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return 0.5 * (ends[1] - ends[0])


@pytest.mark.parametrize("guided", [True, False])
def test_deviations_are_added_and_the_law_stays(guided: bool) -> None:
    rng = np.random.default_rng(0)
    k = np.geomspace(50, 500, 30).round()
    truth = np.outer(1 / k, rng.normal(size=25))
    delta = truth + rng.normal(size=truth.shape) * 0.3 / k[:, None]
    sizes = np.array([50.0, 160.0, 500.0])
    guide = Guide(sizes, np.stack([truth[0] * 50 / size for size in sizes])) if guided else None
    laws = fit_laws(delta, k, guide=guide)
    assert laws.guided == guided
    rows = RowDeviation(sizes, rng.uniform(1.0, 5.0, size=(3, 25)) / sizes[:, None])
    wide = with_other_rows(laws, np.arange(25), rows)
    for size in (50, 158, 500):
        np.testing.assert_array_equal(wide.psi(size), laws.psi(size))
        np.testing.assert_array_equal(wide.psi(size), laws.psi(size))
        assert np.all(_half(wide.psi_interval(size)) > 1.2 * rows.at(size))
        np.testing.assert_array_equal(wide.psi_interval(size, other_rows=False), laws.psi_interval(size))
        if not guided:
            added = np.sqrt(_half(wide.psi_interval(size)) ** 2 - _half(laws.psi_interval(size)) ** 2)
            np.testing.assert_allclose(added, 1.645 * rows.at(size), rtol=1e-3)
    assert np.all(_half(wide.psi_interval(1500)) > _half(laws.psi_interval(1500)))
    np.testing.assert_allclose(_half(wide.take(np.array([3])).psi_interval(100)), _half(wide.psi_interval(100))[3:4])


def test_points_that_were_left_out_have_the_share_of_those_measured() -> None:
    laws = laws_of(np.full(6, 1.0), 1.0, sigma=np.array([1.0, 2.0, 3.0, 4.0, np.nan, 6.0]), beta=2.0)
    sizes, columns = np.array([100.0, 400.0]), np.array([0, 2, 4, 5])
    shares = np.array([[0.1], [0.3]]) * np.array([1.0, 1.0, 1.0, 9.0])  # the last is wild, the third has no law
    of_draws = np.array([1.0, 3.0, 1.0, 6.0]) / sizes[:, None]
    wide = with_other_rows(laws, columns, RowDeviation(sizes, shares * of_draws))
    assert wide.rows is not None
    expected = np.array([[0.1], [0.3]]) * np.array([1.0, 2.0, 3.0, 4.0, 0.0, 6.0]) / sizes[:, None]
    np.testing.assert_allclose(wide.rows.deviation, expected)
    lost = replace(laws, sigma=np.full(6, np.nan))
    assert with_other_rows(lost, columns, RowDeviation(sizes, shares)).rows is None


def test_a_guide_s_rows_are_added_whether_or_not_the_guide_helps() -> None:
    known = known_draws(40, 30, seed=1)
    sizes = np.array([float(known.sizes.min()), float(known.sizes.max())])
    rows = RowDeviation(sizes, np.full((2, 40), 1e9))
    wrong = Guide(sizes, np.full((2, 40), 1e6), rows=rows)
    laws = fit_laws(known.delta, known.sizes, guide=wrong)
    assert not laws.guided
    fitted = np.isfinite(laws.c)
    assert fitted.any()
    assert np.all(_half(laws.psi_interval(float(sizes[0])))[fitted] > 1.6e9)
    assert np.isnan(_half(laws.psi_interval(float(sizes[0])))[~fitted]).all()

"""Fits that are kept for a while: whatever was asked before, each is what it would be by itself."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from toy import toy_dataset

from dscale_core.learners import make_learner
from dscale_core.learners.logistic import coalition_fits
from dscale_core.learners.logistic.coalition_fits import CoalitionFits, fits_of
from dscale_core.learners.logistic.newton import NewtonFit, fit_newton, with_intercept


def _same(one: NewtonFit, other: NewtonFit) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("theta", "factor", "eta", "summed"))


@pytest.mark.parametrize("C", [0.1, 1.0, 1e4])
def test_a_fit_that_goes_on_from_a_rough_one_is_the_same_to_the_last_bit(C: float) -> None:
    dataset = toy_dataset(n=200, d=6, scale=3.0)
    X, y = with_intercept(dataset.X_pool), dataset.y_pool.astype(np.float64)
    rough = fit_newton(X, y, C, 1e-3)
    assert _same(fit_newton(X, y, C, looser=rough), fit_newton(X, y, C))


def test_the_order_of_questions_does_not_matter() -> None:
    dataset, members = toy_dataset(n=200, d=6), np.arange(0, 200, 3)
    exact = fit_newton(with_intercept(dataset.X_pool)[members], dataset.y_pool[members].astype(np.float64), 1.0)
    for order in permutations(("rough", "exact", "rough")):
        fits = CoalitionFits(dataset, 1.0)
        found = [getattr(fits, kind)(members) for kind in order]
        for kind, fit in zip(order, found, strict=True):
            assert _same(fit, exact if kind == "exact" else CoalitionFits(dataset, 1.0).rough(members))
        assert not _same(found[order.index("rough")], exact)
        assert fits.exact(members) is found[order.index("exact")]


def test_sets_of_other_members_or_another_order_are_fitted_anew() -> None:
    fits = CoalitionFits(toy_dataset(n=200, d=6), 1.0)
    members = np.arange(50)
    kept = fits.exact(members)
    assert not np.array_equal(fits.exact(members + 1).theta, kept.theta)
    assert fits.exact(members[::-1]).eta[0] == pytest.approx(kept.eta[-1])
    assert fits.exact(members) is kept


def test_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalition_fits, "_KEPT_BYTES", 4000)
    fits = CoalitionFits(toy_dataset(n=200, d=6), 1.0)
    first = fits.exact(np.arange(40))
    assert fits.exact(np.arange(40)) is first
    for start in range(1, 9):
        fits.exact(np.arange(start, start + 40))
    again = fits.exact(np.arange(40))
    assert again is not first
    assert _same(again, first)


def test_engines_share_them_and_change_nothing_by_it() -> None:
    dataset, twin = toy_dataset(n=200, d=6), toy_dataset(n=200, d=6)
    members, points = np.arange(60), np.arange(60, 120)
    learner = make_learner("logistic")
    alone = learner.contributions(twin, members, points)
    surrogate = learner.surrogate(dataset, "log_loss")
    assert surrogate is not None
    surrogate.contributions(members, points)
    found = learner.contributions(dataset, members, points)
    np.testing.assert_array_equal(found.delta, alone.delta)
    assert fits_of(dataset, 1.0) is fits_of(dataset, 1.0)
    assert fits_of(dataset, 1.0) is not fits_of(dataset, 2.0)
    assert fits_of(dataset, 1.0) is not fits_of(twin, 1.0)

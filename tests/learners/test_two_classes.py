"""What two-class engines share: the candidate's fixed point and its bound, and the loss of logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import brier_score_loss, log_loss

from dscale_core.learners.compiled.logit_kernels import sigmoid_remainder
from dscale_core.learners.logistic.newton import add_one_newton, fit_newton, with_intercept
from dscale_core.learners.two_classes import AddOne, Candidates, Curved, LogitValuation, loss_of_logits
from dscale_core.types import FloatMatrix, FloatVector, IntVector


class Coalition:
    """A logistic model's members, whitened, in float64."""

    def __init__(self, seed: int, k: int = 20, d: int = 3, C: float = 6.0) -> None:
        generator = np.random.default_rng(seed)
        X, y = with_intercept(generator.normal(size=(k, d))), (np.arange(k) % 2).astype(np.float64)
        self.C, self.fit = C, fit_newton(X, y, C)
        self.members, self.eta = self.fit.whiten(X), self.fit.eta
        self.generator = generator

    def curve(self, state: NDArray[Any], own: NDArray[Any]) -> Curved:
        u = state @ self.members.T
        largest = sigmoid_remainder(u, expit(self.eta), expit(-self.eta))
        part = -self.C * u @ self.members
        return Curved(part, np.einsum("ij,ij->i", part, own), largest)

    def candidates(self, rows: int, leverage: float) -> Candidates:
        Z = with_intercept(leverage * self.generator.normal(size=(rows, self.members.shape[1] - 1)))
        own = self.fit.whiten(Z)
        y = self.generator.integers(2, size=rows).astype(np.float64)
        return Candidates(own, Z @ self.fit.theta, y, self.C * np.einsum("ij,ij->i", own, own))

    def truth(self, some: Candidates) -> FloatMatrix:
        return add_one_newton(self.members, self.eta, self.C, some.own, some.eta, some.y)


def ignore(places: IntVector, state: NDArray[Any], s: FloatVector) -> None:
    """What settles is of no interest."""


@pytest.mark.parametrize("leverage", [0.3, 1.0, 10.0])
def test_every_settled_candidate_is_where_newtons_method_ends(leverage: float) -> None:
    coalition = Coalition(1)
    some = coalition.candidates(60, leverage)
    found, residual = np.full_like(some.own, np.nan), np.full(60, np.nan)

    def take(places: IntVector, state: NDArray[Any], s: FloatVector) -> None:
        found[places], residual[places] = state, s

    settled = AddOne(coalition, some, take).solve(40)
    assert settled.mean() > 0.9
    truth = coalition.truth(some)
    error = np.linalg.norm(found - truth, axis=1) / np.linalg.norm(truth, axis=1)
    assert error[settled].max() <= 1e-3
    np.testing.assert_array_equal(np.isnan(residual), ~settled)
    s = expit(some.eta + np.einsum("ij,ij->i", truth, some.own)) - some.y
    np.testing.assert_allclose(residual[settled], s[settled], atol=1e-3)


def test_the_bound_of_the_error_holds_for_candidates_of_any_leverage() -> None:
    furthest = 0.0
    for seed in range(20):
        coalition = Coalition(seed)
        some = coalition.candidates(30, 10.0 ** coalition.generator.uniform(-1, 1.5))
        truth = coalition.truth(some)
        for away in (0.3, 1.0, 3.0):
            length = away * np.linalg.norm(truth, axis=1)[:, None]
            state = truth + length * coalition.generator.normal(size=truth.shape)
            rows, F = AddOne(coalition, some, ignore), np.empty_like(state)
            bound = rows.residual(state, F)
            ratio = np.linalg.norm(truth - state - F, axis=1) / np.linalg.norm(F, axis=1)
            assert (ratio <= bound).all()
            furthest = max(furthest, float(ratio.max()))
    # the residual alone would be none
    assert furthest > 1.5


def test_the_loss_of_logits_is_that_of_probabilities() -> None:
    eta = np.random.default_rng(0).normal(size=200)
    y = (np.random.default_rng(1).random(200) < expit(eta)).astype(np.int64)
    assert loss_of_logits("log_loss", eta, y) == pytest.approx(log_loss(y, expit(eta)))
    assert loss_of_logits("brier", eta, y) == pytest.approx(brier_score_loss(y, expit(eta)))


@pytest.mark.parametrize("utility", ["log_loss", "brier", "accuracy", "paper_log_loss"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_valuation_gives_the_mean_change_of_its_loss(utility: str, kind: Any) -> None:
    generator = np.random.default_rng(2)
    eta, y = 2 * generator.normal(size=150), generator.integers(2, size=150)
    steps = generator.normal(size=(5, 150)).astype(kind)
    valuation = LogitValuation(eta, y, utility, kind)
    assert valuation.base_loss == loss_of_logits(utility, eta, y)
    expected = [loss_of_logits(utility, eta + step, y) - valuation.base_loss for step in steps.astype(np.float64)]
    np.testing.assert_allclose(valuation.change(steps), expected, atol=1e-6 if kind is np.float32 else 1e-12)

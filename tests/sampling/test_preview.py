"""The preview: corrected surrogate draws with a measured error, and a formula that is shown only where it agrees."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from toy import toy_dataset

from dscale_core.errors import ArgumentError
from dscale_core.learners import make_learner
from dscale_core.sampling import Coalitions, make_preview, sample, with_formula
from dscale_core.types import Contributions, SamplingPlan

PLAN = SamplingPlan(min_size=60, max_size=300, draws=40)
LONG = 60.0  # seconds: all coalitions that a preview takes


class Skewed:
    """A logistic learner whose surrogate is the exact engine times a factor, plus noise; its formula is what it is given."""

    exact = True

    def __init__(self, factor: float = 0.8, noise: float = 0.0, formula: object = None) -> None:
        self._inner = make_learner("logistic")
        self._factor, self._noise, self._formula = factor, noise, formula

    def bind(self, dataset, utility):
        return self._inner.bind(dataset, utility)

    def surrogate(self, dataset, utility):
        exact = self.bind(dataset, utility)

        def contributions(coalition, points):
            found = exact.contributions(coalition, points)
            rng = np.random.default_rng(int(coalition.sum()))
            off = self._noise * np.nanstd(found.delta) * rng.normal(size=points.size)
            return Contributions(self._factor * found.delta + off, found.base_loss)

        return SimpleNamespace(contributions=contributions)

    def expected_contributions(self, dataset, sizes, points, utility):  # noqa: ARG002
        return None if self._formula is None else self._formula(sizes, points)


def test_the_error_is_small_on_easy_data_and_the_correction_takes_the_slope_out() -> None:
    dataset, learner = toy_dataset(n=600), make_learner("logistic")
    found = make_preview(dataset, learner, PLAN, "log_loss", LONG)
    assert (np.abs(found.slope - 1) < 0.1).all()
    assert (found.bias_share < 0.05).all()
    exact = sample(dataset, learner, PLAN)
    both = np.isfinite(exact.delta)
    np.testing.assert_array_equal(both, np.isfinite(found.draws.delta))
    again = [float(s[b] @ e[b] / (s[b] @ s[b])) for s, e, b in zip(found.draws.delta, exact.delta, both, strict=True)]
    np.testing.assert_allclose(again, 1, atol=0.05)


def test_a_surrogate_that_is_off_by_a_factor_is_corrected_exactly() -> None:
    dataset, learner = toy_dataset(n=600), Skewed(0.5)
    found = make_preview(dataset, learner, PLAN, "log_loss", LONG)
    np.testing.assert_allclose(found.slope, 2, rtol=1e-5)
    np.testing.assert_allclose(found.bias_share, 0, atol=1e-8)
    exact = sample(dataset, make_learner("logistic"), PLAN)
    np.testing.assert_allclose(found.draws.delta, exact.delta, rtol=1e-3, atol=1e-3 * np.nanstd(exact.delta))


def test_the_bias_share_is_what_no_slope_explains() -> None:
    found = make_preview(toy_dataset(n=600), Skewed(1.0, noise=0.5), PLAN, "log_loss", LONG)
    # exact on exact + noise of a quarter of the variance: 1 - 1 / 1.25
    np.testing.assert_allclose(found.bias_share, 0.2, atol=0.07)


def test_draws_are_those_of_the_plan_and_repeat_themselves() -> None:
    dataset, learner = toy_dataset(n=600), make_learner("logistic")
    one, two = (make_preview(dataset, learner, PLAN, "log_loss", LONG) for _ in range(2))
    np.testing.assert_array_equal(one.draws.delta, two.draws.delta)
    np.testing.assert_array_equal(one.zero_draw, two.zero_draw)
    coalitions = Coalitions(dataset, PLAN)
    np.testing.assert_array_equal(one.draws.sizes, coalitions.sizes)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(one.draws.delta[7])), coalitions.members(7))


def test_time_limits_the_coalitions_and_never_their_draws() -> None:
    dataset, learner = toy_dataset(n=600), make_learner("logistic")
    short, long = (make_preview(dataset, learner, PLAN, "log_loss", seconds, formula=False) for seconds in (1e-9, LONG))
    assert (short.draws.sizes.size, long.draws.sizes.size) == (8, 40)
    assert short.draws.delta.shape == (8, 600)
    uncorrected = [found.draws.delta / _factors(found) for found in (short, long)]
    np.testing.assert_allclose(uncorrected[0], uncorrected[1][:8], rtol=1e-5)


def _factors(found) -> np.ndarray:
    order = np.argsort(found.checked_sizes)
    sizes, slope = np.log(found.checked_sizes[order]), found.slope[order]
    return np.interp(np.log(found.draws.sizes), sizes, slope)[:, None]


def test_a_large_plan_is_previewed_on_a_part() -> None:
    plan = replace(PLAN, draws=500)
    found = make_preview(toy_dataset(n=1500), make_learner("logistic"), plan, "log_loss", LONG, formula=False)
    assert found.draws.delta.shape == (60, 1000)
    assert (np.diff(found.draws.points) > 0).all()
    assert 4 >= found.checked_sizes.size >= 2


@pytest.mark.parametrize(
    ("name", "data"),
    [("tree", {}), ("knn", {}), ("logistic", {"classes": 3}), ("ridge", {"task": "regression"})],
)
def test_there_is_none_without_a_surrogate(name: str, data: dict[str, object]) -> None:
    dataset = toy_dataset(n=600, **data)
    utility = "mse" if dataset.task == "regression" else "log_loss"
    assert make_preview(dataset, make_learner(name), PLAN, utility) is None


def test_a_formula_that_agrees_is_shown() -> None:
    found = make_preview(toy_dataset(n=600), make_learner("logistic"), PLAN, "log_loss", LONG)
    large = found.zero_draw_tried >= 90
    assert large.sum() >= 3
    assert (found.zero_draw_agreement[large] > 0.8).all()
    np.testing.assert_array_equal(found.zero_draw_sizes, found.zero_draw_tried[found.zero_draw_agreement >= 0.8])
    assert found.zero_draw.shape == (found.zero_draw_sizes.size, 600)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_formula_that_disagrees_is_withheld(value: float) -> None:
    def formula(sizes, points):
        return np.full((sizes.size, points.size), value)

    found = make_preview(toy_dataset(n=600), Skewed(formula=formula), PLAN, "log_loss", LONG)
    assert found.zero_draw_tried.size >= 2
    assert not (found.zero_draw_agreement >= 0.8).any()
    assert found.zero_draw_sizes.size == 0
    assert found.zero_draw.shape == (0, 600)


def test_a_formula_is_withheld_only_where_it_disagrees() -> None:
    dataset, learner = toy_dataset(n=600), make_learner("logistic")

    def formula(sizes, points):
        psi = learner.expected_contributions(dataset, sizes, points, "log_loss")
        return np.where(sizes[:, None] < 100, -psi, psi)

    found = make_preview(dataset, Skewed(formula=formula), PLAN, "log_loss", LONG)
    np.testing.assert_array_equal(found.zero_draw_sizes, found.zero_draw_tried[found.zero_draw_tried >= 100])
    assert 0 < found.zero_draw_sizes.size < found.zero_draw_tried.size


def test_the_formula_may_come_later_and_is_the_same() -> None:
    dataset, learner = toy_dataset(n=600), make_learner("logistic")
    without = make_preview(dataset, learner, PLAN, "log_loss", LONG, formula=False)
    assert without.zero_draw_tried.size == 0
    later, at_once = (
        with_formula(without, dataset, learner, "log_loss"),
        make_preview(dataset, learner, PLAN, "log_loss", LONG),
    )
    np.testing.assert_array_equal(later.zero_draw, at_once.zero_draw)
    np.testing.assert_array_equal(later.zero_draw_agreement, at_once.zero_draw_agreement)


def test_agreement_is_not_claimed_where_noise_drowns_the_draws() -> None:
    found = make_preview(toy_dataset(n=600, noise=8.0), Skewed(noise=0.0, formula=_zero), PLAN, "log_loss", LONG)
    noisy = replace(found, draws=replace(found.draws, delta=_pure_noise(found.draws.delta.shape)))
    again = with_formula(noisy, toy_dataset(n=600), Skewed(formula=_zero), "log_loss")
    assert np.isnan(again.zero_draw_agreement).all()
    assert again.zero_draw_sizes.size == 0


def _zero(sizes: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.zeros((sizes.size, points.size))


def _pure_noise(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_bad_calls_are_refused() -> None:
    dataset, learner = toy_dataset(n=200), make_learner("logistic")
    with pytest.raises(ArgumentError, match="max_size must be below"):
        make_preview(dataset, learner, PLAN, "log_loss")
    with pytest.raises(ArgumentError, match="seconds must be positive"):
        make_preview(dataset, learner, replace(PLAN, max_size=100), "log_loss", 0.0)

"""Monte Carlo data Shapley from draws: every size counts alike, whatever the plan favoured; errors by whole passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from valued import POOL, given, made_draws, simulated

from dscale_core.errors import ArgumentError
from dscale_core.types import SamplingPlan
from dscale_core.values import compute_value
from dscale_core.values import mean_contribution as module


def test_one_draw_a_size_is_the_mean_over_sizes_but_for_the_chance_to_be_outside() -> None:
    sizes = np.arange(20, 201)
    delta = np.stack([1.0 / sizes, np.full(sizes.size, -0.5), np.arange(sizes.size) * 0.1], axis=1)
    found = compute_value("mean_contribution", given(draws=made_draws(sizes, delta)))
    weight = 1 / (1 - sizes / POOL)
    np.testing.assert_allclose(found.value, (weight[:, None] * delta).sum(axis=0) / weight.sum(), rtol=1e-6)
    assert found.points.tolist() == [0, 1, 2]
    assert (found.name, found.unit) == ("mean_contribution", "nats")
    assert found.cost > 0


def test_a_size_counts_for_the_integers_that_are_nearest_to_it() -> None:
    draws = made_draws([20, 20, 30, 60], [[1.0], [3.0], [10.0], [100.0]])
    found = compute_value("mean_contribution", given(draws=draws, min_size=20, max_size=60))
    # 20 to 25 but for half of 25, to 45 but for its half, and to 60: 5.5, 20 and 15.5 integers
    weight = np.array([5.5, 20, 15.5]) / (1 - np.array([20, 30, 60]) / POOL)
    assert found.value[0] == pytest.approx((weight * [2.0, 10.0, 100.0]).sum() / weight.sum(), rel=1e-6)


@pytest.mark.parametrize("log_uniform", [True, False])
def test_the_mean_over_sizes_is_found_whatever_sizes_were_favoured(log_uniform: bool) -> None:
    draws, truth = simulated(3, 4000, 5, log_uniform=log_uniform)
    found = compute_value("mean_contribution", given(draws=draws))
    np.testing.assert_allclose(found.value, truth, rtol=0.02, atol=1e-4)
    # the plain mean of log-uniform draws is another number: small sizes count for more
    plain = np.nanmean(draws.delta, axis=0)
    assert (np.abs(plain - truth) > 0.1 * np.abs(truth))[[0, 1, 3, 4]].all() == log_uniform


def test_errors_are_those_of_repetitions() -> None:
    runs = [simulated(seed, 120, 4, noise=0.3) for seed in range(300)]
    found = [compute_value("mean_contribution", given(draws=draws)) for draws, _ in runs]
    values = np.stack([one.value for one in found])
    spread = values.std(axis=0, ddof=1)
    claimed = np.sqrt((np.stack([one.error for one in found]) ** 2).mean(axis=0))
    np.testing.assert_allclose(claimed, spread, rtol=0.15)
    np.testing.assert_allclose(values.mean(axis=0), runs[0][1], atol=4 * spread.max() / np.sqrt(300))


def test_draws_of_one_pass_are_one_observation() -> None:
    """Coalitions of a pass go together: seen as independent they would look twice as certain."""
    draws, _ = simulated(1, 200, 3, noise=0.5)
    four = made_draws(np.tile(draws.sizes, 4), np.tile(draws.delta, (4, 1)), np.tile(draws.passes, 4))
    once = compute_value("mean_contribution", given(draws=draws))
    again = compute_value("mean_contribution", given(draws=four))
    np.testing.assert_allclose(again.value, once.value, rtol=1e-6)
    np.testing.assert_allclose(again.error, once.error, rtol=1e-6)


def test_the_error_is_the_ratios_own() -> None:
    sizes = [20, 20, 20, 20]
    draws = made_draws(sizes, [[1.0], [2.0], [4.0], [9.0]], [0, 0, 1, 2])
    found = compute_value("mean_contribution", given(draws=draws, max_size=20))
    assert found.value[0] == pytest.approx(4.0)
    # sums of passes 3, 4, 9 with 2, 1, 1 draws: residuals −5, 0, 5; B = 3, four draws in all
    assert found.error[0] == pytest.approx(np.sqrt(3 / 2 * 50) / 4)


def test_points_without_draws_or_with_infinite_ones_have_no_value() -> None:
    delta = np.array([[np.nan, 1, 1, np.nan], [np.nan, np.inf, 2, 5], [np.nan, 3, 3, np.nan]])
    found = compute_value("mean_contribution", given(draws=made_draws([30, 30, 30], delta)))
    np.testing.assert_array_equal(np.isnan(found.value), [True, True, False, False])
    # one pass tells nothing of the spread
    np.testing.assert_array_equal(np.isnan(found.error), [True, True, False, True])
    assert found.value[2:].tolist() == [2.0, 5.0]


def test_only_draws_of_the_sizes_asked_for_count() -> None:
    draws, _ = simulated(2, 300, 3, noise=0.1)
    inside = np.flatnonzero((draws.sizes >= 50) & (draws.sizes <= 100))
    part = compute_value("mean_contribution", given(draws=draws, min_size=50, max_size=100))
    same = compute_value("mean_contribution", given(draws=draws.rows(inside), min_size=50, max_size=100))
    np.testing.assert_array_equal(part.value, same.value)
    with pytest.raises(ArgumentError, match="hold sizes that were drawn; got 201 to 300, where 2"):
        compute_value("mean_contribution", given(draws=draws, min_size=201, max_size=300))


def test_a_coalition_of_the_whole_pool_says_nothing() -> None:
    draws = made_draws([POOL, 50], [[np.nan, np.nan], [1.0, 2.0]])
    found = compute_value("mean_contribution", given(draws=draws, max_size=POOL))
    assert found.value.tolist() == [1.0, 2.0]


def test_blocks_orders_and_units_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draws, _ = simulated(5, 90, 7, noise=0.2)
    whole = compute_value("mean_contribution", given(draws=draws))
    monkeypatch.setattr(module, "_BLOCK_ELEMENTS", 200)
    blocks = compute_value("mean_contribution", given(draws=draws))
    np.testing.assert_allclose(blocks.value, whole.value, rtol=1e-12)
    np.testing.assert_allclose(blocks.error, whole.error, rtol=1e-12)
    order = np.random.default_rng(0).permutation(90)
    mixed = compute_value("mean_contribution", given(draws=draws.rows(order).columns(np.arange(7)[::-1])))
    np.testing.assert_allclose(mixed.value[::-1], whole.value, rtol=1e-12)
    np.testing.assert_allclose(mixed.error[::-1], whole.error, rtol=1e-12)
    scaled = compute_value("mean_contribution", given(draws=made_draws(draws.sizes, -8 * draws.delta)))
    np.testing.assert_allclose(scaled.value, -8 * whole.value, rtol=1e-12)
    np.testing.assert_allclose(scaled.error, 8 * whole.error, rtol=1e-12)


def test_draws_lost_to_fresh_valuation_rows_do_not_favour_small_coalitions() -> None:
    """A large coalition leaves fewer rows, so a point is more often among those that it is valued on."""
    rng = np.random.default_rng(8)
    sizes = np.tile(np.arange(20, 201), 40)
    held_out = given().dataset.y_valuation.size
    rows = (POOL + held_out - 200) // 2
    lost = rng.random((sizes.size, 6)) < 1 - (1 - sizes / POOL)[:, None] * (1 - rows / (POOL + held_out - sizes))[:, None]
    delta = np.where(lost, np.nan, sizes[:, None].astype(np.float64))
    plan = SamplingPlan(valuation="fresh", valuation_rows=rows)
    found = compute_value("mean_contribution", given(draws=replace(made_draws(sizes, delta), plan=plan)))
    np.testing.assert_allclose(found.value, 110.0, atol=4 * found.error.max())
    assert found.error.max() < 1.0
    without = compute_value("mean_contribution", given(draws=made_draws(sizes, delta)))
    assert np.all(without.value < 108.0)

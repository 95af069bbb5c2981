"""What finitely many valuation rows leave uncertain: simulated blocks of known effects, and long runs on other rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.sampling import audit
from dscale_core.sampling.row_scatter import RowScatter
from dscale_core.types import RowDeviation

B, P = 8, 1_500


@pytest.mark.parametrize(("effect", "interaction"), [(1.0, 0.0), (1.0, 3.0), (0.0, 2.0)])
def test_effects_of_blocks_are_told_from_noise_of_coalitions(effect: float, interaction: float) -> None:
    """Contributions at size k are (block's effect + noise) / k times the point's own scale."""
    rng = np.random.default_rng(4)
    scale = rng.uniform(0.5, 2.0, size=(P, 1))
    of_block, sizes = effect * scale * rng.normal(size=(P, B)), np.repeat([50, 150, 450], 40)
    seen = RowScatter(sizes, P, B)
    for k in sizes.tolist():
        shared = rng.normal(size=(P, 1))  # the coalition's own, alike on all rows
        seen.add(k, np.arange(P), np.arange(B), (shared + of_block + interaction * scale * rng.normal(size=(P, B))) / k)
    found = seen.deviation()
    assert found is not None
    np.testing.assert_allclose(found.sizes, [50, 150, 450])
    ratio = found.deviation * found.sizes[:, None] / scale[:, 0]
    assert np.median(ratio) == pytest.approx(effect / np.sqrt(B), abs=0.06)
    if interaction > effect > 0:
        assert ratio.std() < 0.2 * ratio.mean()


def test_a_block_that_does_not_count_and_points_that_were_not_asked_for_change_nothing() -> None:
    rng = np.random.default_rng(5)
    of_block = rng.normal(size=(P, B))
    whole, less = RowScatter(np.array([100]), P, B), RowScatter(np.array([100]), P, B)
    for _ in range(30):
        delta = of_block + rng.normal(size=(P, B))
        whole.add(100, np.arange(P), np.arange(B), delta)
        part = delta[::2].copy()
        part[:, 3] = np.nan
        less.add(100, np.arange(0, P, 2), np.arange(B), part)
    one, other = whole.deviation(), less.deviation()
    assert one is not None
    assert other is not None
    assert np.all(other.deviation[:, 1::2] == 0)
    assert other.deviation[0, ::2].mean() == pytest.approx(one.deviation.mean() * np.sqrt(B / (B - 1)), rel=0.05)
    assert RowScatter(np.array([100]), 2, B).deviation() is None


def test_deviations_are_read_between_sizes() -> None:
    rows = RowDeviation(np.array([100.0, 400.0]), np.array([[2.0, 0.0], [0.25, 1.0]]))
    np.testing.assert_allclose(rows.at(200), [(200 + 100) / 2 / 200, 400 / 2 / 200])
    np.testing.assert_allclose([rows.at(100), rows.at(400)], rows.deviation)
    np.testing.assert_allclose(rows.at(800), [100 / 800, 400 / 800])  # k times it is level beyond
    np.testing.assert_allclose(rows.take(np.array([1])).at(50), [0.0])


@pytest.fixture(scope="module")
def split() -> tuple[ds.Dataset, ds.Dataset]:
    """A pool of 1,000 with 150 valuation rows, and the same pool with 5,000 rows that no draw sees."""
    whole = toy_dataset(n=6_000, d=5, noise=1.5, seed=3)
    pool = replace(whole, X_pool=whole.X_pool[:1000], y_pool=whole.y_pool[:1000])
    return pool, replace(pool, X_valuation=whole.X_pool[1000:], y_valuation=whole.y_pool[1000:])


def test_fresh_rows_find_what_long_runs_on_thousands_of_other_rows_find(split: tuple[ds.Dataset, ds.Dataset]) -> None:
    pool, truth = split
    learner = ds.make_learner("logistic")
    plan = ds.SamplingPlan(points=range(0, 1000, 5), min_size=40, max_size=160, draws=60, valuation_rows=150)
    long = ds.sample(truth, learner, replace(plan, sizes=(60, 120), draws=150, seed=77, valuation="fixed"))
    means = [np.nanmean(long.delta[long.sizes == k], axis=0) for k in (60, 120)]
    agreed, held = {}, {}
    for kind in ("fresh", "fixed"):
        laws = ds.fit(pool, learner, ds.sample(pool, learner, replace(plan, valuation=kind)))
        agreed[kind] = [np.corrcoef(laws.psi(k), mean)[0, 1] for k, mean in zip((60, 120), means, strict=True)]
        ends = [laws.psi_interval(k) for k in (60, 120)]
        held[kind] = [np.mean((low <= mean) & (mean <= high)) for (low, high), mean in zip(ends, means, strict=True)]
    assert np.all(np.array(agreed["fresh"]) > np.array(agreed["fixed"]) + 0.02)
    assert np.all(np.array(agreed["fresh"]) > 0.9)
    assert np.all(np.array(held["fresh"]) > 0.75)
    assert np.all(np.array(held["fixed"]) > 0.75)
    assert audit(pool, learner, plan, "log_loss", pairs=6).passed

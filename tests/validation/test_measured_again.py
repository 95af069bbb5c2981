"""Reliability: simulated measurements whose agreement is known, a second measurement by another seed, and the words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy import OnOwnRows, toy_dataset

import dscale_core as ds
from dscale_core.errors import ArgumentError
from dscale_core.learners.knn import KNN, KNNEngine
from dscale_core.sampling import measure_blocks
from dscale_core.study.judging import reliability
from dscale_core.validation import (
    Reliability,
    halves_by_size,
    reliability_of_draws,
    reliability_of_rows,
    reliability_verdict,
)

N = 20_000


@pytest.mark.parametrize(("noise", "correlation"), [(0.0, 1.0), (0.5, 2 / 3), (2.0, 1 / 3)])
def test_halves_of_draws_tell_what_two_whole_measurements_would_have(noise: float, correlation: float) -> None:
    """Whole measurements of variance 1 + noise, so halves of 1 + 2 noise."""
    rng = np.random.default_rng(1)
    signal = rng.normal(size=N)
    halves = [signal + np.sqrt(2 * noise) * rng.normal(size=N) for _ in range(2)]
    whole = [signal + np.sqrt(noise) * rng.normal(size=N) for _ in range(2)]
    found = reliability_of_draws(halves[0][None], halves[1][None], [100], 40)
    assert found.expected[0] == pytest.approx(correlation, abs=0.02)
    assert found.expected[0] == pytest.approx(np.corrcoef(whole)[0, 1], abs=0.03)
    # with so many draws the noise is a quarter of the signal
    assert found.needed[0] == pytest.approx(40 * noise / 0.25, rel=0.08, abs=0.1)
    assert (found.kind, found.amount, found.n_points) == ("fresh", 40, N)


@pytest.mark.parametrize(("rows", "coalitions"), [(0.4, 0.0), (0.4, 1.0), (3.0, 0.5)])
def test_blocks_of_rows_tell_what_another_set_would_change_whatever_the_coalitions_noise(
    rows: float, coalitions: float
) -> None:
    """A whole set has noise ``rows`` by its rows, so a fourth of it four times as much; halves of coalitions have theirs."""
    rng = np.random.default_rng(2)
    signal, by_half = rng.normal(size=N), rng.normal(size=(2, 1, N)) * np.sqrt(coalitions)
    means = signal + by_half + rng.normal(size=(1, 4, N)) * np.sqrt(4 * rows)
    found = reliability_of_rows(means[None], [300], 1000)
    assert found.expected[0] == pytest.approx(1 / (1 + rows), abs=0.04)
    assert found.needed[0] == pytest.approx(1000 * rows / 0.25, rel=0.12)
    assert (found.kind, found.amount) == ("fixed", 1000)


def test_nothing_but_noise_is_not_reliable_at_any_price() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(2, 1, 50))
    found = reliability_of_draws(one, -one, [100], 40)
    assert found.expected[0] == 0.0
    assert found.needed[0] == np.inf
    assert np.isnan(reliability_of_draws(one, other * np.nan, [100], 40).expected[0])


def test_halves_are_alike_in_size_and_share_nothing() -> None:
    sizes = ds.SamplingPlan(draws=41)
    sequence = np.random.default_rng(0).permutation(np.arange(100, 141)) * sizes.draws
    one, other = halves_by_size(sequence)
    assert (one.size, other.size) == (20, 20)
    assert not set(one) & set(other)
    assert abs(np.sort(sequence[one]) - np.sort(sequence[other])).max() <= sizes.draws


def test_shapes_are_checked() -> None:
    with pytest.raises(ArgumentError, match="first, second must have one row a size"):
        reliability_of_draws(np.zeros((2, 5)), np.zeros((3, 5)), [1, 2], 9)
    with pytest.raises(ArgumentError, match="means must have shape"):
        reliability_of_rows(np.zeros((1, 2, 3, 5)), [100], 9)


@pytest.fixture(scope="module")
def dataset() -> ds.Dataset:
    return toy_dataset(n=700, d=4, noise=2.0)


def test_a_second_measurement_of_fresh_draws_agrees_as_much_as_foretold(dataset: ds.Dataset) -> None:
    learner = ds.make_learner("logistic")
    plan = ds.SamplingPlan(points=range(0, 700, 7), sizes=(60, 120), draws=20, valuation="fresh", valuation_rows=40, seed=5)
    means = []
    for seed in range(5, 11):
        draws = ds.sample(dataset, learner, replace(plan, seed=seed))
        means.append(np.nanmean(draws.delta[draws.sizes == 120], axis=0))
    agreed = np.corrcoef(means)[np.triu_indices(6, 1)].mean()
    foretold = []
    for seed in range(5, 11):
        draws = ds.sample(dataset, learner, replace(plan, seed=seed))
        large = draws.rows(np.flatnonzero(draws.sizes == 120))
        one, other = (np.nanmean(large.delta[half], axis=0) for half in halves_by_size(large.sizes))
        foretold.append(reliability_of_draws(one[None], other[None], [120], 20).expected[0])
    assert np.mean(foretold) == pytest.approx(agreed, abs=0.06)


def test_a_study_s_reliability_by_halves_of_draws_and_by_blocks_of_the_set(
    dataset: ds.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, shown = ds.make_learner("logistic"), list[float]()
    plan = ds.SamplingPlan(points=range(0, 700, 10), min_size=40, max_size=120, draws=24, valuation_rows=100)
    fresh = reliability(dataset, learner, ds.sample(dataset, learner, plan), "shrinkage", on_progress=shown.append)
    fixed_draws = ds.sample(dataset, learner, replace(plan, valuation="fixed"))
    fixed = reliability(dataset, learner, fixed_draws, "shrinkage")
    assert fresh is not None
    assert fixed is not None
    assert (fresh.kind, fresh.amount, fixed.kind, fixed.amount) == ("fresh", 24, "fixed", 150)
    assert fresh.size[0] >= 40
    assert fixed.size.tolist() == [40, 69, 120]
    assert np.all((fresh.expected > 0.5) & (fresh.expected <= 1))
    assert np.all((fixed.expected > 0) & (fixed.expected < fresh.expected))
    assert shown == sorted(shown)
    # a learner that has neither a surrogate nor an engine for any rows
    knn = ds.make_learner("knn", n_neighbors=3)
    monkeypatch.setattr(KNN, "_build", lambda *asked: OnOwnRows(KNNEngine(*asked)))
    assert reliability(dataset, knn, ds.sample(dataset, knn, plan), "shrinkage") is None
    with pytest.raises(ArgumentError, match="know their plan"):
        reliability(dataset, learner, replace(fixed_draws, plan=None), "shrinkage")
    with pytest.raises(ArgumentError, match="at least 4"):
        reliability(dataset, learner, fixed_draws.rows(np.arange(3)), "shrinkage")


@pytest.mark.parametrize("classes", [2, 3])
def test_means_on_blocks_are_those_of_the_blocks_alone(classes: int) -> None:
    """By the surrogate for two classes, by the exact engine for three."""
    made, points = toy_dataset(n=300, d=3, classes=classes), np.arange(0, 300, 60)
    learner, plan = ds.make_learner("logistic"), ds.SamplingPlan(min_size=40, max_size=80)
    found = measure_blocks(made, learner, plan, np.array([40, 80]), points, "log_loss")
    assert found is not None
    assert found.shape == (2, 2, 4, 5)
    whole = measure_blocks(made, learner, plan, np.array([40, 80]), points, "log_loss", n_blocks=1)
    assert whole is not None
    sizes = np.diff([0, 37, 75, 112, 150])
    np.testing.assert_allclose(
        np.einsum("gabp,b->gap", found, sizes / 150), whole[:, :, 0], atol=1e-3 * float(np.std(whole))
    )


def test_the_verdict_says_how_sure_and_what_would_raise_it() -> None:
    found = Reliability(
        "fresh", np.array([100.0, 300.0, 1000.0]), np.array([0.8, 0.4, 0.0]), np.array([0.89, 0.57, 0.0]), 50,
        np.array([25.0, 151.0, np.inf]), 200,
    )  # fmt: skip
    assert "about 0.89: the ranking would be much the same." in reliability_verdict(found, 90)
    roughly = reliability_verdict(found, 250)
    assert "about 0.57: roughly the same ranking. For 0.8 it takes about 151 draws instead of 50." in roughly
    assert "mostly another ranking. For 0.8 it takes more than 50 times the 50 draws there are." in reliability_verdict(
        found, 2000
    )
    fixed = replace(found, kind="fixed", amount=1000, needed=np.array([250.0, 3000.0, np.inf]))
    assert "about 3,000 valuation rows instead of 1,000, or fresh rows for each coalition." in reliability_verdict(
        fixed, 300
    )
    unknown = replace(found, expected=np.full(3, np.nan))
    assert "cannot be told" in reliability_verdict(unknown, 100)

"""Verification against literal refits on the test set, and that nothing else reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.curation import ARMS, Choice, choose, verify
from dscale_core.errors import ArgumentError


@pytest.fixture(scope="module")
def dataset() -> ds.Dataset:
    made = toy_dataset(n=300, d=4, noise=1.5, seed=2)
    more = toy_dataset(n=1200, d=4, noise=1.5, seed=2)  # the same problem's other rows
    return replace(made, X_test=more.X_pool[500:1100], y_test=more.y_pool[500:1100])


@pytest.fixture(scope="module")
def choice(dataset: ds.Dataset) -> Choice:
    return choose(dataset, ds.make_learner("logistic"), np.arange(40), n=8)


def _loss(dataset: ds.Dataset, members: np.ndarray, utility: str = "log_loss") -> float:
    on_test = replace(dataset, X_valuation=dataset.X_test, y_valuation=dataset.y_test)
    return ds.make_learner("logistic").reference_loss(on_test, members, utility)  # type: ignore[attr-defined]


def test_the_lists_gain_is_that_of_refits_on_the_test_set(dataset: ds.Dataset, choice: Choice) -> None:
    found = verify(dataset, ds.make_learner("logistic"), choice, repeats=5)
    assert found.arms == ("list", "random", "diverse")  # no laws were given
    current, after = choice.sets[0], choice.carried_out(choice.sets[0])
    assert after.size == 40 + choice.points.size
    expected = _loss(dataset, current) - _loss(dataset, after)
    assert found.gain[0] == pytest.approx(expected, rel=1e-4)
    accuracy = _loss(dataset, current, "accuracy") - _loss(dataset, after, "accuracy")
    assert found.accuracy[0] == pytest.approx(accuracy, abs=1e-12)
    assert found.over_random[0] == pytest.approx(found.gain[0] - found.gain[1])
    assert np.isnan(found.over_random[1])
    assert np.all(found.low < found.gain)
    assert np.all(found.gain < found.high)
    assert found.n_test == 600
    assert found.to_frame()["arm"].tolist() == list(found.arms)


def test_random_points_against_random_points_make_no_difference(dataset: ds.Dataset, choice: Choice) -> None:
    """Six lists of random points, each verified: the interval holds zero in about all of them."""
    held = 0
    for seed in range(6):
        drawn = np.random.default_rng([seed, 9]).choice(choice.candidates, choice.points.size, replace=False)
        found = verify(dataset, ds.make_learner("logistic"), replace(choice, points=drawn), repeats=6, arms=(), seed=seed)
        held += found.over_random_low[0] <= 0 <= found.over_random_high[0]
        if found.over_random_low[0] <= 0 <= found.over_random_high[0]:
            assert "no difference" in found.verdict
    assert held >= 5


def test_an_interval_is_that_of_paired_blocks_and_repeats() -> None:
    from dscale_core.curation.on_test import interval

    rng = np.random.default_rng(0)
    gains, others, weight = rng.normal(size=(1, 40)), rng.normal(size=(6, 40)), np.full(40, 1 / 40)
    mean, low, high = interval(gains, others, weight)
    paired = gains[0] - others.mean(axis=0)
    assert mean == pytest.approx(paired.mean())
    scatter = others.mean(axis=1).var(ddof=1)
    deviation = np.sqrt(paired.var(ddof=1) / 40 + scatter / 6 + scatter)  # a single list is held against single ones
    assert high - low == pytest.approx(2 * 1.959963984540054 * deviation)
    several = rng.normal(size=(5, 40))
    mean, low, high = interval(several, others, weight)
    paired = several.mean(axis=0) - others.mean(axis=0)
    deviation = np.sqrt(paired.var(ddof=1) / 40 + scatter / 6 + several.mean(axis=1).var(ddof=1) / 5)
    assert high - low == pytest.approx(2 * 1.959963984540054 * deviation)


def test_arms_take_as_many_and_the_right_ones(dataset: ds.Dataset, choice: Choice) -> None:
    draws = ds.sample(dataset, ds.make_learner("logistic"), ds.SamplingPlan(min_size=20, max_size=100, draws=12))
    laws = ds.fit_laws(draws.delta, draws.sizes)
    from dscale_core.curation.arms import Question

    question, members, rng = Question(dataset, choice, laws), choice.sets[0], np.random.default_rng(0)
    for name, arm in ARMS.items():
        joins, leaves = arm.take(question, members, rng)
        assert np.unique(joins).size == choice.points.size, name
        assert np.isin(joins, choice.candidates).all()
        assert leaves.size == 0
    psi = laws.psi(40.0)[choice.candidates]
    top = choice.candidates[np.argsort(-np.where(np.isnan(psi), -np.inf, psi))[: choice.points.size]]
    assert set(ARMS["top"].take(question, members, rng)[0]) == set(top)
    found = verify(dataset, ds.make_learner("logistic"), choice, laws, repeats=3)
    assert found.arms == tuple(ARMS)


def test_drop_and_swap_lists_take_out_as_well(dataset: ds.Dataset) -> None:
    learner = ds.make_learner("logistic")
    dropped = choose(dataset, learner, np.arange(80), goal="drop", n=5)
    assert dropped.dropped.all()
    found = verify(dataset, learner, dropped, repeats=4)
    assert found.worth is None
    assert np.isnan(found.worth_random)
    expected = _loss(dataset, np.arange(80)) - _loss(dataset, np.setdiff1d(np.arange(80), dropped.points))
    assert found.gain[0] == pytest.approx(expected, rel=1e-4)
    swapped = choose(dataset, learner, np.arange(80), goal="swap", n=6)
    assert 0 < swapped.dropped.sum() < swapped.points.size
    assert swapped.dropped.tolist()[:2] == [True, False]


def test_the_same_seed_gives_the_same_verification(dataset: ds.Dataset, choice: Choice) -> None:
    learner = ds.make_learner("logistic")
    one, other = (verify(dataset, learner, choice, repeats=3, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.gain, other.gain)
    assert one.worth is not None
    assert other.worth is not None
    np.testing.assert_array_equal(one.worth.gains, other.worth.gains)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_workers_change_nothing(dataset: ds.Dataset, choice: Choice, n_jobs: int) -> None:
    told: list[float] = []
    found = verify(dataset, ds.make_learner("logistic"), choice, repeats=4, n_jobs=n_jobs, on_progress=told.append)
    alone = verify(dataset, ds.make_learner("logistic"), choice, repeats=4)
    for name in ("gain", "low", "high", "over_random", "accuracy", "accuracy_low"):
        np.testing.assert_array_equal(getattr(found, name), getattr(alone, name), err_msg=name)
    assert found.verdict == alone.verdict
    assert found.worth is not None
    assert alone.worth is not None
    np.testing.assert_array_equal(found.worth.gains, alone.worth.gains)
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_the_worth_is_read_off_from_means_of_random_points(dataset: ds.Dataset, choice: Choice) -> None:
    found = verify(dataset, ds.make_learner("logistic"), choice, repeats=3, arms=(), seed=1)
    assert found.worth is not None
    assert found.worth.sizes[[0, -1]].tolist() == [1, choice.candidates.size]
    members, size = choice.sets[0], int(found.worth.sizes[4])
    drawn = [np.random.default_rng([1, 5, r, 0]).choice(choice.candidates, size, replace=False) for r in range(3)]
    gains = [_loss(dataset, members) - _loss(dataset, np.union1d(members, joins)) for joins in drawn]
    assert found.worth.gains[4] == pytest.approx(np.mean(gains), rel=1e-4)
    everyone = _loss(dataset, members) - _loss(dataset, np.union1d(members, choice.candidates))
    assert found.worth.gains[-1] == pytest.approx(everyone, rel=1e-4)


def test_choosing_does_not_read_the_test_set(dataset: ds.Dataset, choice: Choice) -> None:
    blind = replace(dataset, X_test=np.full_like(dataset.X_test, np.nan), y_test=dataset.y_test[::-1])
    again = choose(blind, ds.make_learner("logistic"), np.arange(40), n=8)
    assert again.points.tolist() == choice.points.tolist()
    np.testing.assert_array_equal(again.promise, choice.promise)


def test_bad_calls_name_their_argument(dataset: ds.Dataset, choice: Choice) -> None:
    learner: Any = ds.make_learner("logistic")
    with pytest.raises(ArgumentError, match=r"^arms must"):
        verify(dataset, learner, choice, arms=("best",))
    with pytest.raises(ArgumentError, match=r"^repeats must"):
        verify(dataset, learner, choice, repeats=1)
    with pytest.raises(ArgumentError, match=r"^choice must"):
        verify(dataset, learner, replace(choice, points=choice.points[:0], dropped=choice.dropped[:0]))
    with pytest.raises(ArgumentError, match=r"^dataset must"):
        verify(replace(dataset, X_test=dataset.X_test[:0], y_test=dataset.y_test[:0]), learner, choice)

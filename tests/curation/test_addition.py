"""The addition experiment against literal refits; arms that take what they say; paired sets; workers that change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.curation import Addition, add_to_random_sets, two_digits
from dscale_core.curation.addition import _luck
from dscale_core.curation.random_points import stratified
from dscale_core.errors import ArgumentError

LEARNER = ds.make_learner("logistic")


@pytest.fixture(scope="module")
def dataset() -> ds.Dataset:
    made = toy_dataset(n=300, d=4, noise=1.5, seed=2)
    more = toy_dataset(n=1200, d=4, noise=1.5, seed=2)  # the same problem's other rows
    return replace(made, X_test=more.X_pool[500:900], y_test=more.y_pool[500:900])


@pytest.fixture(scope="module")
def laws(dataset: ds.Dataset) -> ds.Laws:
    plan = ds.SamplingPlan(points=range(20, 200), min_size=20, max_size=100, draws=12)
    draws = ds.sample(dataset, LEARNER, plan)
    fitted = replace(ds.fit_laws(draws.delta, draws.sizes, method="likelihood"), points=draws.points)
    order = np.random.default_rng(0).permutation(fitted.points.size)
    parts = {name: getattr(fitted, name)[order] for name in ("c", "alpha", "points", "status")}
    return replace(fitted, **parts, covariance=fitted.covariance[order])


@pytest.fixture(scope="module")
def found(dataset: ds.Dataset, laws: ds.Laws) -> Addition:
    return add_to_random_sets(dataset, LEARNER, laws, n=12, repeats=4)


def _loss(dataset: ds.Dataset, members: np.ndarray, utility: str = "log_loss") -> float:
    on_test = replace(dataset, X_valuation=dataset.X_test, y_valuation=dataset.y_test)
    return LEARNER.reference_loss(on_test, members, utility)


def _literal(dataset: ds.Dataset, laws: ds.Laws, size: int, k: int, arm: str, count: int, utility: str) -> float:
    """Mean loss saved by the first points of an arm, added to the same four sets; written out."""
    sound = sorted(laws.points[laws.status == "ok"].tolist())
    candidates = np.sort(np.random.default_rng([0, 8]).choice(sound, min(len(sound), 200), replace=False))
    where = {int(point): i for i, point in enumerate(laws.points)}
    saved = []
    for repeat in range(4):
        members = stratified(
            dataset, k, np.random.default_rng([0, 9, size, repeat]), np.setdiff1d(np.arange(300), candidates)
        )
        if arm.startswith("random"):
            values = np.random.default_rng([0, 10, repeat // 2]).random((2, candidates.size))[int(arm[-1])]
        elif arm == "shapley":
            mean = np.mean([laws.psi(float(at)) for at in range(20, 101)], axis=0)
            values = np.array([mean[where[int(z)]] for z in candidates])
        else:
            values = np.array([laws.psi(20.0 if arm == "small" else 100.0)[where[int(z)]] for z in candidates])
        by_class = [[int(z) for z in candidates[np.argsort(-values)] if dataset.y_pool[z] == code] for code in (0, 1)]
        taken = [z for pair in zip(*by_class, strict=False) for z in sorted(pair, key=lambda z: -values[candidates == z][0])]
        after = np.union1d(members, taken[:count])
        saved.append(_loss(dataset, members, utility) - _loss(dataset, after, utility))
    return float(np.mean(saved))


def test_gains_are_those_of_refits(dataset: ds.Dataset, laws: ds.Laws, found: Addition) -> None:
    assert found.sizes.tolist() == [20, 100]
    assert found.counts.tolist() == [2, 5, 7, 10, 12]
    assert found.gain.shape == (2, 4, 5)
    for size, arm, count in ((0, "small", 4), (1, "large", 4), (1, "shapley", 1)):
        at = (size, found.arms.index(arm), count)
        args = (dataset, laws, size, int(found.sizes[size]), arm, int(found.counts[count]))
        assert found.gain[at] == pytest.approx(_literal(*args, "log_loss"), rel=1e-3, abs=1e-6)
        assert found.accuracy[at] == pytest.approx(_literal(*args, "accuracy"), abs=1e-9)


def test_random_points_are_the_mean_of_two_lists_that_two_sets_share(
    dataset: ds.Dataset, laws: ds.Laws, found: Addition
) -> None:
    args = (dataset, laws, 0, 20)
    lists = [_literal(*args, arm, int(found.counts[2]), "log_loss") for arm in ("random 0", "random 1")]
    assert found.gain[0, 3, 2] == pytest.approx(np.mean(lists), rel=1e-3, abs=1e-6)


def test_what_random_lists_differ_by_is_found_beside_sets_and_their_own_tastes() -> None:
    rng = np.random.default_rng(0)
    pairs, of_lists, of_sets, of_both = 20_000, 0.5, 3.0, 2.0
    lists, sets = rng.normal(0, of_lists, (pairs, 1, 2)), rng.normal(0, of_sets, (pairs, 2, 1))
    gains = (lists + sets + rng.normal(0, of_both, (pairs, 2, 2))).reshape(1, 2 * pairs, 2)
    apart = (gains[..., 0] - gains[..., 1])[..., None]
    assert _luck(apart)[0, 0] == pytest.approx(of_lists**2, abs=0.1)
    assert _luck(apart[:, :-1])[0, 0] == pytest.approx(of_lists**2, abs=0.1)
    assert _luck(np.array([[[1.0], [-1.0]]])).tolist() == [[0.0]]


def test_differences_are_paired(found: Addition) -> None:
    np.testing.assert_allclose(found.over_random[:, :3], found.gain[:, :3] - found.gain[:, [3]], atol=1e-12)
    assert np.isnan(found.over_random[:, 3]).all()
    for name in ("gain", "over_random", "accuracy"):
        mean, low, high = (getattr(found, f"{name}{end}")[:, :3] for end in ("", "_low", "_high"))
        assert np.all(low <= mean)
        assert np.all(mean <= high)
        np.testing.assert_allclose(high - mean, mean - low, atol=1e-12)


def test_workers_change_nothing(dataset: ds.Dataset, laws: ds.Laws, found: Addition) -> None:
    told: list[float] = []
    again = add_to_random_sets(dataset, LEARNER, laws, n=12, repeats=4, n_jobs=3, on_progress=told.append)
    np.testing.assert_array_equal(again.gain, found.gain)
    np.testing.assert_array_equal(again.over_random_low, found.over_random_low)
    assert again.verdict == found.verdict
    assert told[-1] == 1.0


def test_random_values_do_as_random_points(dataset: ds.Dataset, laws: ds.Laws) -> None:
    """Laws of shuffled points say nothing: no arm is told apart from random points but by chance."""
    told_apart = 0
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(laws.points.size)
        shuffled = replace(laws, points=laws.points[order], status=np.full(order.size, "ok"))
        found = add_to_random_sets(dataset, LEARNER, shuffled, n=10, small=40, large=80, repeats=24, seed=seed)
        told_apart += int(((found.over_random_low > 0) | (found.over_random_high < 0))[:, :3, -1].sum())
    assert told_apart <= 2  # of 12, though the best at either size are often the same


def test_the_verdict_names_every_arm_at_either_size(found: Addition) -> None:
    before, small, large = found.verdict.split("12 points added to random sets of ")
    assert (before, small[:4], large[:5]) == ("", "20: ", "100: ")
    for size, sentence in enumerate((small, large)):
        for arm, name in enumerate(("the best at 20", "the best at 100", "the best by Shapley value")):
            low, high = found.over_random_low[size, arm, -1], found.over_random_high[size, arm, -1]
            words = "do better than" if low > 0 else "do worse than" if high < 0 else "do no differently from"
            (clause,) = [part for part in sentence.split(";") if name in part]
            assert words in clause
            assert two_digits(float(found.over_random[size, arm, -1]), "+") in clause
    assert small.rstrip().endswith("nats).")


def test_the_table_has_a_row_for_each_size_arm_and_number(found: Addition) -> None:
    table = found.to_frame()
    assert len(table) == 2 * 4 * 5
    row = table[(table["size"] == 100) & (table["arm"] == "shapley") & (table["added"] == 7)]
    assert row["gain"].tolist() == [found.gain[1, 2, 2]]


def test_regression_has_one_class_and_no_accuracy() -> None:
    dataset = toy_dataset(n=200, d=3, task="regression", seed=1)
    learner = ds.make_learner("ridge")
    draws = ds.sample(dataset, learner, ds.SamplingPlan(points=range(60), min_size=10, max_size=40, draws=12))
    found = add_to_random_sets(dataset, learner, ds.fit(dataset, learner, draws), n=5, repeats=2)
    assert np.isnan(found.accuracy).all()
    assert np.isfinite(found.gain).all()
    assert "squared target" in found.verdict


def test_sets_of_some_points_keep_their_proportions(dataset: ds.Dataset) -> None:
    among = np.flatnonzero(np.arange(300) % 3 == 0)
    drawn = stratified(dataset, 40, np.random.default_rng(0), among)
    assert np.isin(drawn, among).all()
    assert np.unique(drawn).size == 40
    assert abs(dataset.y_pool[drawn].mean() - dataset.y_pool[among].mean()) <= 0.5 / 40 + 1e-9
    everyone = stratified(dataset, 40, np.random.default_rng(3), np.arange(300))
    np.testing.assert_array_equal(everyone, stratified(dataset, 40, np.random.default_rng(3)))


def test_bad_calls_name_their_argument(dataset: ds.Dataset, laws: ds.Laws) -> None:
    with pytest.raises(ArgumentError, match=r"^large must be above small"):
        add_to_random_sets(dataset, LEARNER, laws, n=5, small=80, large=40)
    with pytest.raises(ArgumentError, match=r"^large must leave 12 candidates .* got 5, of"):
        add_to_random_sets(dataset, LEARNER, laws, n=12, large=295)
    with pytest.raises(ArgumentError, match=r"^n must"):
        add_to_random_sets(dataset, LEARNER, laws, n=0)
    with pytest.raises(ArgumentError, match=r"^repeats must"):
        add_to_random_sets(dataset, LEARNER, laws, n=5, repeats=1)
    with pytest.raises(ArgumentError, match=r"^dataset must have a test set"):
        add_to_random_sets(replace(dataset, X_test=dataset.X_test[:0], y_test=dataset.y_test[:0]), LEARNER, laws, n=5)

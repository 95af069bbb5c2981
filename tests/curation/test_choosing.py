"""The greedy list against exhaustive search by tight refits, and what must not change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.curation.choosing import choose, random_sets
from dscale_core.curation.greedy import Task, chosen_steps
from dscale_core.curation.promise import Promise, number_reaching, promise_of
from dscale_core.curation.scoring import LabelledRows, Scorer, discounted, labelled_rows, same_records
from dscale_core.errors import ArgumentError

LEARNERS: list[tuple[str, str]] = [
    ("logistic", "log_loss"),
    ("kernel_logistic", "brier"),
    ("ridge", "mse"),
    ("tree", "log_loss"),
]


def _data(utility: str, n: int = 60, seed: int = 1, noise: float = 0.3) -> ds.Dataset:
    return toy_dataset(n=n, d=3, task="regression" if utility == "mse" else "classification", noise=noise, seed=seed)


def _refitted(dataset: ds.Dataset, name: str, utility: str, rows: LabelledRows, members: np.ndarray) -> np.ndarray:
    """Losses by block of the reference's own fit."""
    losses = []
    for b in np.unique(rows.block):
        own = rows.block == b
        data = replace(dataset, X_valuation=rows.X[own], y_valuation=rows.y[own])
        losses.append(ds.make_learner(name).reference_loss(data, members, utility))  # type: ignore[attr-defined]
    return np.array(losses)


@pytest.mark.parametrize(("name", "utility"), LEARNERS)
def test_each_step_is_the_best_of_all_refits(name: str, utility: str) -> None:
    dataset = _data(utility)
    current = np.arange(12)
    rows = labelled_rows(dataset, np.empty(0, dtype=np.int64), 5, 0)
    task = Task(dataset, "add", 4, (current,), np.arange(12, 60), "free", 0)
    steps = chosen_steps(task, Scorer(dataset, ds.make_learner(name), utility, rows))
    members, left = current, set(range(12, 60))
    for step in steps:
        base = _refitted(dataset, name, utility, rows, members)
        gains = {z: base - _refitted(dataset, name, utility, rows, np.append(members, z)) for z in sorted(left)}
        score = {z: gain.mean() - gain.std(ddof=1) / np.sqrt(5) for z, gain in gains.items()}
        best = max(score, key=lambda z: (score[z], -z))
        assert score[step.point] == pytest.approx(score[best], rel=1e-3)
        assert step.gain == pytest.approx(gains[step.point].mean(), rel=1e-3)
        assert score[best] > 0
        members = np.append(members, step.point)
        left.remove(step.point)
    assert len(steps) >= (1 if name == "ridge" else 2)


@pytest.mark.parametrize("name", ["logistic", "kernel_logistic"])
def test_each_point_dropped_is_the_best_of_all_refits(name: str) -> None:
    dataset = _data("log_loss", noise=1.5)
    current = np.arange(30)
    rows = labelled_rows(dataset, np.arange(30, 60), 5, 0)
    task = Task(dataset, "drop", 3, (current,), np.arange(30, 60), "free", 0)
    steps = chosen_steps(task, Scorer(dataset, ds.make_learner(name), "log_loss", rows))
    members = current
    for step in steps:
        assert step.dropped
        base = _refitted(dataset, name, "log_loss", rows, members)
        gains = [base - _refitted(dataset, name, "log_loss", rows, members[members != z]) for z in members]
        score = discounted(np.array(gains))
        assert score[np.flatnonzero(members == step.point)[0]] == pytest.approx(score.max(), rel=1e-3)
        members = members[members != step.point]
    assert len(steps) == 3


def test_the_list_ends_where_nothing_is_worth_its_risk() -> None:
    dataset = _data("log_loss")
    current = np.arange(12)
    rows = labelled_rows(dataset, np.empty(0, dtype=np.int64), 5, 0)
    task = Task(dataset, "add", 48, (current,), np.arange(12, 60), "free", 0)
    steps = chosen_steps(task, Scorer(dataset, ds.make_learner("logistic"), "log_loss", rows))
    assert 0 < len(steps) < 48
    members = np.concatenate([current, [step.point for step in steps]])
    left = np.setdiff1d(np.arange(60), members)
    found = ds.make_learner("logistic").block_contributions(dataset, members, left, rows.cut(), "log_loss")
    assert discounted(found.delta).max() <= 0


@pytest.mark.parametrize("goal", ["add", "drop", "swap"])
def test_the_order_of_candidates_and_members_does_not_matter(goal: Any) -> None:
    dataset, learner = _data("log_loss", n=100), ds.make_learner("logistic")
    shuffled = np.random.default_rng(0).permutation(np.arange(30, 100))
    one = choose(dataset, learner, np.arange(30), np.arange(30, 100), goal, 3)
    other = choose(dataset, learner, np.arange(30)[::-1], shuffled, goal, 3)
    assert one.points.tolist() == other.points.tolist()
    np.testing.assert_array_equal(one.promise, other.promise)
    assert one.points.size > 0


def test_no_point_and_no_copy_of_one_is_chosen_twice() -> None:
    dataset = _data("log_loss", n=80)
    twice = replace(
        dataset,
        X_pool=np.concatenate([dataset.X_pool, dataset.X_pool]),
        y_pool=np.concatenate([dataset.y_pool, dataset.y_pool]),
    )
    candidates = np.concatenate([np.arange(20, 80), np.arange(100, 160)])
    chosen = choose(twice, ds.make_learner("logistic"), np.arange(20), candidates, n=30, shares="free")
    assert chosen.points.size > 3
    assert np.unique(chosen.points % 80).size == chosen.points.size


def test_copies_are_one_record_and_stand_in_one_block() -> None:
    dataset = _data("log_loss", n=80)
    X, y = np.concatenate([dataset.X_pool] * 2), np.concatenate([dataset.y_pool] * 2)
    y[85] = 1 - y[85]  # the same features under another label are another record
    twice = replace(dataset, X_pool=X, y_pool=y)
    record = same_records(twice, np.arange(160))
    assert record[5] != record[85]
    others = np.delete(np.arange(80), 5)
    np.testing.assert_array_equal(record[others], record[others + 80])
    assert np.unique(record).size == 81
    rows = labelled_rows(twice, np.arange(160), 10, 3)
    own = rows.point >= 0
    block = rows.block[own]
    np.testing.assert_array_equal(block[others], block[others + 80])


def test_a_candidate_is_never_valued_on_itself() -> None:
    """Its own block says nothing of it, the other blocks what refits on their rows say."""
    dataset, learner = _data("log_loss", n=80), ds.make_learner("logistic")
    members, candidates = np.arange(20), np.arange(20, 80)
    rows = labelled_rows(dataset, candidates, 4, 0)
    assert np.ptp(np.bincount(rows.block)) <= 2
    _, gains = Scorer(dataset, learner, "log_loss", rows).added([members], candidates)
    own = dict(zip(rows.point.tolist(), rows.block.tolist(), strict=True))
    for z in (20, 47, 79):
        known = np.isfinite(gains[z - 20])
        assert np.flatnonzero(~known).tolist() == [own[z]]
        for block in np.flatnonzero(known):
            inside = rows.block == block
            assert z not in rows.point[inside]
            loss = [_refit_loss(dataset, own_set, rows.X[inside], rows.y[inside]) for own_set in (members, [*members, z])]
            assert gains[z - 20, block] == pytest.approx(loss[0] - loss[1], rel=1e-4, abs=1e-7)


def _refit_loss(dataset: ds.Dataset, members: Sequence[int], X: np.ndarray, y: np.ndarray) -> float:
    on_rows = replace(dataset, X_valuation=X, y_valuation=y)
    return ds.make_learner("logistic").reference_loss(on_rows, np.asarray(members), "log_loss")


def test_gains_are_discounted_by_the_blocks_that_count() -> None:
    gains = np.array([[0.1, np.nan, 0.3, 0.2], [np.nan, 0.5, np.nan, np.nan]])
    np.testing.assert_allclose(discounted(gains), [0.2 - 0.1 / np.sqrt(3), 0.5])


def test_screened_lists_are_those_of_looking_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The surrogate chooses who is looked at, the engine who is taken."""
    dataset, learner, candidates = _data("log_loss", n=260, seed=3), ds.make_learner("logistic"), np.arange(60, 260)
    rows = labelled_rows(dataset, candidates, 10, 0)
    for goal in ("add", "drop"):
        task = Task(dataset, goal, 5, (np.arange(60),), candidates, "free", 0)  # type: ignore[arg-type]
        lists = []
        for few, shortlist in ((10_000, 10_000), (10, 48)):
            monkeypatch.setattr("dscale_core.curation.scoring.FEW", few)
            monkeypatch.setattr("dscale_core.curation.scoring.SHORTLIST", shortlist)
            lists.append([step.point for step in chosen_steps(task, Scorer(dataset, learner, "log_loss", rows))])
        assert lists[0] == lists[1]
        assert len(lists[0]) > 2


def test_rows_of_very_many_candidates_are_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, candidates = _data("log_loss", n=400), np.arange(50, 400)
    monkeypatch.setattr("dscale_core.curation.scoring._MOST_ROWS", 60)
    rows = labelled_rows(dataset, candidates, 10, 0)
    assert (rows.point >= 0).sum() == 60
    chosen = choose(dataset, ds.make_learner("logistic"), np.arange(50), candidates, n=4)
    assert chosen.n_rows == 150 + 60
    assert chosen.points.size > 0


def test_shares_of_the_classes() -> None:
    dataset, learner = _data("log_loss", n=300, seed=5), ds.make_learner("logistic")
    scarce = np.concatenate([np.flatnonzero(dataset.y_pool == 0)[:120], np.flatnonzero(dataset.y_pool == 1)[:40]])
    data = replace(dataset, X_pool=dataset.X_pool[scarce], y_pool=dataset.y_pool[scarce])
    current = np.concatenate([np.arange(20), np.arange(120, 126)])
    for shares, wanted in (("proportional", 0.25), ("equal", 0.5)):
        chosen = choose(data, learner, current, n=12, shares=shares)  # type: ignore[arg-type]
        ones = np.cumsum(data.y_pool[chosen.points] == 1)
        if not chosen.class_shortfall:
            assert np.all(np.abs(ones - wanted * np.arange(1, ones.size + 1)) <= 1 + 1e-9)
    free = choose(data, learner, current, n=12, shares="free")
    assert free.class_shortfall == {}


def test_several_sets_are_chosen_for_together() -> None:
    dataset, learner = _data("log_loss", n=150, seed=6), ds.make_learner("logistic")
    sets = random_sets(dataset, 40, 3, seed=1)
    assert [own.size for own in sets] == [40, 40, 40]
    assert len({own.tobytes() for own in sets}) == 3
    share = dataset.y_pool.mean()
    assert all(abs(dataset.y_pool[own].mean() - share) < 0.02 for own in sets)
    chosen = choose(dataset, learner, sets, n=5)
    assert not np.isin(chosen.points, np.concatenate(sets)).any()
    assert len(chosen.sets) == 3


def test_promises_come_from_rows_that_did_not_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scorer's rows against the rows of the curve that follows it."""
    dataset, learner = _data("log_loss", n=150, seed=7), ds.make_learner("logistic")
    chose: list[LabelledRows] = []
    judged: list[tuple[LabelledRows, set[int]]] = []
    from dscale_core.curation import parts

    class Watched(Scorer):
        def __init__(self, data: Any, learner_: Any, utility: str, rows: LabelledRows, *memory: Any) -> None:
            super().__init__(data, learner_, utility, rows, *memory)
            chose.append(rows)

    def watched(task: Any, learner_: Any, utility: str, rows: LabelledRows, steps: Any, *told: Any) -> Any:
        judged.append((rows, {step.point for step in steps}))
        return curve_of(task, learner_, utility, rows, steps, *told)

    curve_of = parts.curve_of
    monkeypatch.setattr(parts, "Scorer", Watched)
    monkeypatch.setattr(parts, "curve_of", watched)
    choose(dataset, learner, np.arange(30), n=6)
    assert len(judged) == len(chose) - 1 > 0
    for rows, (own, points) in zip(chose[1:], judged, strict=True):
        assert not set(map(bytes, rows.X)) & set(map(bytes, own.X))
        assert not points & set(own.point.tolist())
    together = np.sort(np.concatenate([own.block for own, _ in judged]))
    np.testing.assert_array_equal(together, np.sort(chose[0].block))  # every row judges once


def test_workers_choose_the_same() -> None:
    dataset, learner = _data("log_loss"), ds.make_learner("logistic")
    told: list[float] = []
    one = choose(dataset, learner, np.arange(12), n=3)
    two = choose(dataset, learner, np.arange(12), n=3, n_jobs=2, on_progress=told.append)
    assert one.points.tolist() == two.points.tolist()
    np.testing.assert_array_equal(one.promise, two.promise)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_promise_is_the_mean_of_folds_and_its_interval_allows_for_lists_and_test_rows() -> None:
    rng = np.random.default_rng(0)
    curves = [rng.normal(size=(3, 2)) for _ in range(5)]
    blocks = np.concatenate(curves, axis=1)
    found = promise_of(curves, 3, 500, 250)
    np.testing.assert_allclose(found.mean, blocks.mean(axis=1))
    of_mean = blocks.var(axis=1, ddof=1) / 10
    between = np.var([curve.mean(axis=1) for curve in curves], axis=0, ddof=1)
    within = np.mean([curve.var(axis=1, ddof=1) / 2 for curve in curves], axis=0)
    spread = np.sqrt(of_mean + np.maximum(between - within, 0) + of_mean * 500 / 250)
    np.testing.assert_allclose(found.high - found.mean, 1.8331129 * spread, rtol=1e-6)
    np.testing.assert_allclose(found.mean - found.low, found.high - found.mean)
    without = promise_of(curves, 3, 500, 0)
    assert np.all(without.high < found.high)
    short = [curves[0][:1], np.empty((0, 2)), *curves[2:]]  # lists that stopped earlier keep what they had
    kept = np.concatenate([np.repeat(curves[0][:1], 3, axis=0), np.zeros((3, 2)), *curves[2:]], axis=1)
    np.testing.assert_allclose(promise_of(short, 3, 500, 0).mean, kept.mean(axis=1))
    assert promise_of(curves, 0, 500, 250).mean.size == 0


def test_random_points_that_gain_as_much_are_read_off_the_curve() -> None:
    sizes, gains = np.array([1, 10, 100, 1000]), np.array([0.01, 0.04, 0.03, 0.10])
    ends = (np.array([0.07]), np.array([-0.01]), np.array([0.2]))
    found = number_reaching(Promise(*ends), sizes, gains)
    assert found.number == pytest.approx(np.sqrt(100 * 1000))  # halfway between .04, the most so far, and .10
    assert found.low == 0.0
    assert found.high == float("inf")
    low = number_reaching(Promise(np.array([0.005]), np.array([0.01]), np.array([0.1])), sizes, gains)
    assert low.number == pytest.approx(0.5)
    assert low.low == pytest.approx(1.0)
    assert low.high == pytest.approx(1000.0)


def test_progress_rises_to_one() -> None:
    told: list[float] = []
    choose(_data("log_loss"), ds.make_learner("logistic"), np.arange(12), n=4, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(set(told)) > 4


def test_bad_calls_name_their_argument() -> None:
    dataset, learner = _data("log_loss"), ds.make_learner("logistic")
    current = np.arange(12)
    for argument, call in {
        "goal": {"goal": "buy"},
        "shares": {"shares": "most"},
        "n": {"n": 0},
        "candidates": {"candidates": [3, 60]},
    }.items():
        with pytest.raises(ArgumentError, match=rf"^{argument} must"):
            choose(dataset, learner, current, **call)  # type: ignore[arg-type]
    for wrong in ([], [1], np.flatnonzero(dataset.y_pool == 0)[:5], np.ones(60, dtype=bool), [-1, 3]):
        with pytest.raises(ArgumentError, match=r"^current must"):
            choose(dataset, learner, wrong)
    with pytest.raises(ArgumentError, match=r"^candidates must"):
        choose(dataset, learner, np.arange(60))
    with pytest.raises(ArgumentError, match=r"^candidates must"):
        choose(dataset, learner, current, candidates=current)


def test_points_without_a_label_are_no_candidates() -> None:
    for utility, nothing in (("log_loss", -1), ("mse", np.nan)):
        dataset = _data(utility)
        y = dataset.y_pool.copy()
        y[[20, 33]] = nothing
        some = replace(dataset, y_pool=y)
        learner = ds.make_learner("ridge" if utility == "mse" else "logistic")
        with pytest.raises(ArgumentError, match=r"^candidates must all have a label.*2 without one, the first point 20"):
            choose(some, learner, np.arange(12))
        with pytest.raises(ArgumentError, match=r"^current must all have a label.*1 without one, the first point 20"):
            choose(some, learner, np.arange(12, 30), np.arange(12))


def test_fewer_candidates_are_looked_at_where_fits_are_dear() -> None:
    """Drawn by seed; the rows that value are all the same."""
    dataset, learner = _data("log_loss", n=100), ds.make_learner("tree")
    whole = choose(dataset, learner, np.arange(30), n=2)
    some = choose(dataset, learner, np.arange(30), n=2, most_candidates=15)
    assert some.candidates.size == 15
    assert np.isin(some.points, some.candidates).all()
    assert some.n_rows == whole.n_rows
    again = choose(dataset, learner, np.arange(30), n=2, most_candidates=15, n_jobs=2)
    assert again.points.tolist() == some.points.tolist()
    other = choose(dataset, learner, np.arange(30), n=2, most_candidates=15, seed=1)
    assert other.candidates.tolist() != some.candidates.tolist()
    dropped = choose(dataset, learner, np.arange(30), goal="drop", n=3, most_candidates=5)
    leavers = np.random.default_rng([0, 8])
    leavers.choice(70, 5, replace=False)
    assert np.isin(dropped.points, np.arange(30)[np.sort(leavers.choice(30, 5, replace=False))]).all()
    with pytest.raises(ArgumentError, match=r"^most_candidates must"):
        choose(dataset, learner, np.arange(30), n=2, most_candidates=0)

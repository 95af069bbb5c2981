"""Draws valued on rows drawn anew for each coalition: against refits, whatever the workers, and who is left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.errors import ArgumentError
from dscale_core.identities import row_identities
from dscale_core.learners import make_learner
from dscale_core.sampling import (
    Coalitions,
    Span,
    audit,
    check_plan,
    estimate_cost,
    expected_under,
    make_preview,
    resolve_plan,
    sample,
    sample_spans,
    surrogate_draws,
    validation_plan,
)
from dscale_core.sampling import surrogate as surrogate_module
from dscale_core.sampling.bound_plan import BoundPlan
from dscale_core.sampling.unused_rows import UnusedRows, shares_taken

PLAN = ds.SamplingPlan(
    points=tuple(range(0, 400, 9)), min_size=30, max_size=90, draws=7, seed=2, valuation="fresh", valuation_rows=60
)


@pytest.fixture(scope="module")
def dataset() -> ds.Dataset:
    return toy_dataset(n=400, d=4)


def _numbers(dataset: ds.Dataset, plan: ds.SamplingPlan, j: int) -> list[tuple[int, ...]]:
    """The rows of coalition j as tuples of features and label."""
    chosen = UnusedRows(dataset, plan).drawn(j, Coalitions(dataset, plan).members(j))
    return [(*x, y) for x, y in zip(chosen.rows.X.tolist(), chosen.rows.y.tolist(), strict=True)]


def _keys(X: np.ndarray, y: np.ndarray) -> list[tuple[float, ...]]:
    return [(*x, label) for x, label in zip(X.tolist(), y.tolist(), strict=True)]


@pytest.mark.parametrize(("name", "classes"), [("logistic", 2), ("logistic", 3), ("tree", 2), ("ridge", 0)])
def test_draws_are_refits_valued_on_the_coalitions_own_rows(name: str, classes: int) -> None:
    made = toy_dataset(n=400, d=4, classes=classes) if classes else toy_dataset(n=400, d=4, task="regression")
    learner, utility = make_learner(name), "log_loss" if classes else "mse"
    plan = replace(PLAN, points=tuple(range(0, 400, 40)), draws=3)
    draws = sample(made, learner, plan)
    for j in range(3):
        members = Coalitions(made, plan).members(j)
        rows = np.array(_numbers(made, plan, j))
        measured = replace(made, X_valuation=rows[:, :-1], y_valuation=rows[:, -1].astype(made.y_pool.dtype))
        base = learner.reference_loss(measured, members, utility)
        assert draws.base_loss[j] == pytest.approx(base, rel=1e-6)
        for column, z in enumerate(plan.points):
            if np.isfinite(draws.delta[j, column]):
                refitted = base - learner.reference_loss(measured, np.append(members, z), utility)
                assert draws.delta[j, column] == pytest.approx(refitted, abs=2e-3 * float(np.nanstd(draws.delta[j])))


def test_a_point_is_missing_exactly_where_it_is_a_member_or_a_row(dataset: ds.Dataset) -> None:
    draws = sample(dataset, make_learner("logistic"), PLAN)
    coalitions, keys = Coalitions(dataset, PLAN), _keys(dataset.X_pool, dataset.y_pool)
    by_rows = 0
    for j in range(7):
        members, rows = set(coalitions.members(j).tolist()), set(_numbers(dataset, PLAN, j))
        missing = [z in members or keys[z] in rows for z in PLAN.points]
        np.testing.assert_array_equal(np.isnan(draws.delta[j]), missing)
        by_rows += sum(keys[z] in rows for z in PLAN.points)
    assert by_rows > 10


def test_rows_are_new_for_each_coalition_unused_and_in_proportion(dataset: ds.Dataset) -> None:
    held_out = set(_keys(dataset.X_valuation, dataset.y_valuation))
    tested = set(_keys(dataset.X_test, dataset.y_test))
    drawn = [_numbers(dataset, PLAN, j) for j in range(7)]
    labels = np.append(dataset.y_pool, dataset.y_valuation)
    coalitions, pool = Coalitions(dataset, PLAN), _keys(dataset.X_pool, dataset.y_pool)
    for j, rows in enumerate(drawn):
        assert len(set(rows)) == 60
        assert not {pool[z] for z in coalitions.members(j)} & set(rows)
        assert not tested & set(rows)
        assert 0 < len(held_out & set(rows)) < 60
        assert abs(np.mean([row[-1] for row in rows]) - labels.mean()) < 0.03
    assert all(set(one) != set(other) for one, other in pairwise(drawn))


def test_every_unused_row_is_drawn_equally_often(dataset: ds.Dataset) -> None:
    unused, members = UnusedRows(dataset, replace(PLAN, stratify=False)), np.arange(0, 400, 5)
    counts: dict[tuple[float, ...], int] = {}
    for j in range(400):
        rows = unused.drawn(j, members).rows
        for key in _keys(rows.X, rows.y):
            counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 470
    expected = 400 * 60 / 470
    chi2 = sum((n - expected) ** 2 for n in counts.values()) / (expected * (1 - 60 / 470))
    assert abs(chi2 - 469) < 5 * np.sqrt(2 * 469)


def test_equal_points_are_missing_together(dataset: ds.Dataset) -> None:
    X, y = dataset.X_pool.copy(), dataset.y_pool.copy()
    X[1], y[1] = X[0], y[0]  # an equal
    X[2], y[2] = X[0], 1 - y[0]  # the same features under another label
    X[3, 0], X[4], y[4] = 0.0, X[3], y[3]
    X[4, 0], X[3, 0] = -0.0, 0.0
    made = replace(dataset, X_pool=X, y_pool=y)
    known = row_identities(made)[150:]
    assert known[0] == known[1]
    assert known[0] != known[2]
    assert known[3] == known[4]
    plan = replace(PLAN, points=(0, 1, 2), draws=60, stratify=False, valuation_rows=150)
    unused, coalitions = UnusedRows(made, plan), Coalitions(made, plan)
    taken = np.array([unused.drawn(j, coalitions.members(j)).taken[0, :3] for j in range(60)])
    np.testing.assert_array_equal(taken[:, 0], taken[:, 1])
    assert (taken[:, 0] != taken[:, 2]).any()
    share = shares_taken(made, plan, np.array([0, 2]))
    np.testing.assert_allclose(share, [1 - (1 - 150 / 460) ** 2, 150 / 460])
    assert taken[:, 0].mean() > taken[:, 2].mean()


@pytest.mark.parametrize("name", ["logistic", "tree"])
def test_results_do_not_depend_on_workers(dataset: ds.Dataset, name: str) -> None:
    plan = replace(PLAN, draws=4)
    one, two = (sample(dataset, make_learner(name), plan, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one.delta, two.delta)
    np.testing.assert_array_equal(one.base_loss, two.base_loss)


def test_results_do_not_depend_on_how_spans_are_cut_nor_on_further_draws(dataset: ds.Dataset) -> None:
    learner = make_learner("logistic")
    whole = sample(dataset, learner, PLAN)
    more = sample(dataset, learner, replace(PLAN, draws=9))
    np.testing.assert_array_equal(more.delta[:7], whole.delta)
    for span in (Span(0, 1), Span(2, 6)):
        for part in sample_spans(dataset, learner, PLAN, "log_loss", [span]):
            np.testing.assert_array_equal(part.draws.delta, whole.delta[part.span.start : part.span.stop])


def test_the_audit_refits_on_the_same_rows(dataset: ds.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("logistic", "tree"):
        assert audit(dataset, make_learner(name), PLAN, "log_loss", pairs=8).passed
    monkeypatch.setattr(BoundPlan, "dataset_of", lambda bound, j: dataset)  # noqa: ARG005
    assert not audit(dataset, make_learner("logistic"), PLAN, "log_loss", pairs=8).passed


def test_the_estimate_counts_about_what_will_be_solved(dataset: ds.Dataset) -> None:
    plan = replace(PLAN, points="all")
    estimate = estimate_cost(dataset, make_learner("logistic"), plan, "log_loss")
    solved = int(np.isfinite(sample(dataset, make_learner("logistic"), plan).delta).sum())
    assert estimate.n_contributions == pytest.approx(solved, rel=0.02)


@pytest.mark.parametrize(
    ("name", "change", "kind"),
    [
        ("logistic", {}, "fresh"),
        ("tree", {}, "fresh"),
        ("knn", {}, "fresh"),
        ("logistic", {"valuation_rows": 153}, "fresh"),  # a third of 550 - 90
        ("logistic", {"valuation_rows": 154}, "fixed"),
        ("logistic", {"max_size": 371}, "fixed"),
    ],
)
def test_auto_is_fresh_where_rows_are_left(dataset: ds.Dataset, name: str, change: dict[str, int], kind: str) -> None:
    plan = replace(PLAN, valuation="auto", **change)
    learner = make_learner(name)
    assert resolve_plan(dataset, learner, plan, "log_loss").valuation == kind
    if name == "logistic":
        assert sample(dataset, learner, plan).valuation == kind


def test_auto_is_fixed_where_a_point_has_too_many_equals(dataset: ds.Dataset) -> None:
    X = dataset.X_pool.copy()
    X[dataset.y_pool == 1] = X[0]
    made, plan = replace(dataset, X_pool=X), replace(PLAN, valuation="auto")
    assert resolve_plan(made, make_learner("logistic"), plan, "log_loss").valuation == "fixed"


def test_a_fixed_plan_is_valued_on_the_valuation_set(dataset: ds.Dataset) -> None:
    learner = make_learner("logistic")
    draws = sample(dataset, learner, replace(PLAN, valuation="fixed"))
    alone = learner.contributions(dataset, Coalitions(dataset, PLAN).members(3), draws.points)
    np.testing.assert_array_equal(draws.delta[3], alone.delta.astype(np.float32))
    assert draws.valuation == "fixed"


def test_too_few_rows_and_unknown_kinds_are_refused(dataset: ds.Dataset) -> None:
    learner = make_learner("logistic")
    check_plan(dataset, learner, replace(PLAN, valuation_rows=230), "log_loss")
    with pytest.raises(ArgumentError, match="valuation_rows must be at most 230, half of the 460 rows"):
        check_plan(dataset, learner, replace(PLAN, valuation_rows=231), "log_loss")
    with pytest.raises(ArgumentError, match="valuation must be"):
        replace(PLAN, valuation="new")
    with pytest.raises(ArgumentError, match="valuation_rows must be at least 1"):
        replace(PLAN, valuation_rows=0)
    assert validation_plan(PLAN).valuation == "fresh"


def test_the_surrogate_is_valued_on_the_rows_of_the_exact_draws(
    dataset: ds.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surrogate_module, "_FEWEST", 20)
    monkeypatch.setattr(surrogate_module, "_MOST", 20)
    learner, plan = make_learner("logistic"), replace(PLAN, draws=40)
    draws = sample(dataset, learner, plan)
    found = surrogate_draws(dataset, learner, plan, "log_loss", draws.coalitions, draws.points)
    assert found is not None
    np.testing.assert_array_equal(np.isnan(found.own), np.isnan(draws.delta))
    left = np.nanvar(draws.delta - found.own, axis=0) / np.nanvar(draws.delta, axis=0)
    assert np.median(left) < 0.05
    for j in (0, 8):
        rows = np.array(_numbers(dataset, plan, j))
        measured = replace(dataset, X_valuation=rows[:, :-1], y_valuation=rows[:, -1].astype(np.int64))
        engine = learner.surrogate(measured, "log_loss")
        assert engine is not None
        alone = engine.contributions(Coalitions(dataset, plan).members(j), draws.points).delta
        known = np.isfinite(found.own[j])
        np.testing.assert_allclose(found.own[j][known], alone[known], atol=1e-4 * np.nanstd(alone))


def test_further_coalitions_are_valued_on_all_that_they_leave_but_the_points_themselves(
    dataset: ds.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surrogate_module, "_FEWEST", 3)
    monkeypatch.setattr(surrogate_module, "_MOST", 3)
    learner, points = make_learner("logistic"), np.asarray(PLAN.points)
    found = surrogate_draws(dataset, learner, PLAN, "log_loss", np.arange(2), points)
    assert found is not None
    further = replace(PLAN, draws=3, seed=PLAN.seed + 2**40)
    coalitions, unused = Coalitions(dataset, further), UnusedRows(dataset, further)
    pool = _keys(dataset.X_pool, dataset.y_pool)
    for j in range(3):
        members = coalitions.members(j)
        chosen = unused.spread(j, members, 4_000, 16)
        keys = _keys(chosen.rows.X, chosen.rows.y)
        assert len(set(keys)) == 550 - members.size
        for column in (0, 11, 30):
            z = int(points[column])
            if z in members:
                assert np.isnan(found.many.delta[j, column])
                continue
            kept = [block for block in chosen.rows.slices if pool[z] not in keys[block]]
            assert len(kept) == 15  # the sixteenth holds the point
            where = np.concatenate([np.arange(block.start, block.stop) for block in kept])
            measured = replace(dataset, X_valuation=chosen.rows.X[where], y_valuation=chosen.rows.y[where])
            engine = learner.surrogate(measured, "log_loss")
            assert engine is not None
            alone = engine.contributions(members, np.array([z])).delta
            assert found.many.delta[j, column] == pytest.approx(alone[0], abs=1e-4 * float(np.nanstd(found.many.delta[j])))


def test_the_formula_expects_what_draws_on_fresh_rows_mean() -> None:
    """R² over points against means of many draws, their noise taken off. On such rows ψ is of second order in 1/k: valued on
    one half of the rows, as on any fixed set, the formula says something else.
    """
    noisy = toy_dataset(n=1500, d=3, noise=1.0, seed=5)
    points = tuple(range(0, 1500, 15))
    plan = replace(PLAN, points=points, sizes=(300,), draws=1000, min_size=300, max_size=300, valuation_rows=500)
    learner = make_learner("logistic")
    draws = sample(noisy, learner, plan)
    mean = np.nanmean(draws.delta, axis=0)
    error = float(np.mean(np.nanvar(draws.delta, axis=0, ddof=1) / np.isfinite(draws.delta).sum(axis=0)))
    found = expected_under(noisy, learner, plan, np.array([300]), np.array(points), "log_loss")
    half = replace(noisy, X_valuation=noisy.X_pool[1::2], y_valuation=noisy.y_pool[1::2])
    other = learner.expected_contributions(half, np.array([300]), np.array(points), "log_loss")
    assert found is not None
    assert other is not None
    unexplained = [(np.mean((mean - said[0]) ** 2) - error) / (np.var(mean) - error) for said in (found, other)]
    assert unexplained[0] < 0.15
    assert unexplained[1] > 1.0


def test_a_formula_on_all_rows_leaves_out_coalition_point_and_equals() -> None:
    """By the learner's formula for that, which test_expansion.py holds to its definition."""
    noisy = toy_dataset(n=300, d=3, noise=2.0, seed=6)
    twin = replace(noisy, X_pool=noisy.X_pool.copy(), y_pool=noisy.y_pool.copy())
    twin.X_pool[1], twin.y_pool[1] = twin.X_pool[0], twin.y_pool[0]
    learner, points, sizes = make_learner("logistic"), np.arange(20), np.array([60])
    rows = UnusedRows(twin, PLAN)
    np.testing.assert_array_equal(rows.equals(points), [2, 2] + [1] * 18)
    every = rows.all()
    assert every.y.size == 300 + twin.y_valuation.size
    measured = replace(twin, X_valuation=every.X, y_valuation=every.y)
    whole = learner.expected_contributions(measured, sizes, points, "log_loss")
    some = expected_under(twin, learner, PLAN, sizes, points, "log_loss")
    assert whole is not None
    assert some is not None
    assert not np.allclose(whole, some, rtol=0.01)
    np.testing.assert_allclose(
        some, learner.expected_contributions(measured, sizes, points, "log_loss", rows.equals(points)), rtol=1e-9
    )
    fixed = expected_under(twin, learner, replace(PLAN, valuation="fixed"), sizes, points, "log_loss")
    np.testing.assert_array_equal(fixed, learner.expected_contributions(twin, sizes, points, "log_loss"))
    assert expected_under(twin, make_learner("tree"), PLAN, sizes, points, "log_loss") is None


def test_a_preview_is_of_the_same_kind(dataset: ds.Dataset) -> None:
    found = make_preview(dataset, make_learner("logistic"), replace(PLAN, draws=20), "log_loss", seconds=0.2)
    assert found is not None
    assert found.draws.valuation == "fresh"
    exact = sample(dataset, make_learner("logistic"), replace(PLAN, draws=20))
    shown = found.draws.sizes.size
    np.testing.assert_array_equal(np.isnan(found.draws.delta), np.isnan(exact.delta[:shown]))
    assert np.all(found.bias_share < 0.2)

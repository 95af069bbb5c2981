"""The sampler: the same draws however the work is cut; spans; cost; audit; refusals."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import toy_dataset

from dscale_core.errors import ArgumentError, DataError
from dscale_core.learners import make_learner
from dscale_core.sampling import (
    Coalitions,
    Span,
    audit,
    check_plan,
    estimate_cost,
    missing_ranges,
    sample,
    sample_spans,
)
from dscale_core.types import Contributions, SamplingPlan

PLAN = SamplingPlan(min_size=20, max_size=100, draws=14)


def test_draws_are_the_learners_contributions() -> None:
    dataset, learner = toy_dataset(n=200), make_learner("logistic")
    draws = sample(dataset, learner, PLAN)
    coalitions = Coalitions(dataset, PLAN)
    assert draws.delta.dtype == np.float32
    for j in (0, 5, 13):
        alone = learner.contributions(dataset, coalitions.members(j), np.arange(200))
        np.testing.assert_array_equal(draws.delta[j], alone.delta.astype(np.float32))
        assert draws.base_loss[j] == alone.base_loss
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(draws.delta[j])), coalitions.members(j))
    np.testing.assert_array_equal(draws.sizes, coalitions.sizes)
    np.testing.assert_array_equal(draws.passes, coalitions.passes)


@pytest.mark.parametrize("name", ["logistic", "tree"])
def test_results_do_not_depend_on_workers(name: str) -> None:
    dataset, learner = toy_dataset(n=120, d=4), make_learner(name)
    plan = replace(PLAN, draws=5, points=tuple(range(0, 120, 7)))
    one, two = sample(dataset, learner, plan, n_jobs=1), sample(dataset, learner, plan, n_jobs=2)
    np.testing.assert_array_equal(one.delta, two.delta)
    np.testing.assert_array_equal(one.base_loss, two.base_loss)


def test_results_do_not_depend_on_how_spans_are_cut() -> None:
    dataset, learner = toy_dataset(n=200), make_learner("logistic")
    whole = sample(dataset, learner, PLAN)
    for span in (Span(0, 1), Span(3, 9), Span(13, 14)):
        for part in sample_spans(dataset, learner, PLAN, "log_loss", [span]):
            rows = slice(part.span.start, part.span.stop)
            np.testing.assert_array_equal(part.draws.delta, whole.delta[rows])
            np.testing.assert_array_equal(part.draws.sizes, whole.sizes[rows])


def test_some_points_are_columns_of_all() -> None:
    dataset, learner = toy_dataset(n=200), make_learner("logistic")
    whole = sample(dataset, learner, PLAN)
    some = sample(dataset, learner, replace(PLAN, points=(5, 199, 30)))
    np.testing.assert_array_equal(some.points, [5, 199, 30])
    np.testing.assert_allclose(some.delta, whole.delta[:, [5, 199, 30]], atol=1e-4 * np.nanstd(whole.delta))


def test_n_jobs_below_one_is_refused() -> None:
    with pytest.raises(ArgumentError, match="n_jobs must be at least 1"):
        sample(toy_dataset(n=200), make_learner("logistic"), PLAN, n_jobs=0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=8), st.integers(1, 35))
def test_missing_ranges_are_exactly_what_is_not_done(parts: list[tuple[int, int]], total: int) -> None:
    done = [Span(start, start + length) for start, length in parts]
    have = {j for span in done for j in range(span.start, span.stop)}
    missing = missing_ranges(done, total)
    left = [j for span in missing for j in range(span.start, span.stop)]
    assert left == sorted(set(range(total)) - have)
    for one, two in pairwise(missing):
        assert one.stop < two.start


def test_a_span_is_cut_without_loss() -> None:
    parts = Span(3, 20).cut(5)
    assert [(part.start, part.stop) for part in parts] == [(3, 8), (8, 13), (13, 18), (18, 20)]
    with pytest.raises(ArgumentError, match="at least one coalition"):
        Span(3, 3)


def test_the_cost_estimate_counts_what_will_be_solved() -> None:
    dataset = toy_dataset(n=200)
    estimate = estimate_cost(dataset, make_learner("logistic"), PLAN, "log_loss")
    draws = sample(dataset, make_learner("logistic"), PLAN)
    assert estimate.n_contributions == int(np.isfinite(draws.delta).sum())
    assert estimate.memory_bytes == draws.delta.nbytes
    assert estimate.disk_bytes >= draws.delta.nbytes
    assert estimate.contributions_per_second == pytest.approx(estimate.n_contributions / estimate.seconds)


def test_two_workers_are_estimated_to_need_less_time() -> None:
    dataset, plan = toy_dataset(n=200), replace(PLAN, sizes="uniform")
    costs = [estimate_cost(dataset, make_learner("tree"), plan, "log_loss", n_jobs=n) for n in (1, 200)]
    assert costs[1].seconds < costs[0].seconds


def test_the_audit_passes_the_exact_engine() -> None:
    report = audit(toy_dataset(n=300), make_learner("logistic"), PLAN, "log_loss", pairs=12)
    assert report.passed
    assert report.pairs == 12
    assert report.relative_error <= 1e-3
    assert report.rank_correlation > 0.999
    assert report.verdict.startswith("Exact")


class _Slanted:
    """An engine whose contributions are off by a tenth."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def contributions(self, coalition: object, points: object) -> Contributions:
        found = self.inner.contributions(coalition, points)  # type: ignore[attr-defined]
        return Contributions(1.1 * found.delta, found.base_loss)


def test_the_audit_fails_an_engine_that_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = make_learner("logistic")
    bind = type(learner).bind
    monkeypatch.setattr(type(learner), "bind", lambda self, data, utility: _Slanted(bind(self, data, utility)))
    report = audit(toy_dataset(n=300), learner, PLAN, "log_loss", pairs=12)
    assert not report.passed
    assert report.verdict.startswith("Not exact")


def test_the_audit_of_a_refit_learner_says_what_it_is() -> None:
    report = audit(toy_dataset(n=150), make_learner("tree"), replace(PLAN, max_size=60), "log_loss", pairs=4)
    assert report.passed
    assert report.max_error == 0.0
    assert "refits every contribution" in report.verdict


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"max_size": 200}, "max_size must be below the pool's 200 points"),
        ({"points": (1, 1)}, "distinct pool indices"),
        ({"points": (1, 500)}, "distinct pool indices"),
        ({"points": ()}, "distinct pool indices"),
    ],
)
def test_plans_that_cannot_be_carried_out_are_refused(change: dict[str, object], says: str) -> None:
    plan = replace(PLAN, **change)
    with pytest.raises(ArgumentError, match=says):
        check_plan(toy_dataset(n=200), make_learner("logistic"), plan, "log_loss")


def test_a_class_that_would_never_be_valued_is_named() -> None:
    dataset = toy_dataset(n=200)
    labels = np.where(np.arange(200) < 2, 1, 0)
    with pytest.raises(ArgumentError, match=r"all 2 points of class 'class 1'|class 'class 1'"):
        check_plan(replace(dataset, y_pool=labels), make_learner("logistic"), replace(PLAN, max_size=190), "log_loss")


def test_more_classes_than_members_are_refused() -> None:
    plan = replace(PLAN, min_size=3)
    with pytest.raises(ArgumentError, match="give each of 4 classes a member"):
        check_plan(toy_dataset(n=200, classes=4), make_learner("tree"), plan, "log_loss")


def test_features_that_are_not_finite_are_named() -> None:
    dataset = toy_dataset(n=200)
    X = dataset.X_pool.copy()
    X[7, 2] = np.nan
    with pytest.raises(DataError, match="'x2' has values that are not finite in the pool"):
        check_plan(replace(dataset, X_pool=X), make_learner("logistic"), PLAN, "log_loss")


def test_a_learner_that_does_not_fit_is_refused_before_anything_runs() -> None:
    with pytest.raises(ArgumentError, match="serve regression"):
        check_plan(toy_dataset(n=200, task="regression"), make_learner("logistic"), PLAN, "mse")

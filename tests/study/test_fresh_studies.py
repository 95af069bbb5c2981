"""Studies valued on fresh rows: their kind is kept, they resume, extend and validate; older studies open as they were."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

import dscale_core as ds
from dscale_core.sampling import sampler

PLAN = ds.SamplingPlan(points=tuple(range(0, 300, 10)), min_size=20, max_size=60, draws=20, seed=3, valuation_rows=80)


@pytest.fixture(scope="module")
def cancer() -> ds.Dataset:
    return ds.load_dataset("breast_cancer")


@pytest.fixture
def study(cancer: ds.Dataset, tmp_path: Path) -> ds.Study:
    return ds.Study.create(cancer, ds.make_learner("logistic"), PLAN, tmp_path)


def test_the_kind_is_kept_and_told(study: ds.Study, cancer: ds.Dataset, tmp_path: Path) -> None:
    assert study.plan == replace(PLAN, valuation="fresh")
    assert (study.summary().valuation, study.summary().valued_on) == ("fresh", "80 fresh valuation rows a coalition")
    assert study.sample().valuation == "fresh"
    fixed = ds.Study.create(cancer, ds.make_learner("knn"), replace(PLAN, valuation="fixed"), tmp_path)
    assert (fixed.plan.valuation, fixed.summary().valued_on) == ("fixed", "one fixed valuation set")


def test_a_study_that_was_stopped_goes_on_with_the_same_draws(
    study: ds.Study, cancer: ds.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "_CHUNK_SECONDS", 0.0)
    asked = iter([False] * 6 + [True] * 99)
    study.sample_missing(should_stop=lambda: next(asked))
    assert 0 < study.progress().done < 20
    draws = study.sample(n_jobs=2)
    whole = ds.sample(cancer, ds.make_learner("logistic"), PLAN)
    np.testing.assert_array_equal(draws.delta, whole.delta)
    np.testing.assert_array_equal(draws.base_loss, whole.base_loss)


def test_more_draws_and_validation_draws_are_of_the_study_s_kind(study: ds.Study) -> None:
    first = study.sample()
    study.add_samples(replace(PLAN, draws=26), "fit")  # "auto" as when it was made
    np.testing.assert_array_equal(study.sample().delta[:20], first.delta)
    study.add_samples(ds.SamplingPlan(points=PLAN.points, sizes=(20, 60), draws=6, seed=9))
    held = study.sample(role="validation")
    assert (held.valuation, held.plan.valuation_rows if held.plan else None) == ("fresh", 80)
    assert study.audit(6).passed


def test_laws_and_a_notebook_s_laws_are_the_same_and_guided(study: ds.Study, cancer: ds.Dataset) -> None:
    draws = study.sample()
    laws = study.fit()
    assert laws.guided
    assert "too_few_draws" not in laws.status.tolist()
    alone = ds.fit(cancer, ds.make_learner("logistic"), draws)
    np.testing.assert_array_equal(alone.psi(40), laws.psi(40))
    low, high = laws.psi_interval(40)
    assert np.all((low < laws.psi(40)) & (laws.psi(40) < high))


def test_values_are_computed_from_draws_with_gaps(study: ds.Study) -> None:
    draws = study.sample()
    sizes, n = draws.sizes, study.dataset.n_points
    assert np.isnan(draws.delta).sum() > 1.5 * np.sum(30 * sizes / n)
    found = study.value("mean_contribution")
    assert np.isfinite(found.value).all()
    assert np.isfinite(found.error).all()


def test_a_study_made_before_there_was_a_choice_is_fixed(cancer: ds.Dataset, tmp_path: Path) -> None:
    plan = replace(PLAN, valuation="fixed")
    study = ds.Study.create(cancer, ds.make_learner("logistic"), plan, tmp_path)
    before = study.sample()
    older = {name: value for name, value in asdict(plan).items() if not name.startswith("valuation")}
    with closing(sqlite3.connect(tmp_path / "dscale.sqlite3")) as db, db:
        db.execute("UPDATE sample_sets SET plan = ?", (json.dumps(older),))
    opened = ds.Study.open(study.id, tmp_path)
    assert opened.plan.valuation == opened.summary().valuation == "fixed"
    np.testing.assert_array_equal(opened.draws().delta, before.delta)
    opened.add_samples(replace(opened.plan, draws=24), "fit")
    np.testing.assert_array_equal(opened.sample().delta[:20], before.delta)
    opened.add_samples(ds.SamplingPlan(points=PLAN.points, sizes=(20, 60), draws=4, seed=9))
    assert opened.sample(role="validation").valuation == "fixed"
    assert opened.fit().guided

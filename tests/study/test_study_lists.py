"""What a study keeps of lists: the set they are for, the lists, their proof; and all of it again in another process."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dscale_core as ds
from dscale_core.curation import Choice, choose, export_json
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.study import Study

PLAN = ds.SamplingPlan(min_size=20, max_size=80, draws=12)


@pytest.fixture
def study(cache: Path) -> Study:
    return Study.create(ds.load_dataset("breast_cancer"), ds.make_learner("logistic"), PLAN, cache)


def assert_same(one: Any, other: Any) -> None:
    """Field by field, arrays bit for bit."""
    for field in fields(one):
        before, after = getattr(one, field.name), getattr(other, field.name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype, field.name
            np.testing.assert_array_equal(before, after)
        elif isinstance(before, tuple) and before and isinstance(before[0], np.ndarray):
            assert len(before) == len(after)
            for a, b in zip(before, after, strict=True):
                np.testing.assert_array_equal(a, b)
        elif hasattr(before, "__dataclass_fields__"):
            assert_same(before, after)
        else:
            assert before == after, field.name


def test_the_current_set_is_kept_and_named(study: Study) -> None:
    assert study.current() is None
    first = study.set_current([5, 3, 3, 40, 7], "Five by hand.")
    second = study.set_current(np.arange(30))
    back = Study.open(study.id)
    found = back.current()
    assert found is not None
    assert (found.id, found.source, found.points.tolist()) == (second.id, "Points named by hand.", list(range(30)))
    earlier = back.current(first.id)
    assert earlier is not None
    assert (earlier.points.tolist(), earlier.source) == ([3, 5, 7, 40], "Five by hand.")
    with pytest.raises(NotFoundError, match="no current set 'x'"):
        study.current("x")


def test_points_that_cannot_be_trained_on_are_refused_by_name(study: Study) -> None:
    n = study.dataset.n_points
    with pytest.raises(ArgumentError, match=rf"points must be pool indices from 0 to {n - 1}; got -4, {n}\."):
        study.set_current([-4, 2, n])
    with pytest.raises(ArgumentError, match="pool indices"):
        study.set_current(np.zeros(4, dtype=bool))
    one_class = np.flatnonzero(study.dataset.y_pool == 0)[:9]
    with pytest.raises(ArgumentError, match="two classes; got 9 points of one class"):
        study.set_current(one_class)
    assert study.current() is None


def test_a_list_is_kept_as_it_was_chosen(study: Study) -> None:
    study.set_current(np.arange(30), "The first thirty.")
    made = study.choose(n=4, seed=2)
    direct = choose(study.dataset, study.learner, np.arange(30), n=4, seed=2)
    assert_same(made, direct)
    assert made.worth is not None
    back = Study.open(study.id)
    [record] = back.lists.records()
    assert (record.goal, record.asked, record.n_points, record.seed) == ("add", 4, made.points.size, 2)
    assert (record.source, record.current_size, record.version) == ("The first thirty.", 30, ds.__version__)
    assert_same(back.lists.load(record.id), made)
    other = back.choose(n=2, shares="free", current=np.arange(50))
    assert [one.shares for one in back.lists.records()] == ["free", "proportional"]
    assert back.lists.records()[0].source == "Points that the call named."
    assert_same(back.lists.load(), other)
    with pytest.raises(NotFoundError, match="no list 'other'"):
        study.lists.load("other")


def test_without_a_current_set_it_is_random_and_said(study: Study) -> None:
    made = study.choose(n=2, seed=5)
    assert [own.size for own in made.sets] == [40]  # the geometric mean of 20 and 80
    assert "random set of 40 points" in study.lists.records()[0].source
    study.set_current(np.arange(30))
    several = study.choose(n=2, k=25, n_sets=3, seed=5)
    assert [own.size for own in several.sets] == [25] * 3
    assert "3 random sets of 25 points of the pool by seed 5" in study.lists.records()[0].source
    assert_same(study.lists.load(), several)
    assert study.lists.records()[0].source.endswith("as was asked for, not the current set that was named.")
    with pytest.raises(ArgumentError, match="n_sets"):
        study.choose(k=25, n_sets=0)


def test_a_set_is_either_named_or_random(study: Study) -> None:
    with pytest.raises(ArgumentError, match="k must be left out where current names the set; got 25"):
        study.choose(n=2, k=25, current=np.arange(30))
    study.set_current(np.arange(30))
    with pytest.raises(ArgumentError, match="n_sets must be 1 where the set is named; got 3"):
        study.choose(n=2, n_sets=3)
    assert study.lists.records() == []


def test_an_empty_list_is_kept_too(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study.choose(n=2, current=np.arange(40))
    nothing = {f.name: getattr(made, f.name)[:0] for f in fields(Choice) if isinstance(getattr(made, f.name), np.ndarray)}
    empty = replace(made, **nothing | {"candidates": made.candidates, "worth": None, "stop": 0})
    monkeypatch.setattr("dscale_core.curation.choosing.choose", lambda *_: empty)
    monkeypatch.setattr("dscale_core.curation.choose", lambda *_: empty)
    study.choose(n=2, current=np.arange(40))
    assert_same(study.lists.load(), empty)
    assert study.lists.records()[0].n_points == 0
    assert study.lists.table().empty
    assert study.lists.describe()["promise"] is None
    with pytest.raises(ArgumentError, match="choice must hold a point"):
        study.verify()


def test_a_verification_is_kept_with_its_list(study: Study) -> None:
    first = study.choose(n=3, current=np.arange(40))
    study.choose(n=2, current=np.arange(20))
    newer, older = study.lists.records()
    with pytest.raises(NotFoundError, match="no verification yet"):
        study.lists.verification(older.id)
    found = study.verify(first, repeats=3, seed=1)
    assert found.arms == ("list", "random", "diverse")  # there is no fit
    back = Study.open(study.id)
    assert_same(back.lists.verification(older.id), found)
    assert back.lists.verifications(newer.id) == []
    [record] = back.lists.verifications(older.id)
    assert (record.repeats, record.seed, record.fit_id, record.verdict) == (3, 1, None, found.verdict)
    study.sample()
    study.fit("likelihood")
    again = study.verify(older.id, repeats=3, seed=1)
    assert again.arms == ("list", "random", "top", "shapley", "diverse")
    assert [one.fit_id for one in study.lists.verifications(older.id)] == [study.fits()[0].id, None]
    assert_same(study.lists.verification(older.id), again)
    with pytest.raises(NotFoundError, match="no list 'x'"):
        study.verify("x")


def test_a_list_from_elsewhere_can_be_verified(study: Study) -> None:
    outside = choose(study.dataset, study.learner, np.arange(35), n=2)
    study.verify(outside, arms=(), repeats=2)
    [record] = study.lists.records()
    assert record.source == "A list that was chosen outside this study."
    study.verify(outside, arms=(), repeats=2)
    assert len(study.lists.records()) == 1
    assert len(study.lists.verifications()) == 2


def test_the_table_and_its_description(study: Study) -> None:
    study.set_current(np.arange(40), "The first forty.")
    made = study.choose(n=3)
    bare = study.lists.table()
    assert bare.columns[:9].tolist() == [
        "order", "action", "point", "row", "label", "gain", "promise", "promise_low", "promise_high",
    ]  # fmt: skip
    assert "psi" not in bare
    study.sample()
    laws = study.fit("likelihood")
    table = study.lists.table()
    np.testing.assert_array_equal(table["point"], made.points)
    np.testing.assert_allclose(table["psi"], laws.psi(40.0)[made.points])
    np.testing.assert_allclose(table["psi_after"], laws.psi(43.0)[made.points])
    assert table["row"].tolist() == study.dataset.records.index[made.points].tolist()
    said = study.lists.describe()
    assert said["verification"] == "none: this list was not verified"
    assert (said["fingerprint"], said["current_set"]["source"]) == (study.dataset.fingerprint, "The first forty.")
    study.verify(arms=(), repeats=2)
    said = study.lists.describe()
    assert said["verification"]["verdict"] == study.lists.verification().verdict
    assert json.loads(export_json(said))["promise"]["mean"] == made.promise[-1]


def test_deleting_the_study_takes_its_lists(study: Study) -> None:
    study.set_current(np.arange(40))
    study.choose(n=2)
    study.verify(arms=(), repeats=2)
    folder = study.cache / "studies" / study.id
    assert folder.exists()
    study.delete()
    assert not folder.exists()
    assert study._store.lists.choices(study.id) == []
    assert study._store.lists.current(study.id) is None


def test_nothing_is_kept_of_a_list_that_was_not_finished(study: Study) -> None:
    def stop(share: float) -> None:
        if share > 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.choose(n=3, current=np.arange(40), on_progress=stop)
    assert study.lists.records() == []

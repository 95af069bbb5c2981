"""Jobs that choose a list and verify it: the same list as a call makes, cancelled in their midst, refused beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dscale_core as ds
from dscale_core import jobs
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.jobs import launcher
from dscale_core.jobs.kinds import KINDS
from dscale_core.jobs.worker import drain
from dscale_core.store import Store
from dscale_core.study import Study


@pytest.fixture
def study(cache: Path) -> Study:
    plan = ds.SamplingPlan(min_size=20, max_size=80, draws=12)
    return Study.create(ds.load_dataset("breast_cancer"), ds.make_learner("logistic"), plan, cache)


def never() -> bool:
    return False


def test_a_job_chooses_what_a_call_does_and_verifies_it(study: Study, started: list[Path]) -> None:
    kept = study.set_current(np.arange(40), "The first forty.")
    study.set_current(np.arange(20), "Another, named later.")
    job = jobs.submit(study, "choose", {"goal": "add", "n": 3, "shares": "free", "seed": 4, "current_id": kept.id})
    assert started == [study.cache]
    own = launcher.this_process()
    assert drain(Store(study.cache), own) == 1
    done = jobs.get_job(job.id)
    assert (done.state, done.error, done.done, done.total) == ("done", "", 100, 100)
    [record] = study.lists.records()
    assert (record.source, record.shares, record.seed) == ("The first forty.", "free", 4)
    expected = ds.choose(study.dataset, study.learner, np.arange(40), n=3, shares="free", seed=4)
    found = study.lists.load()
    assert found.points.tolist() == expected.points.tolist()
    np.testing.assert_array_equal(found.promise, expected.promise)
    assert done.message == f"Chose {found.points.size} points to add."
    job = jobs.submit(study, "verify", {"choice": record.id, "repeats": 2})
    assert drain(Store(study.cache), own) == 1
    assert jobs.get_job(job.id).message == study.lists.verification(record.id).verdict


@pytest.mark.parametrize("kind", ["choose", "verify"])
def test_a_cancelled_job_keeps_nothing(study: Study, kind: str) -> None:
    if kind == "verify":
        study.choose(n=3, current=np.arange(40))
    said: list[tuple[int, int]] = []

    def report(done: int, total: int, message: str = "") -> None:
        assert message
        said.append((done, total))

    params: dict[str, Any] = {"n": 3} if kind == "choose" else {}
    KINDS[kind](study, params, report, lambda: len(said) > 2)
    assert 1 < len(said) < 5
    assert max(said)[0] < 100
    assert len(study.lists.records()) == (kind == "verify")
    assert kind == "choose" or study.lists.verifications() == []
    KINDS[kind](study, params, report, lambda: True)
    assert len(said) < 5


def test_a_cancelled_list_goes_on_where_it_stopped(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dscale_core.curation.crew._SLICE", 0.0)
    params: dict[str, Any] = {"n": 4, "k": 40}
    folder = study.cache / "studies" / study.id / "begun"
    said: list[int] = []
    KINDS["choose"](study, params, lambda done, *_: said.append(done), lambda: len(said) > 8)
    assert study.lists.records() == []
    (question,) = folder.iterdir()
    assert list(question.iterdir())
    KINDS["choose"](study, params | {"n": 3}, lambda *_: None, never)  # another question begins anew
    assert list(folder.iterdir()) == [question]
    resumed: list[int] = []
    KINDS["choose"](study, params, lambda done, *_: resumed.append(done), never)
    assert resumed[1] > said[1]
    assert list(folder.iterdir()) == []
    (own,) = study.lists.load().sets
    expected = ds.choose(study.dataset, study.learner, own, n=4)
    assert study.lists.load().points.tolist() == expected.points.tolist()
    np.testing.assert_array_equal(study.lists.load().promise, expected.promise)


def test_a_job_is_asked_whether_to_stop_between_percents(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of refits may take longer than a person waits."""
    monkeypatch.setattr("dscale_core.jobs.kinds._ASK_EVERY", 0.0)
    tree = Study.create(study.dataset, ds.make_learner("tree"), study.plan, study.cache)
    said: list[int] = []
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    KINDS["choose"](tree, {"n": 3, "k": 40}, lambda done, *_: said.append(done), stop)
    assert said == [0]
    assert asked == 4


def test_workers_and_fewer_candidates_are_passed_on(study: Study) -> None:
    KINDS["choose"](study, {"n": 1, "k": 30, "n_jobs": 2, "most_candidates": 50}, lambda *_: None, never)
    found = study.lists.load()
    assert found.candidates.size == 50
    expected = ds.choose(study.dataset, study.learner, found.sets[0], n=1, most_candidates=50)
    assert found.points.tolist() == expected.points.tolist()


def test_random_sets_are_those_of_the_call(study: Study) -> None:
    study.set_current(np.arange(40))
    KINDS["choose"](study, {"n": 1, "k": 25, "seed": 3}, lambda *_: None, never)
    (own,) = study.lists.load().sets
    assert own.size == 25
    study.choose(n=1, k=25, seed=3)
    np.testing.assert_array_equal(study.lists.load().sets[0], own)


@pytest.mark.parametrize(
    ("kind", "params", "error", "message"),
    [
        ("choose", {"goal": "keep"}, ArgumentError, "goal must be one of add, drop, swap; got 'keep'"),
        ("choose", {"shares": "fair"}, ArgumentError, "shares must be one of proportional, free, equal"),
        ("choose", {"n": 0}, ArgumentError, "n must be a whole number of at least 1; got 0"),
        ("choose", {"n_jobs": 0}, ArgumentError, "n_jobs must be a whole number of at least 1"),
        ("choose", {"most_candidates": 0}, ArgumentError, "most_candidates must be a whole number of at least 1"),
        ("choose", {"k": 1}, ArgumentError, "k must be a whole number of at least 2"),
        ("choose", {"current_id": "none"}, NotFoundError, "no current set 'none'"),
        ("choose", {"current": [1, 2]}, ArgumentError, "params must hold only current_id, goal"),
        ("verify", {}, NotFoundError, "no list yet"),
        ("verify", {"choice": "none"}, NotFoundError, "no list 'none'"),
        ("verify", {"repeats": 1}, ArgumentError, "repeats must be a whole number of at least 2"),
    ],
)
def test_what_could_not_run_is_refused_before_it_waits(
    study: Study, started: list[Path], kind: str, params: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        jobs.submit(study, kind, params)
    assert started == []
    assert jobs.list_jobs() == []

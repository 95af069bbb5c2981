"""Value jobs, what jobs take along, and where their worker imports from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dscale_core import jobs
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.jobs import launcher, taken_along
from dscale_core.jobs.kinds import KINDS
from dscale_core.laws import METHODS, list_methods, register_method
from dscale_core.store import Store


class Valuing:
    """A study whose value takes a thousand steps."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.steps = 0

    def value(self, on_progress: Any, **asked: Any) -> None:
        self.asked = asked
        for step in range(1000):
            self.steps = step + 1
            on_progress(self.steps / 1000)


def test_progress_is_said_once_a_percent_and_ends_whole() -> None:
    study, said = Valuing(), []
    params = {"name": "law_shapley", "fit_id": "abc", "max_size": 50}
    KINDS["value"](study, params, lambda done, total, text="": said.append((done, total, text)), lambda: False)
    assert study.asked == params
    assert [done for done, _, _ in said] == [*range(100), 99, 100]
    assert (said[0], said[-1]) == ((0, 100, "Computing law_shapley."), (100, 100, "Computed law_shapley."))


def test_a_cancelled_value_ends_in_its_midst() -> None:
    study, said = Valuing(), []
    KINDS["value"](study, {"name": "x"}, lambda done, *_: said.append(done), lambda: len(said) > 30)
    assert study.steps < 400
    assert max(said) < 100
    KINDS["value"](unused := Valuing(), {"name": "x"}, lambda *_: None, lambda: True)
    assert unused.steps == 0


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({}, NotFoundError, "There is no value ''"),
        ({"name": "law_shaply"}, NotFoundError, "Did you mean 'law_shapley'"),
        ({"name": "law_shapley", "k": 1}, ArgumentError, "params must hold only fit_id, max_size, method"),
        ({"name": "law_shapley", "max_size": 0}, ArgumentError, "max_size must be a whole number of at least 1; got 0"),
        ({"name": "law_shapley", "min_size": "7"}, ArgumentError, "min_size must be a whole number"),
        ({"name": "law_shapley", "seed": -1}, ArgumentError, "seed must be a whole number of at least 0; got -1"),
    ],
)
def test_values_that_could_not_be_computed_are_refused(
    bare_study: Any, started: list[Path], params: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        jobs.submit(bare_study, "value", params)
    assert jobs.list_jobs() == []
    assert started == []


def test_what_is_dscales_own_is_not_taken_along(bare_study: Any) -> None:
    for kind, params in (("sample", {}), ("fit", {"method": "likelihood"}), ("fit", {}), ("value", {"name": "law_shapley"})):
        assert taken_along.entries_of(bare_study, kind, params) == {}


def own_fit(problem: Any) -> Any:
    from dscale_core.laws import fit_laws

    return fit_laws(problem.delta, problem.sizes, "likelihood")


def test_a_job_takes_its_method_along(
    bare_study: Any, store: Store, started: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))
    register_method("own", own_fit, summary="mine")
    job = jobs.submit(bare_study, "fit", {"method": "own"})
    assert len(started) == 1
    assert store.jobs.get(job.id).entries == job.entries
    assert job.entries["method"]["home"] == f"{__name__}:own_fit"
    assert set(job.entries) == {"method"}
    # as in a worker, which knows nothing of it
    monkeypatch.setattr(METHODS, "_entries", {name: METHODS._entries[name] for name in METHODS._entries if name != "own"})
    assert "own" not in list_methods()
    taken_along.adopt(job.entries)
    assert list_methods()[-1] == "own"
    assert METHODS.load(METHODS.entry("own")) is own_fit


@pytest.mark.parametrize("home", ["__main__:fit", "not_a_module_here:fit", "os:system"])
def test_what_no_worker_could_take_up_is_not_queued(
    bare_study: Any, started: list[Path], monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))
    register_method("own", home, summary="mine")
    with pytest.raises((ArgumentError, NotFoundError), match="the method 'own'"):
        jobs.submit(bare_study, "fit", {"method": "own"})
    assert jobs.list_jobs() == []
    assert started == []


def test_a_worker_imports_from_where_its_submitter_does(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}

    def popen(_command: list[str], **options: Any) -> Any:
        given.update(options)
        return SimpleNamespace(pid=os.getpid(), poll=lambda: 0)

    monkeypatch.setattr(launcher.subprocess, "Popen", popen)
    monkeypatch.setattr(launcher, "_children", [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "relative", str(tmp_path / "own"), *sys.path, f"{tmp_path}/a{os.pathsep}b"])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(tmp_path / "late"), str(tmp_path / "own")]))
    launcher._start(cache)
    paths = given["env"]["PYTHONPATH"].split(os.pathsep)
    assert paths[:3] == [str(tmp_path), str(tmp_path / "relative"), str(tmp_path / "own")]
    assert paths[-1] == str(tmp_path / "late")
    assert len(set(paths)) == len(paths)
    assert str(launcher._SOURCE) in paths
    assert given["env"]["OMP_NUM_THREADS"] == "1"


def test_a_worker_finds_dscale_where_its_submitter_found_it_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/somewhere"])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert launcher._search_path().split(os.pathsep) == [str(launcher._SOURCE), "/somewhere"]

"""A stranger's test of the seams: a learner, an estimator, a value and a dataset from outside, each one file and one line.

They are copied to a folder of their own and found in the list, on the page, from the command line, and by a worker process:
by ``DSCALE_EXTENSIONS``, and without it by what the study and the job take along.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import dscale_core as ds
from dscale_core import jobs, registry
from dscale_core.datasets.builtin import DATASETS
from dscale_core.errors import ArgumentError, DscaleError, NotFoundError
from dscale_core.extras import is_installed
from dscale_core.jobs import Job
from dscale_core.laws import METHODS
from dscale_core.learners import LEARNERS, learner_from
from dscale_core.store import Store
from dscale_core.values import VALUES

ROOT = Path(__file__).resolve().parents[1]
STRANGERS = ROOT / "tests" / "strangers"
KINDS = ("nearest_mean", "two_means", "help_share", "half_moons")  # learner, estimator of laws, value, dataset
PLAN = ds.SamplingPlan(points=tuple(range(0, 200, 20)), min_size=10, max_size=80, draws=12)


@pytest.fixture(autouse=True)
def _own_registries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test adds is gone when it ends."""
    for one in (LEARNERS, METHODS, VALUES, DATASETS):
        monkeypatch.setattr(one, "_entries", dict(one._entries))
    monkeypatch.setattr(registry, "_tried", {})
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith(("dscale_core", "pages")) and "seams" in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The strangers' modules in a folder that this process imports from."""
    home = tmp_path / "seams"
    shutil.copytree(STRANGERS, home, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(str(home))
    return home


@pytest.fixture
def extended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, named by ``DSCALE_EXTENSIONS``."""
    monkeypatch.setenv("DSCALE_EXTENSIONS", ",".join(KINDS))
    return folder


@pytest.fixture
def ended() -> Callable[[Job], Job]:
    """Wait until a job's worker is through with it."""

    def wait(job: Job) -> Job:
        deadline = time.monotonic() + 120
        while (now := jobs.get_job(job.id)).state in ("queued", "running"):
            assert time.monotonic() < deadline, jobs.job_log(job.id)
            time.sleep(0.1)
        return now

    return wait


def names() -> list[list[str]]:
    return [ds.list_learners(), ds.list_methods(), ds.list_values(), ds.list_datasets()]


def new_study(cache: Path, learner: str = "nearest_mean", **params: Any) -> ds.Study:
    return ds.Study.create(ds.load_dataset("breast_cancer"), ds.make_learner(learner, **params), PLAN, cache)


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_one_short_file_and_one_line(kind: str) -> None:
    lines = (STRANGERS / f"{kind}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 60
    assert [line for line in lines if "register_" in line] == [lines[-1]]


@pytest.mark.usefixtures("extended")
def test_they_are_in_the_lists_and_work_in_this_process() -> None:
    for known, name in zip(names(), KINDS, strict=True):
        assert name in known
    dataset, learner = ds.load_dataset("half_moons"), ds.make_learner("nearest_mean", distance="plain")
    plan = ds.SamplingPlan(min_size=10, max_size=100, draws=40)
    draws = ds.sample(dataset, learner, plan)
    some, outside = np.arange(0, 240, 6), np.arange(1, 240, 40)
    found = learner.contributions(dataset, some, outside)
    refits = [found.base_loss - learner.reference_loss(dataset, np.append(some, z), "log_loss") for z in outside]
    np.testing.assert_allclose(found.delta, refits, atol=1e-12)
    laws = ds.fit(dataset, learner, draws, "two_means")
    assert laws.method == "two_means"
    assert np.isfinite(laws.alpha).any()
    share = ds.value("help_share", dataset, learner, draws)
    assert (share.name, share.unit) == ("help_share", "share of draws")
    assert np.abs(share.value).max() <= 0.5
    with pytest.raises(ArgumentError, match='distance must be "squared" or "plain"; got \'cubed\''):
        ds.make_learner("nearest_mean", distance="cubed")


def test_the_command_line_finds_and_runs_them(extended: Path, cache: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(extended), "DSCALE_CACHE": str(cache)}

    def said(*arguments: str) -> str:
        command = [sys.executable, "-m", "dscale_core", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for command, name in zip(("learners", "methods", "values", "datasets"), KINDS, strict=True):
        [line] = [line for line in said(command).splitlines() if line.split()[0] == name]
        assert command != "learners" or line.endswith('distance=squared ("squared" or "plain")')
    sizes = ("--min-size", "10", "--max-size", "80", "--draws", "12")
    study = said("sample", "--dataset", "half_moons", "--learner", "nearest_mean", *sizes).strip()
    assert said("fit", "--study", study, "--method", "two_means").startswith("two_means on 12 coalitions")
    table = said("value", "--study", study, "--name", "help_share").splitlines()
    assert table[0].lstrip("\ufeff") == "rank,point,row,label,value,error"
    assert len(table) == 241


@pytest.mark.usefixtures("extended")
def test_the_pages_offer_them(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))

    def opened(page: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.switch_page(page)
        app.run()
        assert not app.exception
        assert [error.value for error in app.error] == []
        return app

    assert "half_moons" in opened("pages/1_Data.py").selectbox(key="dataset").options
    sample = opened("pages/2_Sample.py")
    sample.selectbox(key="learner_classification").set_value("nearest_mean").run()
    assert sample.selectbox(key="nearest_mean_distance").options == ["squared", "plain"]
    assert sample.number_input(key="nearest_mean_sharpness").min == 0.0
    new_study(cache).sample()
    assert "two_means" in opened("pages/3_Fit.py").selectbox(key="method").options
    assert "help_share" in opened("pages/6_Value.py").selectbox(key="value").options


@pytest.mark.parametrize("known_by", ["DSCALE_EXTENSIONS", "this process alone"])
def test_a_worker_process_runs_them(
    known_by: str, request: pytest.FixtureRequest, cache: Path, ended: Callable[[Job], Job]
) -> None:
    if known_by == "DSCALE_EXTENSIONS":
        request.getfixturevalue("extended")
    else:
        request.getfixturevalue("folder")
        for kind in KINDS:
            importlib.import_module(kind)
        assert "DSCALE_EXTENSIONS" not in os.environ
    dataset = ds.load_dataset("half_moons")
    study = ds.Study.create(dataset, ds.make_learner("nearest_mean", sharpness=2.0), PLAN, cache)
    submitted = [
        jobs.submit(study, "sample", {"n_jobs": 2}),
        jobs.submit(study, "fit", {"method": "two_means"}),
        jobs.submit(study, "value", {"name": "help_share"}),
    ]
    assert [(job.state, job.error) for job in map(ended, submitted)] == [("done", "")] * 3
    expected = ds.sample(dataset, ds.make_learner("nearest_mean", sharpness=2.0), PLAN)
    np.testing.assert_array_equal(study.draws().delta, expected.delta)
    np.testing.assert_array_equal(study.laws().alpha, ds.fit(dataset, study.learner, expected, "two_means").alpha)
    kept = study.load_value("help_share")
    np.testing.assert_array_equal(kept.value, ds.value("help_share", dataset, study.learner, expected).value)
    assert study.values()[0].n_coalitions == 12


@pytest.mark.usefixtures("folder")
def test_an_estimator_of_ones_own_runs_in_a_worker_process(cache: Path, ended: Callable[[Job], Job]) -> None:
    params = {"smoothing": ds.Param(1e-9, above=0)}
    ds.register_estimator("bayes", ds.EstimatorSpec("my_models:make_bayes", "classification", "naive Bayes", params))
    study = new_study(cache, "bayes", smoothing=1e-3)
    done = ended(jobs.submit(study, "sample"))
    assert (done.state, done.error) == ("done", "")
    expected = ds.sample(study.dataset, ds.make_learner("bayes", smoothing=1e-3), PLAN)
    np.testing.assert_array_equal(study.draws().delta, expected.delta)


@pytest.mark.usefixtures("folder")
def test_a_study_from_before_entries_were_kept_still_runs_as_a_job(cache: Path, ended: Callable[[Job], Job]) -> None:
    """Studies of older versions name their learner alone; the job brings the rest."""
    importlib.import_module("nearest_mean")
    study = new_study(cache)
    _set_entry(cache, None)
    done = ended(jobs.submit(study, "sample"))
    assert (done.state, done.error) == ("done", "")


def test_a_module_that_is_gone_ends_the_job_with_one_sentence(
    folder: Path, cache: Path, ended: Callable[[Job], Job]
) -> None:
    importlib.import_module("nearest_mean")
    study = new_study(cache)
    queued = Store(cache).jobs.enqueue(study.id, "sample", {})
    (folder / "nearest_mean.py").unlink()
    failed = ended(queued)
    assert failed.state == "failed"
    assert failed.error.startswith("The module 'nearest_mean' of the learner 'nearest_mean' is not here: looked for it in")
    assert "PYTHONPATH" in failed.error
    # and whoever submits one more is told at once
    with pytest.raises(NotFoundError, match="The module 'nearest_mean'"):
        jobs.submit(study, "sample")


def test_what_lives_in_a_notebook_works_there_and_is_refused_as_a_job(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(task: str) -> Any:
        from sklearn.naive_bayes import GaussianNB

        assert task == "classification"
        return GaussianNB()

    monkeypatch.setattr(sys.modules["__main__"], "make", make, raising=False)
    ds.register_estimator("inline", ds.EstimatorSpec("__main__:make", "classification", "here alone", {}))
    study = new_study(cache, "inline")
    assert study.sample().sizes.size == 12
    with pytest.raises(ArgumentError, match=r"live in a module that other processes can import; got __main__:make"):
        jobs.submit(study, "fit")
    assert jobs.list_jobs() == []


def _set_entry(cache: Path, entry: Any) -> None:
    """Change by hand what is kept of a study's learner."""
    with closing(sqlite3.connect(cache / "dscale.sqlite3")) as db, db:
        db.execute("UPDATE studies SET learner_entry = ?", (None if entry is None else json.dumps(entry),))


TRAP = "import pathlib\npathlib.Path(__file__).with_name('sprung').touch()\n"
FORGED = {
    "os:system": "live in a module of its maker's",
    "antigravity:fly": "live in a module of its maker's",
    "subprocess:Popen": "live in a module of its maker's",
    "__main__:main": "live in a module that other processes can import",
    "pip.__main__:main": "live in a module that other processes can import",
    "joblib:dump": "be defined in joblib",
    "numpy:load": "be defined in numpy",
    "trap:Learner": "live in a module that imports dscale_core",
    "trap_too:Other": "be defined in trap_too",
    "nowhere_at_all:Learner": "is not here",
    "os.system('x')": 'be "module:name"',
    "../trap:Learner": 'be "module:name"',
    "help_share:value": "be a subclass of LearnerBase",
    "dscale_core.learners.ridge:Ridge": "have the name 'nearest_mean'",
}


@pytest.mark.parametrize("home", FORGED)
def test_a_forged_home_is_refused_and_runs_nothing(home: str, folder: Path, cache: Path) -> None:
    """Whoever can write to the catalogue must not thereby choose what is imported."""
    importlib.import_module("nearest_mean")
    study = new_study(cache)
    study.sample()
    entry = LEARNERS.written("nearest_mean")
    assert entry is not None
    (folder / "trap.py").write_text(TRAP + "class Learner: ...\n", encoding="utf-8")
    (folder / "trap_too.py").write_text(TRAP + "import dscale_core\n", encoding="utf-8")
    _set_entry(cache, entry | {"home": home})
    # another process knows nothing of it yet
    del LEARNERS._entries["nearest_mean"]
    again = ds.Study.open(study.id, cache)
    assert again.draws().sizes.size == 12
    with pytest.raises(DscaleError) as refused:
        _ = again.learner
    assert FORGED[home] in str(refused.value)
    assert "nearest_mean" not in ds.list_learners()
    assert not (folder / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "os:system"}, "live in a module of its maker's"),
        ({"engine": "dscale_core.learners.ridge:Ridge"}, "be refitted by a subclass of RefitEngine"),
        ({"engine": ""}, "live in a module that imports dscale_core"),
        (
            {"params": {"smoothing": {"default": 1.0}, "more": {"default": 1}}},
            "be a function of the task and smoothing, more",
        ),
        ({"params": None}, "hold home and info"),
        ({"name": "logistic"}, "be my_models:make_bayes; got dscale_core.learners.logistic:Logistic"),
        ({"name": "../x"}, "hold home and info"),
        ({"nonsense": 1}, "hold home and info"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_forged_estimator_is_refused(change: dict[str, Any], message: str) -> None:
    spec = ds.EstimatorSpec("my_models:make_bayes", "classification", "naive Bayes", {"smoothing": 1e-9})
    ds.register_estimator("bayes", spec)
    entry = LEARNERS.written("bayes")
    assert entry is not None
    del LEARNERS._entries["bayes"]
    with pytest.raises(ArgumentError, match=message.replace("(", r"\(")):
        LEARNERS.adopt({"home": entry["home"], "info": entry["info"] | change})
    assert LEARNERS.adopt(entry).home == "my_models:make_bayes"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"params": {"sharpness": 1.0}}, r"must have the fields sharpness, not \['sharpness', 'distance'\]"),
        ({"params": {}}, "must have the fields none, not"),
        ({"task": "any"}, "the task 'any' and exact=True, not"),
        ({"exact": False}, "exact=False, not"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_line_that_does_not_fit_its_learner_is_told_so(line: dict[str, Any], message: str) -> None:
    home = importlib.import_module("nearest_mean")
    del LEARNERS._entries["nearest_mean"]
    about = {"task": "classification", "exact": True, "summary": "", "params": home.PARAMS}
    ds.register_learner("nearest_mean", home.NearestMean, **about | line)
    with pytest.raises(ArgumentError, match=message):
        ds.make_learner("nearest_mean")


@pytest.mark.usefixtures("folder")
def test_an_estimator_of_laws_is_given_what_its_line_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    two_means, given = importlib.import_module("two_means"), []
    monkeypatch.setattr(METHODS, "load", lambda _entry: lambda problem: given.append(problem) or two_means.fit(problem))
    dataset, learner = ds.load_dataset("breast_cancer"), ds.make_learner("logistic")
    draws = ds.sample(dataset, learner, PLAN)
    for guided, featured in ((False, False), (True, False), (False, True)):
        name = f"asks_{guided}_{featured}"
        ds.register_method(name, two_means.fit, summary="", guided=guided, featured=featured)
        ds.fit(dataset, learner, draws, name)
        assert (given[-1].guide is not None, given[-1].features is not None) == (guided, featured)
    np.testing.assert_array_equal(given[-1].features, dataset.X_pool[draws.points])


@pytest.mark.parametrize("home", ["torch.utils.cpp_extension:load_inline", "joblib.numpy_pickle:dump"])
def test_parameters_reach_no_function_that_is_not_made_for_them(home: str) -> None:
    """A factory is called with parameters from the catalogue: one that takes no task might do anything with them."""
    if not is_installed(home.partition(".")[0]):
        pytest.skip("the package is not installed")
    entry = {"home": home, "info": {"name": "x", "task": "any", "exact": False, "summary": "", "params": {}}}
    entry["info"]["engine"] = "dscale_core.learners.refit.any_estimator:RefitEngine"
    with pytest.raises(ArgumentError, match="be a function whose first argument is called task"):
        LEARNERS.adopt(entry)


def test_two_studies_may_call_different_learners_by_one_name(folder: Path) -> None:
    """What was adopted for one study does not stand in the way of the other; what code registered does."""
    text = (folder / "nearest_mean.py").read_text(encoding="utf-8")
    unregistered = text[: text.rindex("ds.register_learner")]
    (folder / "other.py").write_text(unregistered, encoding="utf-8")
    (folder / "third.py").write_text(unregistered, encoding="utf-8")
    nearest_mean = importlib.import_module("nearest_mean")
    entry = LEARNERS.written("nearest_mean")
    assert entry is not None
    with pytest.raises(ArgumentError, match=r"be other:NearestMean; got nearest_mean:NearestMean in this process"):
        LEARNERS.adopt(entry | {"home": "other:NearestMean"})
    del LEARNERS._entries["nearest_mean"]
    for home in ("other", "third"):
        made = learner_from(entry | {"home": f"{home}:NearestMean"}, {"sharpness": 3.0})
        assert (type(made).__module__, made.params["sharpness"]) == (home, 3.0)
    # and what code registers takes the name again
    ds.register_learner(
        "nearest_mean", nearest_mean.NearestMean, task="classification", summary="", params=nearest_mean.PARAMS
    )
    assert LEARNERS.entry("nearest_mean").home == "nearest_mean:NearestMean"


def test_an_extension_that_cannot_be_imported_is_said_whenever_it_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.py").write_text("1 / 0\n", encoding="utf-8")
    for named, message in (("broken", "ZeroDivisionError"), ("not_there", "ModuleNotFoundError"), ("half_moons,a b", "a b")):
        monkeypatch.setenv("DSCALE_EXTENSIONS", named)
        for _ in range(2):
            with pytest.raises(ArgumentError, match=rf"DSCALE_EXTENSIONS must name modules.*{message}"):
                ds.list_learners()
    monkeypatch.setenv("DSCALE_EXTENSIONS", " half_moons , ")
    assert "half_moons" in ds.list_datasets()

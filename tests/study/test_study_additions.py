"""What a study keeps of the addition experiment: the same as a call makes, by the newest fit, and as a job and a command."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dscale_core as ds
from dscale_core import jobs
from dscale_core.__main__ import main
from dscale_core.curation import add_to_random_sets
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.jobs.kinds import KINDS
from dscale_core.study import Study

ASKED: dict[str, Any] = {"n": 6, "small": 20, "large": 60, "repeats": 2, "seed": 3}


@pytest.fixture
def study(cache: Path) -> Study:
    plan = ds.SamplingPlan(min_size=20, max_size=80, draws=12)
    made = Study.create(ds.load_dataset("breast_cancer"), ds.make_learner("logistic"), plan, cache)
    made.sample()
    return made


@pytest.fixture
def fitted(study: Study) -> Study:
    study.fit("likelihood")
    return study


def test_an_experiment_is_kept_as_it_was_measured(fitted: Study) -> None:
    found = fitted.additions.measure(**ASKED)
    direct = add_to_random_sets(fitted.dataset, fitted.learner, fitted.laws(), utility="log_loss", **ASKED)
    back = Study.open(fitted.id).additions
    [record] = back.records()
    assert (record.n, record.small, record.large, record.repeats, record.seed) == (6, 20, 60, 2, 3)
    assert (record.fit_id, record.verdict, record.version) == (fitted.fits()[0].id, found.verdict, ds.__version__)
    for one in (found, direct):
        kept = back.load(record.id)
        for name in ("sizes", "counts", "gain", "gain_low", "over_random", "over_random_high", "accuracy"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(one, name), err_msg=name)
        assert (kept.arms, kept.verdict, kept.n_candidates) == (one.arms, one.verdict, one.n_candidates)
    with pytest.raises(NotFoundError, match="no such addition experiment"):
        back.load("x")


def test_without_a_fit_there_is_nothing_to_rank_by(study: Study) -> None:
    with pytest.raises(NotFoundError, match="no fit to rank points by"):
        study.additions.measure(**ASKED)
    with pytest.raises(NotFoundError):
        jobs.submit(study, "addition", ASKED)
    assert study.additions.records() == []


def test_a_job_measures_it_and_a_cancelled_one_keeps_nothing(fitted: Study) -> None:
    said: list[tuple[int, int, str]] = []

    def report(done: int, total: int, message: str = "") -> None:
        said.append((done, total, message))

    KINDS["addition"](fitted, ASKED, report, lambda: len(said) > 1)
    assert len(said) == 2
    KINDS["addition"](fitted, ASKED, report, lambda: True)
    assert len(said) == 2
    assert fitted.additions.records() == []
    KINDS["addition"](fitted, ASKED, report, lambda: False)
    assert said[-1] == (100, 100, fitted.additions.load().verdict)
    with pytest.raises(ArgumentError, match="small must be a whole number of at least 2"):
        jobs.submit(fitted, "addition", {"small": 1})


def test_the_command_prints_the_table_and_the_verdict(fitted: Study, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["addition", "--study", fitted.id, "-n", "4", "--small", "20", "--large", "40", "--repeats", "2"]
    assert main(asked) == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    found = fitted.additions.load()
    assert len(rows) == found.gain.size
    assert float(rows[-1]["gain"]) == found.gain[-1, -1, -1]
    assert err.rstrip().endswith(found.verdict)
    assert main([*asked, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["small"], facts["large"], facts["n"]) == (20, 40, 4)
    assert facts["rows"][0]["gain"] == found.gain[0, 0, 0]
    assert main(["addition", "--study", fitted.id, "--small", "90", "--large", "40"]) == 2
    assert "large must be above small" in capsys.readouterr().err

"""What a study keeps of its points' worth: picks by the very fit that was asked for, values computed and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dscale_core import curation
from dscale_core.__main__ import main
from dscale_core.datasets import load_dataset
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.learners import make_learner
from dscale_core.store import FitRecord
from dscale_core.study import Study, value
from dscale_core.types import SamplingPlan

PLAN = SamplingPlan(points=tuple(range(0, 200, 4)), min_size=20, max_size=100, draws=12)


@pytest.fixture
def study(cache: Path) -> Study:
    """Fitted by likelihood at 12 draws and again at 40."""
    made = Study.create(load_dataset("breast_cancer"), make_learner("logistic"), PLAN, cache)
    made.sample()
    made.fit("likelihood")
    made.add_samples(replace(PLAN, draws=40), "fit")
    made.sample()
    made.fit("likelihood")
    return made


@pytest.fixture
def fits(study: Study) -> tuple[FitRecord, FitRecord]:
    """The older fit and the newer."""
    newer, older = study.fits()
    return older, newer


def test_a_pick_by_a_fits_id_is_by_that_fit(study: Study, fits: tuple[FitRecord, FitRecord]) -> None:
    picked = [study.pick(60, 10, fit_id=fit.id, include_flagged=True) for fit in fits]
    for fit, frame in zip(fits, picked, strict=True):
        laws = study.laws(fit_id=fit.id)
        expected = curation.pick(laws, study.dataset, k=60, n=10, include_flagged=True)
        assert frame.equals(expected)
    assert picked[0]["point"].tolist() != picked[1]["point"].tolist()
    newest = study.pick(60, 10, include_flagged=True)
    assert newest.equals(picked[1])
    assert study.pick(60, 10, "likelihood", fits[0].id, include_flagged=True).equals(picked[0])
    for wanted in ({"fit_id": "nothere"}, {"method": "shrinkage", "fit_id": fits[0].id}):
        with pytest.raises(NotFoundError, match="has no fit"):
            study.pick(60, 10, **wanted)


def test_the_command_line_exports_that_fit(
    study: Study, fits: tuple[FitRecord, FitRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for fit in fits:
        assert main(["export", "--study", study.id, "-k", "60", "-n", "8", "--fit", fit.id]) == 0
        found.append([int(line.split(",")[1]) for line in capsys.readouterr().out.splitlines()[1:]])
        assert found[-1] == study.pick(60, 8, fit_id=fit.id)["point"].tolist()
    assert found[0] != found[1]
    with pytest.raises(SystemExit):
        main(["export", "--study", study.id, "--fit", fits[0].id, "--method", "likelihood"])


def test_values_are_computed_from_that_fit_and_kept(study: Study, fits: tuple[FitRecord, FitRecord]) -> None:
    older = study.value("law_shapley", fit_id=fits[0].id)
    newer = study.value("law_shapley", method="likelihood")
    for fit, found in zip(fits, (older, newer), strict=True):
        expected = value("law_shapley", study.dataset, study.learner, laws=study.laws(fit_id=fit.id))
        np.testing.assert_array_equal(found.value, expected.value)
        np.testing.assert_array_equal(found.error, expected.error)
        np.testing.assert_array_equal(found.points, PLAN.points)
    assert not np.array_equal(older.value, newer.value)
    drawn = study.value("mean_contribution", min_size=30, max_size=90, seed=4)
    records = Study.open(study.id).values()
    assert [record.name for record in records] == ["mean_contribution", "law_shapley", "law_shapley"]
    assert [record.fit_id for record in records] == [None, fits[1].id, fits[0].id]
    assert [record.method for record in records] == [None, "likelihood", "likelihood"]
    assert [record.n_coalitions for record in records] == [40, 40, 12]
    assert [(record.min_size, record.max_size, record.seed) for record in records] == [(30, 90, 4), *[(20, 100, 0)] * 2]
    back = Study.open(study.id)
    np.testing.assert_array_equal(back.load_value().value, drawn.value)
    np.testing.assert_array_equal(back.load_value("law_shapley").value, newer.value)
    kept = back.load_value(value_id=records[2].id)
    np.testing.assert_array_equal(kept.error, older.error)
    assert (kept.unit, kept.cost) == ("nats", older.cost)


def test_values_ask_for_what_is_missing(cache: Path) -> None:
    made = Study.create(load_dataset("breast_cancer"), make_learner("logistic"), PLAN, cache)
    with pytest.raises(NotFoundError, match="has no draws of the role 'fit' yet"):
        made.value("mean_contribution")
    with pytest.raises(NotFoundError, match="has no fit yet"):
        made.value("law_shapley")
    with pytest.raises(NotFoundError, match="There is no value 'worth'"):
        made.value("worth")
    with pytest.raises(NotFoundError, match="no value"):
        made.load_value()
    assert made.values() == []


def test_the_laws_value_agrees_with_the_draws_own(study: Study) -> None:
    """Two ways to one number: by the laws, and by the draws themselves."""
    study.fit("shrinkage")
    by_law, by_draws = study.value("law_shapley"), study.value("mean_contribution")
    known = np.isfinite(by_law.value)
    assert known.sum() > 40
    assert np.corrcoef(by_law.value[known], by_draws.value[known])[0, 1] > 0.9
    # by as much as their errors say; the law's also allows for other valuation rows, which both have in common here
    apart = (by_law.value - by_draws.value)[known] / np.hypot(by_law.error, by_draws.error)[known]
    assert 0.25 < np.sqrt(np.mean(apart**2)) < 1.5


def test_the_command_line_lists_and_computes_values(
    study: Study, fits: tuple[FitRecord, FitRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["values"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["law_shapley", "mean_contribution"]
    assert main(["methods"]) == 0
    assert capsys.readouterr().out.split()[0] == "shrinkage"
    out = tmp_path / "values.csv"
    wanted = ["value", "--study", study.id, "--name", "law_shapley", "--fit", fits[0].id, "--out", str(out)]
    assert main(wanted) == 0
    assert capsys.readouterr().out.strip() == str(out)
    lines = out.read_text("utf-8-sig").splitlines()
    assert lines[0] == "rank,point,row,label,value,error"
    kept = study.load_value("law_shapley")
    assert study.values()[0].fit_id == fits[0].id
    best = int(kept.points[np.nanargmax(kept.value)])
    assert lines[1].split(",")[:2] == ["1", str(best)]
    assert float(lines[1].split(",")[4]) == np.nanmax(kept.value)
    assert main(["value", "--study", study.id, "--name", "mean_contribution"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 51
    for arguments, message in (
        (["--study", study.id, "--name", "worth"], "There is no value 'worth'"),
        (["--study", study.id, "--name", "law_shapley", "--method", "two_term"], "no fit by 'two_term'"),
    ):
        assert main(["value", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_a_study_needs_a_learner_that_can_be_written_down(cache: Path) -> None:
    made = make_learner("logistic", C=np.float64(0.5))
    study = Study.create(load_dataset("breast_cancer"), made, PLAN, cache)
    assert dict(study.learner.params) == {"C": 0.5}
    with pytest.raises(ArgumentError, match="C must be positive"):
        make_learner("logistic", C="0.5")

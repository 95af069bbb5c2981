"""`dscale choose` and `dscale verify`: the set named in every way, files with what they are made of, JSON, mistakes."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dscale_core as ds
from dscale_core.__main__ import main
from dscale_core.study import Study

PLAN = ds.SamplingPlan(min_size=20, max_size=80, draws=12)


@pytest.fixture
def study(cache: Path) -> Study:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 3))
    frame = pd.DataFrame(x, columns=["a", "b", "=c"])
    frame["label"] = np.where(x[:, 0] + x[:, 1] + rng.normal(0, 1, 400) > 0, "yes", "no")
    frame["batch"] = rng.integers(0, 4, 400)
    return Study.create(ds.read_table(frame, name="made"), ds.make_learner("logistic"), PLAN, cache)


def test_choose_writes_the_list_and_how_it_was_made(
    study: Study, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "picks.csv"
    assert main(["choose", "--study", study.id, "-n", "4", "--k", "30", "--seed", "2", "--out", str(out)]) == 0
    said, progress = capsys.readouterr()
    assert "choosing: 100 %" in progress
    lines = said.splitlines()
    assert lines[:2] == [str(out), str(tmp_path / "picks.json")]
    [record] = study.lists.records()
    assert lines[2].startswith(f"{record.id}: A random set of 30 points")
    assert "expected" in lines[3]
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    chosen = study.lists.load()
    assert [int(row["point"]) for row in rows] == chosen.points.tolist()
    assert "'=c" in rows[0]
    facts = json.loads((tmp_path / "picks.json").read_text())
    assert (facts["list"], facts["goal"], facts["n_asked"], facts["seed"]) == (record.id, "add", 4, 2)
    assert facts["verification"].startswith("none")


def test_choose_as_json_and_parquet(study: Study, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "picks.parquet"
    wanted = ["choose", "--study", study.id, "-n", "3", "--current-column", "batch=1", "--json", "--out", str(out)]
    assert main(wanted) == 0
    facts = json.loads(capsys.readouterr().out)
    members = np.flatnonzero(study.dataset.records["batch"] == 1)
    current = study.current()
    assert current is not None
    np.testing.assert_array_equal(current.points, members)
    assert facts["current_set"]["source"] == f"The {members.size} points whose batch is 1."
    assert facts["points"] == pd.read_parquet(out)["point"].tolist() == study.lists.load().points.tolist()
    assert (tmp_path / "picks.json").exists()


def test_rows_from_a_file_become_the_studys_current_set(
    study: Study, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = study.dataset.records.index[:50].tolist()
    (tmp_path / "rows.csv").write_text("row\n" + "\n".join(map(str, rows)) + "\n")
    wanted = ["choose", "--study", study.id, "-n", "2"]
    assert main([*wanted, "--current-rows", str(tmp_path / "rows.csv")]) == 0
    out, err = capsys.readouterr()
    assert "50 points: the rows in rows.csv." in err
    assert out.startswith("order,action,point,row,label,gain,promise")
    assert main([*wanted, "--goal", "drop"]) == 0
    (own,) = study.lists.load().sets
    np.testing.assert_array_equal(own, np.arange(50))
    assert main(["choose", "--study", study.id, "-n", "1", "--k", "30", "--sets", "2"]) == 0
    assert [own.size for own in study.lists.load().sets] == [30, 30]


def test_a_time_allows_so_many_candidates_and_gives_that_list_again(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Study.create(study.dataset, ds.make_learner("tree"), PLAN, study.cache)
    wanted = ["choose", "--study", tree.id, "-n", "2", "--k", "40"]
    assert main([*wanted, "--estimate", "--jobs", "2"]) == 0
    said = capsys.readouterr().out
    assert re.fullmatch(r"About \d+ s at most on 2 processes: 200 candidates to look at, [\d,]+ fits\.\n", said)
    assert tree.lists.records() == []
    monkeypatch.setattr("dscale_core.curation.estimating.ChoosingEstimate.within", lambda *_: 37)
    assert main([*wanted, "--max-seconds", "1e-9"]) == 0
    err = capsys.readouterr().err
    assert "37 of them are looked at, drawn by seed; --most-candidates 37 gives this list again" in err
    within = tree.lists.load()
    assert within.candidates.size == 37
    assert main([*wanted, "--most-candidates", "37", "--jobs", "2"]) == 0
    assert tree.lists.load().points.tolist() == within.points.tolist()
    monkeypatch.setattr("dscale_core.curation.estimating.ChoosingEstimate.within", lambda *_: None)
    assert main([*wanted, "--max-seconds", "1e-9"]) == 2
    assert "--max-seconds must allow to look at as many candidates" in capsys.readouterr().err


def test_a_column_that_is_not_learned_from_names_the_set(
    cache: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 2))
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(in_training=rng.integers(0, 2, 300))
    frame["label"] = np.where(x[:, 0] + rng.normal(0, 1, 300) > 0, "yes", "no")
    frame.to_csv(tmp_path / "table.csv", index=False)
    sampled = ["sample", "--table", str(tmp_path / "table.csv"), "--ignore", "in_training", "--draws", "2"]
    assert main([*sampled, "--min-size", "20", "--max-size", "40"]) == 0
    study = Study.open(Study.list(cache)[0].id, cache)
    assert study.dataset.feature_names == ("a", "b")
    assert main(["choose", "--study", study.id, "-n", "1", "--current-column", "in_training"]) == 0
    (own,) = study.lists.load().sets
    np.testing.assert_array_equal(own, np.flatnonzero(study.dataset.records["in_training"] == 1))
    assert f"The {own.size} points whose in_training says yes." in capsys.readouterr().err


def test_verify_prints_arms_and_verdict(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.choose(n=3, current=np.arange(30))
    assert main(["verify", "--study", study.id, "--repeats", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = study.lists.verification()
    assert [line.split()[0] for line in lines[1:-1]] == list(found.arms)
    assert lines[-1] == found.verdict
    assert float(lines[1].split()[1]) == pytest.approx(found.gain[0], rel=0.1)
    wanted = [
        "verify",
        "--study",
        study.id,
        "--choice",
        study.lists.records()[0].id,
        "--repeats",
        "3",
        "--seed",
        "1",
        "--json",
    ]
    assert main(wanted) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["seed"] == 1
    assert [arm["arm"] for arm in facts["arms"]] == list(found.arms)
    assert facts["verdict"] == study.lists.verification().verdict
    assert facts["arms"][1]["over_random"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["choose", "--goal", "keep"], "goal must be one of"),
        (["choose", "--current-column", "nothing=1"], "column must be a column of the records"),
        (["choose", "--current-rows", "not-there.csv"], "Could not read not-there.csv"),
        (["choose", "--k", "4000"], "k must be from 2"),
        (["choose", "--out", "picks.json"], "--out must be a .csv or .parquet file"),
        (["verify"], "no list yet"),
        (["verify", "--choice", "nothing"], "no list 'nothing'"),
    ],
)
def test_mistakes_end_in_one_line(
    study: Study, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([*arguments, "--study", study.id]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert study.lists.records() == []


def test_only_one_current_set_can_be_named(study: Study) -> None:
    with pytest.raises(SystemExit):
        main(["choose", "--study", study.id, "--k", "30", "--current-column", "batch=1"])

"""`python -m dscale_core`: the whole way without a browser, and mistakes that end in one line."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from dscale_core.__main__ import main
from dscale_core.datasets import list_datasets
from dscale_core.learners import list_learners
from dscale_core.study import Study

SMALL = ["--min-size", "20", "--max-size", "60", "--draws", "12"]


def _sampled(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["sample", *arguments]) == 0
    return capsys.readouterr().out.strip()


def test_the_lists_name_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == main(["learners"]) == 0
    first_words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert first_words == list_datasets() + list_learners()


@pytest.mark.usefixtures("cache")
def test_sample_fit_export(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["sample", "--dataset", "breast_cancer", "--param", "C=0.5", "--name", "first", "--seed", "2", *SMALL]) == 0
    out, err = capsys.readouterr()
    study = Study.open(out.strip())
    assert "12 of 12 coalitions" in err
    assert (study.name, dict(study.learner.params), study.plan.seed) == ("first", {"C": 0.5}, 2)
    assert main(["fit", "--study", study.id, "--method", "likelihood"]) == 0
    assert capsys.readouterr().out.startswith("likelihood on 12 coalitions in ")
    assert main(["studies"]) == 0
    assert f"{study.id}  12/12 coalitions  fits likelihood" in capsys.readouterr().out
    target = tmp_path / "picked.csv"
    assert main(["export", "--study", study.id, "-k", "50", "-n", "5", "--goal", "add", "--out", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"))))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    expected = study.pick(50, 5, goal="add")["point"]
    assert [int(row["point"]) for row in rows] == expected.tolist()
    for given, balance in (([], "free"), (["--balance", "equal"], "equal")):
        assert main(["export", "--study", study.id, "-k", "50", "-n", "6", "--goal", "check", *given]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out.lstrip("\ufeff"))))
        assert [int(row["point"]) for row in rows] == study.pick(50, 6, goal="check", balance=balance)["point"].tolist()


@pytest.mark.usefixtures("cache")
def test_validate_draws_once_and_prints_a_row_a_size(capsys: pytest.CaptureFixture[str]) -> None:
    study_id = _sampled(capsys, "--dataset", "breast_cancer", *SMALL)
    wanted = ["validate", "--study", study_id, "--sizes", "20,120", "--draws", "5"]
    assert main(wanted) == 2  # no laws yet, and so nothing is drawn
    study = Study.open(study_id)
    assert study.roles() == ("fit",)
    study.fit()
    capsys.readouterr()
    for _ in range(2):
        assert main(wanted) == 0
        out, err = capsys.readouterr()
        assert "10 of 10 coalitions" in err
        rows = [line.split() for line in out.splitlines()[1:]]
        assert [row[0] for row in rows] == ["20", "120"]
    found = study.accuracy()
    assert [float(row[1]) for row in rows] == pytest.approx(found.r2, abs=0.005)
    assert [int(row[-1]) for row in rows] == found.n_points.tolist()


@pytest.mark.usefixtures("cache")
def test_listed_sizes_and_resume(capsys: pytest.CaptureFixture[str]) -> None:
    study_id = _sampled(capsys, "--dataset", "breast_cancer", "--sizes", "20,40", "--draws", "3")
    study = Study.open(study_id)
    assert study.plan.sizes == (20, 40)
    assert study.progress().done == 6
    for path in sorted((study.cache / "studies").rglob("*.npy")):
        path.unlink()
    assert _sampled(capsys, "--study", study_id) == study_id
    assert study.progress().done == 6


@pytest.mark.usefixtures("cache")
def test_a_table_of_ones_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = [f"{i % 7},{i * i % 11},{'yes' if i % 3 else 'no'}" for i in range(120)]
    table = tmp_path / "mine.csv"
    table.write_text("a,b,answer\n" + "\n".join(lines) + "\n")
    options = ["--learner", "logistic", "--utility", "brier", "--min-size", "10", "--max-size", "30", "--draws", "4"]
    study = Study.open(_sampled(capsys, "--table", str(table), "--label", "answer", *options))
    assert (study.utility, study.progress().done, study.dataset.label_name) == ("brier", 4, "answer")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "--dataset", "brest_cancer"], "Did you mean 'breast_cancer'"),
        (["sample", "--dataset", "breast_cancer", "--learner", "nonsense"], "nonsense"),
        (["sample", "--dataset", "breast_cancer", "--param", "C"], "--param must be KEY=VALUE"),
        (["sample", "--dataset", "breast_cancer", "--sizes", "a,b"], "--sizes must be"),
        (["sample", "--dataset", "breast_cancer", "--max-size", "100000"], "max_size"),
        (["sample", "--study", "../../etc"], "There is no study"),
        (["fit", "--study", "0123456789ab"], "There is no study"),
        (["export", "--study", "0123456789ab"], "There is no study"),
        (["choose", "--study", "0123456789ab"], "There is no study"),
        (["verify", "--study", "0123456789ab"], "There is no study"),
    ],
)
def test_mistakes_end_in_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("dscale: ")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("cache")
def test_a_file_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    study_id = _sampled(capsys, "--dataset", "breast_cancer", *SMALL)
    main(["fit", "--study", study_id, "--method", "likelihood"])
    assert main(["export", "--study", study_id, "-k", "50", "-n", "3", "--out", str(tmp_path / "no" / "a.csv")]) == 2
    assert "Choose another file with --out" in capsys.readouterr().err


def test_a_missing_command_is_a_mistake() -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2


def test_the_module_runs_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, runpy; sys.argv = ['dscale', 'studies', '--cache', sys.argv[1]]\n"
        "try: runpy.run_module('dscale_core', run_name='__main__')\n"
        "except SystemExit as ended: assert ended.code == 0, ended.code\n"
        "import dscale_core; assert 'torch' not in sys.modules, 'torch was loaded to list studies'"
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", code, str(tmp_path / "none")]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert not (tmp_path / "none").exists()

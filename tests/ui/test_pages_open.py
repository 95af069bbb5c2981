"""Every page, with nothing to show and with a finished study: a title, no traceback, and a next step."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from looking import texts
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["Home", "Data", "Sample", "Fit", "Explore", "Validate", "Value", "Pick"]
SCRIPTS = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


def labels_of(app: AppTest, kind: str) -> list[str]:
    return [element.proto.label for element in app.get(kind)]


@pytest.mark.parametrize("name", NAMES)
def test_empty_page_has_a_title_and_names_the_next_step(name: str, open_page, tmp_path: Path) -> None:
    app = open_page(name, tmp_path / "empty")
    assert not app.exception
    assert not app.error
    assert app.title[0].value == ("dscale" if name == "Home" else name)
    body = [link.proto.label for link in app.main if link.type == "page_link"]
    nested = [link.proto.label for link in app.get("page_link") if link.proto.label not in NAMES]
    steps = {
        "Home": "Choose data",
        "Data": "Sample digits",
        "Fit": "Start a study",
        "Explore": "Start a study",
        "Validate": "Start a study",
        "Value": "Start a study",
        "Pick": "Start a study",
    }
    if name == "Sample":
        assert "Start sampling" in [button.label for button in app.button]
    else:
        assert steps[name] in [*body, *nested]


@pytest.mark.parametrize("name", NAMES)
def test_full_page_shows_the_study_without_an_error(name: str, open_page, finished) -> None:
    app = open_page(name, finished.folder)
    assert not app.exception
    assert [error.value for error in app.error] == []
    if name not in ("Home", "Data"):
        assert app.selectbox(key="study").value == finished.study_id
        assert str(app.query_params["study"]).strip("[]'") == finished.study_id
    charts = {"Home": 0, "Data": 1, "Sample": 0, "Fit": 4, "Explore": 5, "Validate": 2, "Value": 0, "Pick": 0}
    assert len(app.get("plotly_chart")) == charts[name]


@pytest.mark.parametrize("name", ["Explore", "Validate", "Pick"])
def test_size_k_is_taken_from_the_url(name: str, open_page, finished) -> None:
    view = {"pick_view": "top of the ranking"} if name == "Pick" else {}
    app = open_page(name, finished.folder, query={"study": finished.study_id, "k": "60", **view})
    assert app.number_input(key="k").value == 60
    beyond = open_page(name, finished.folder, query={"k": "5000", **view})
    assert any("extrapolated" in warning.value for warning in beyond.warning)


def test_home_lists_the_study_with_its_state_and_links(open_page, finished) -> None:
    app = open_page("Home", finished.folder)
    shown = texts(app)
    assert "**Small study**" in shown
    assert "fitted" in shown
    assert "likelihood" in shown
    targets = [link.proto.query_string for link in app.get("page_link") if link.proto.query_string]
    assert targets == [f"study={finished.study_id}"] * 3


def test_a_link_to_a_study_that_is_not_here_is_said_and_survived(open_page, finished) -> None:
    app = open_page("Explore", finished.folder, query={"study": "../../etc"})
    assert not app.exception
    assert app.selectbox(key="study").value == finished.study_id
    assert any("not here" in warning.value for warning in app.warning)


def test_validate_uses_the_draws_that_the_fit_never_saw(open_page, finished) -> None:
    app = open_page("Validate", finished.folder)
    assert "12 validation coalitions that the fit never saw" in texts(app)


def test_validate_says_in_sample_where_there_are_no_validation_draws(open_page, tmp_path: Path) -> None:
    from dscale_core import SamplingPlan, Study, load_dataset, make_learner

    plan = SamplingPlan(min_size=20, max_size=60, draws=10)
    study = Study.create(load_dataset("breast_cancer"), make_learner("logistic"), plan, tmp_path)
    empty = open_page("Explore", tmp_path)
    assert "No draws yet" in texts(empty)
    study.sample()
    unfitted = open_page("Explore", tmp_path)
    assert "No law is fitted yet" in texts(unfitted)
    study.fit("likelihood")
    app = open_page("Validate", tmp_path)
    assert "in-sample" in texts(app)
    assert "flattered" in texts(app)


def test_sample_page_shows_the_open_study(open_page, finished) -> None:
    app = open_page("Sample", finished.folder, query={"view": "This study"})
    assert "Small study" in texts(app)
    assert {"Audit 24 pairs"} <= {button.label for button in app.button}
    assert "Validate the laws" in labels_of(app, "page_link")


def test_sample_page_estimates_before_it_starts(open_page, tmp_path: Path) -> None:
    app = open_page("Sample", tmp_path, query={"dataset": "breast_cancer"})
    assert app.selectbox(key="dataset").value == "breast_cancer"
    next(button for button in app.button if button.label == "Estimate the cost").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == []
    assert [metric.label for metric in app.metric] == ["Time", "Contributions/s", "Disk", "Memory"]


def test_a_plan_that_cannot_run_is_one_sentence(open_page, tmp_path: Path) -> None:
    app = open_page("Sample", tmp_path, query={"dataset": "breast_cancer"})
    app.number_input(key="min_size_breast_cancer").set_value(200)
    app.number_input(key="max_size_breast_cancer").set_value(100).run()
    assert not app.exception
    assert len(app.error) == 1
    assert app.error[0].value.startswith("max_size must be at least min_size")


def test_data_page_reads_a_table_from_a_path(open_page, tmp_path: Path) -> None:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"height": rng.normal(size=80), "weight": rng.normal(size=80), "kind": ["a", "b"] * 40})
    frame.to_csv(tmp_path / "people.csv", index=False)
    app = open_page("Data", tmp_path / "cache", query={"source": "your table"})
    app.text_input(key="table_path").set_value(str(tmp_path / "people.csv")).run()
    next(box for box in app.selectbox if box.label == "Label").set_value("kind").run()
    next(button for button in app.button if button.label == "Use this table").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == []
    assert app.session_state["table_dataset"].class_names == ("a", "b")
    assert next(metric.value for metric in app.metric if metric.label.startswith("Pool")) == "48"
    app.switch_page("pages/2_Sample.py").run()
    assert "people: 48 points" in texts(app)


def test_a_path_that_is_not_there_is_one_sentence(open_page, tmp_path: Path) -> None:
    app = open_page("Data", tmp_path, query={"source": "your table"})
    app.text_input(key="table_path").set_value(str(tmp_path / "nothing.csv")).run()
    assert not app.exception
    assert len(app.error) == 1
    assert "nothing.csv" in app.error[0].value


@pytest.mark.parametrize("script", SCRIPTS, ids=[path.name for path in SCRIPTS])
def test_page_scripts_hold_no_maths_and_no_classes(script: Path) -> None:
    tree = ast.parse(script.read_text(encoding="utf-8"))
    imported = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {"numpy", "pandas", "scipy", "sklearn", "sqlite3", "joblib", "torch", "numba", "plotly"}
    assert not [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    if script.name != "__init__.py":
        assert "begin_page(" in script.read_text(encoding="utf-8")

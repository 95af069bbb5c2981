"""The Value page: what can be computed, from what, as a job; then a histogram that selects and a ranked table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from looking import button, ok, texts
from made import made_study
from streamlit.testing.v1 import AppTest

from dscale_core import Study, jobs, list_values
from dscale_core.jobs import taken_along
from dscale_core.laws import METHODS, register_method
from dscale_core.values import describe_value
from pages._ui.selecting import table_parts
from pages._ui.value import ask


@pytest.fixture(scope="module")
def valued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Breast cancer, 50 points, two fits; the older has its value, and so have the draws."""
    folder = tmp_path_factory.mktemp("valued")
    study = made_study(
        folder, points=tuple(range(50)), min_size=20, max_size=120, draws=20, fits=("likelihood", "two_term"), name="Valued"
    )
    study.value("law_shapley", method="likelihood")
    study.value("mean_contribution")
    return folder


@pytest.fixture
def study(valued: Path) -> Study:
    return Study.open(Study.list(valued)[0].id, valued)


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """What was asked for, instead of doing it."""
    asked: list[tuple[str, str, dict[str, Any]]] = []
    monkeypatch.setattr(ask.jobs, "submit", lambda study, kind, params: asked.append((study.id, kind, params)))
    return asked


def table(app: AppTest) -> Any:
    return app.get("dataframe")[-1].value


def test_what_is_not_computed_yet_can_be(open_page, finished, submitted: list[Any]) -> None:
    app = ok(open_page("Value", finished.folder))
    assert app.selectbox(key="value").options == list_values()
    assert describe_value("law_shapley").summary in texts(app)
    assert "From the laws by likelihood, fitted to 16 coalitions. Not computed yet." in texts(app)
    assert app.get("plotly_chart") == []
    button(app, "Compute").click().run()
    fit = Study.open(finished.study_id, finished.folder).fits()[0]
    assert submitted == [(finished.study_id, "value", {"name": "law_shapley", "fit_id": fit.id})]
    app.selectbox(key="value").set_value("mean_contribution").run()
    assert "From the 16 coalitions drawn so far. Not computed yet." in texts(ok(app))
    button(app, "Compute").click().run()
    assert submitted[1:] == [(finished.study_id, "value", {"name": "mean_contribution"})]
    assert taken_along.entries_of(Study.open(finished.study_id, finished.folder), *submitted[1][1:]) == {}


def test_a_value_shows_its_histogram_and_its_table(open_page, valued: Path, study: Study) -> None:
    app = ok(open_page("Value", valued, query={"value": "mean_contribution"}))
    values = study.load_value("mean_contribution")
    assert len(app.get("plotly_chart")) == 1
    assert "0 of 50" in texts(app)
    shown = table(app)
    assert shown.columns.tolist() == ["rank", "point", "row", "label", "value", "error"]
    assert shown["point"].tolist() == values.points[(-values.value).argsort(kind="stable")].tolist()
    assert f"**{(values.value > 0).sum()}** of 50 points help" in texts(app)
    assert "for sizes 20 to 120" in texts(app)
    assert "More coalitions were drawn" not in texts(app)


def test_a_value_by_laws_is_that_of_the_fit_in_the_sidebar(open_page, valued: Path, study: Study) -> None:
    app = ok(open_page("Value", valued, query={"value": "law_shapley", "fit": "likelihood"}))
    assert table(app)["value"].tolist() == sorted(study.load_value("law_shapley").value, reverse=True)
    app.sidebar.radio(key="fit").set_value("two_term").run()
    assert "by two_term, fitted to 20 coalitions. Not computed yet." in texts(ok(app))
    assert app.get("plotly_chart") == []


def test_the_table_and_its_download_follow_the_selection(open_page, valued: Path, study: Study) -> None:
    selection = study.save_selection([3, 7, 11], None)
    app = ok(open_page("Value", valued, query={"value": "mean_contribution", "sel": selection}))
    assert "**3 of 50** points selected" in texts(app)
    assert len(table(app)) == 50
    app.toggle(key="value_selected").set_value(True).run()
    assert sorted(table(ok(app))["point"]) == [3, 7, 11]
    assert "CSV of these 3" in [one.proto.label for one in app.get("download_button")]
    assert "of 3 points help" in texts(app)
    button(app, "Clear").click().run()
    assert len(table(ok(app))) == 50
    assert app.toggle(key="value_selected").disabled


def test_more_draws_make_a_value_of_draws_old(open_page, tmp_path: Path) -> None:
    made = made_study(tmp_path, points=tuple(range(30)), min_size=20, max_size=60, draws=8, fits=("likelihood",))
    made.value("mean_contribution")
    made.add_samples(replace(made.plan, draws=12), "fit")
    made.sample()
    app = ok(open_page("Value", tmp_path, query={"value": "mean_contribution"}))
    assert "More coalitions were drawn since" in texts(app)


def test_points_without_a_value_are_counted(open_page, valued: Path, study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = study.load_value("mean_contribution")
    holes = replace(whole, value=whole.value.copy(), error=whole.error.copy())
    holes.value[:4] = holes.error[:4] = float("nan")
    monkeypatch.setattr(Study, "load_value", lambda *_args, **_options: holes)
    app = ok(open_page("Value", valued, query={"value": "mean_contribution"}))
    assert "of 46 points help, 4 have no value" in texts(app)


def test_long_tables_are_cut_and_say_so(open_page, valued: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_parts, "_MOST_ROWS", 10)
    app = ok(open_page("Value", valued, query={"value": "mean_contribution"}))
    assert len(table(app)) == 10
    assert "Showing the first 10 of 50 rows" in texts(app)


def test_without_draws_or_laws_the_next_step_is_named(open_page, tmp_path: Path) -> None:
    from dscale_core import SamplingPlan, load_dataset, make_learner

    made = Study.create(
        load_dataset("breast_cancer"), make_learner("logistic"), SamplingPlan(min_size=20, max_size=60, draws=6), tmp_path
    )
    assert "No draws yet" in texts(ok(open_page("Value", tmp_path)))
    made.sample()
    app = ok(open_page("Value", tmp_path))
    assert "No law is fitted yet" in texts(app)
    assert [one.label for one in app.button if one.label.startswith("Compute")] == []
    app.selectbox(key="value").set_value("mean_contribution").run()
    assert "From the 6 coalitions drawn so far" in texts(ok(app))


def test_a_waiting_value_is_shown_and_not_asked_for_twice(
    open_page, valued: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dscale_core.jobs.launcher.ensure_worker", lambda _store: False)
    job = jobs.submit(study, "value", {"name": "mean_contribution"})
    app = ok(open_page("Value", valued, query={"value": "mean_contribution"}))
    assert "**Value (mean_contribution)**" in texts(app)
    assert button(app, "Compute again").disabled
    app.selectbox(key="value").set_value("law_shapley").run()
    assert not button(app, "Compute").disabled
    jobs.cancel(job.id, valued)


def own_fit(problem: Any) -> Any:
    from dscale_core.laws import fit_laws

    return fit_laws(problem.delta, problem.sizes, "likelihood")


def test_a_fit_by_a_method_that_this_process_does_not_know_is_shown(
    open_page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook fitted by an estimator of its own; the dashboard reads the laws all the same."""
    with monkeypatch.context() as patch:
        patch.setattr(METHODS, "_entries", dict(METHODS._entries))
        register_method("own", own_fit, summary="mine")
        made = made_study(tmp_path, points=tuple(range(30)), min_size=20, max_size=60, draws=12, fits=("own",))
    made.value("law_shapley")
    for page in ("Value", "Fit", "Explore"):
        app = ok(open_page(page, tmp_path))
        assert app.sidebar.radio(key="fit").options == ["own"]
    assert "From the laws by own" in texts(open_page("Value", tmp_path))


def test_a_link_to_an_unknown_value_shows_the_first(open_page, valued: Path) -> None:
    app = ok(open_page("Value", valued, query={"value": "os:system"}))
    assert app.selectbox(key="value").value == list_values()[0]

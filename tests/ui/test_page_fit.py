"""The Fit page: one fit with its statuses, fits side by side, what changed between two; never a traceback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from looking import button, ok, texts
from made import made_job, made_study
from streamlit.testing.v1 import AppTest

from dscale_core import Study, jobs
from dscale_core.laws import list_methods
from dscale_core.validation import compare_laws

VIEWS = ("This fit", "Side by side", "Two fits")


def charts(app: AppTest) -> list[str]:
    return [element.proto.id for element in app.get("plotly_chart")]


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Breast cancer, 50 points: fitted at 20 draws by two methods, drawn on to 40 and fitted again; validated."""
    folder, plan = tmp_path_factory.mktemp("refitted"), {"min_size": 20, "max_size": 120, "draws": 20}
    study = made_study(folder, fits=("likelihood", "shrinkage"), points=tuple(range(50)), **plan)
    study.add_samples(replace(study.plan, draws=40), role="fit")
    study.sample()
    study.fit("shrinkage")
    study.add_samples(replace(study.plan, sizes=(20, 100), draws=15, seed=1))
    study.sample(role="validation")
    return folder


@pytest.fixture
def study(refitted: Path) -> Study:
    return Study.open(Study.list(refitted)[0].id, refitted)


@pytest.mark.parametrize(("view", "n_charts"), [*zip(VIEWS, (4, 3, 1), strict=True)])
def test_every_view_opens_with_its_charts(view: str, n_charts: int, open_page, refitted: Path) -> None:
    app = ok(open_page("Fit", refitted, query={"fit_view": view}))
    assert len(charts(app)) == n_charts


def test_a_guided_fit_says_so_and_others_do_not(open_page, refitted: Path, study: Study) -> None:
    assert study.laws("shrinkage").guided
    app = ok(open_page("Fit", refitted))
    assert "Guided by the learner's own cheap approximation" in texts(app)
    app.sidebar.radio(key="fit").set_value("likelihood").run()
    assert "Guided by" not in texts(ok(app))


def test_a_status_selects_its_points(open_page, refitted: Path, study: Study) -> None:
    app = ok(open_page("Fit", refitted))
    app.button(key="select_ok").click().run()
    laws = study.laws("shrinkage")
    assert list(app.session_state["selection"]["points"]) == laws.points[laws.status == "ok"].tolist()
    assert f"**{(laws.status == 'ok').sum():,} of 50** points selected" in texts(ok(app))


def test_all_methods_that_are_missing_are_queued_in_order(monkeypatch, open_page, refitted: Path) -> None:
    asked: list[str] = []
    monkeypatch.setattr(jobs, "submit", lambda study, kind, params: asked.append(params["method"]))  # noqa: ARG005
    app = ok(open_page("Fit", refitted))
    button(app, "Fit all that are missing").click().run()
    # likelihood has a fit, but not of all draws
    assert asked == [method for method in list_methods() if method != "shrinkage"]


def test_side_by_side_shows_what_the_fits_are(open_page, refitted: Path, study: Study) -> None:
    app = ok(open_page("Fit", refitted, query={"fit_view": "Side by side"}))
    table: pd.DataFrame = app.dataframe[0].value
    assert table["fit"].tolist() == ["shrinkage, 40 coalitions", "shrinkage, 20 coalitions", "likelihood, 20 coalitions"]
    assert table["guided"].tolist() == [True, True, False]
    assert table.loc[0, "r2"] == pytest.approx(np.mean(study.accuracy("shrinkage").r2))
    assert table.loc[0, "alpha"] == pytest.approx(np.median(study.laws("shrinkage").alpha))
    app.multiselect(key="fits").set_value([]).run()
    assert "Choose one fit or more" in texts(ok(app))
    assert not charts(app)


def test_two_fits_are_compared_as_the_core_compares_them(open_page, refitted: Path, study: Study) -> None:
    app = ok(open_page("Fit", refitted, query={"fit_view": "Two fits", "k": "60"}))
    newest, before = [fit for fit in study.fits() if fit.method == "shrinkage"]
    found = compare_laws(study.laws("shrinkage", before.id), study.laws("shrinkage", newest.id), 60)
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Ranks of ψ"] == f"{found.psi.rank_correlation:.3f}"
    assert shown["ψ moved"] == f"{found.psi.share_moved:.1%}"
    moved = found.points[np.abs(found.psi.shift) > 1].tolist()
    button(app, "Select the ").click().run() if moved else None
    assert sorted(app.session_state["selection"]["points"] if moved else []) == sorted(moved)
    app.selectbox(key="from").set_value("shrinkage, 40 coalitions").run()
    assert "Both are the same fit" in texts(ok(app))


def test_one_fit_has_nothing_to_be_compared_with(open_page, finished) -> None:
    app = ok(open_page("Fit", finished.folder, query={"fit_view": "Two fits"}))
    assert "There is one fit so far" in texts(app)
    ok(open_page("Fit", finished.folder, query={"fit_view": "Side by side"}))


def test_a_study_of_which_no_point_has_a_law_opens(open_page, tmp_path: Path) -> None:
    fits, plan = ("likelihood", "shrinkage"), {"points": tuple(range(8)), "sizes": (40,), "draws": 10}
    made_study(tmp_path, "diabetes", "ridge", fits, **plan)
    for view in VIEWS:
        app = ok(open_page("Fit", tmp_path, query={"fit_view": view}))
    app = ok(open_page("Fit", tmp_path))
    assert "No point has a law in this fit" in texts(app)
    assert "sample a range of sizes" in texts(app)
    app = ok(open_page("Fit", tmp_path, query={"fit_view": "Side by side"}))
    assert "nothing is spread" in texts(app)
    assert app.metric.len == 0


def test_a_link_names_its_fits_and_wrong_names_are_survived(open_page, refitted: Path) -> None:
    query = {"fit_view": "Two fits", "from": "likelihood, 20 coalitions", "to": "nothing of the kind"}
    app = ok(open_page("Fit", refitted, query=query))
    assert app.selectbox(key="from").value == "likelihood, 20 coalitions"
    assert app.selectbox(key="to").value == "shrinkage, 40 coalitions"
    assert "shrinkage, 40 coalitions" in str(app.query_params["to"])
    next(element for element in app.button if "swap" in str(element.proto.icon)).click().run()
    assert app.selectbox(key="from").value == "shrinkage, 40 coalitions"
    app.segmented_control(key="fit_view").set_value("This fit").run()
    assert "from" not in ok(app).query_params


def test_a_failed_fit_stays_in_sight_beside_one_that_went_well(monkeypatch, open_page, refitted: Path) -> None:
    went_well = made_job(2, "fit", "done", params={"method": "log_linear"})
    failed = made_job(1, "fit", "failed", params={"method": "amortized"}, error="It needs features.")
    found = [went_well, failed]
    monkeypatch.setattr(jobs, "list_jobs", lambda *_, active_only=False: [] if active_only else found)
    monkeypatch.setattr(jobs, "job_log", lambda *_: "")
    app = open_page("Fit", refitted)
    assert not app.exception
    assert [error.value for error in app.error] == ["It needs features."]

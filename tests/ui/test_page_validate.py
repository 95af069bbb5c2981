"""The Validate page: eight questions, each with an answer, a chart or a next step; never a traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from looking import ok, settled, texts
from made import made_study

from dscale_core import Study
from dscale_core.types import LawStatus
from dscale_core.validation import coverage_verdict

CHARTS = {
    "At each size": 2,
    "Each point": 2,
    "More draws": 1,
    "Beyond the sizes": 1,
    "Intervals": 2,
    "Measured again": 0,
    "The loss itself": 2,
    "Form of the law": 1,
}
SIGNS = {
    "More draws": "With all 40 draws",
    "Beyond the sizes": "Fitted to the",
    "The loss itself": "The loss falls as",
    "Measured again": "This study is valued on",
    "Form of the law": "nats over all points",
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Breast cancer, 60 points, 40 coalitions, two fits and validation draws at three sizes."""
    folder, unseen = tmp_path_factory.mktemp("judged"), {"sizes": (20, 60, 120), "draws": 20}
    plan = {"points": tuple(range(60)), "min_size": 20, "max_size": 120, "draws": 40}
    made_study(folder, fits=("likelihood", "shrinkage"), validation=unseen, **plan)
    return folder


@pytest.mark.parametrize("view", CHARTS)
def test_every_question_has_its_charts(view: str, open_page, judged: Path) -> None:
    app = settled(ok(open_page("Validate", judged, query={"validate_view": view})), SIGNS.get(view, "validation coalitions"))
    assert len(ok(app).get("plotly_chart")) == CHARTS[view]


@pytest.mark.parametrize("view", CHARTS)
def test_without_validation_draws_each_question_is_in_sample_or_says_what_it_needs(
    view: str, open_page, regression_study: Path
) -> None:
    app = ok(open_page("Validate", regression_study, query={"validate_view": view}))
    assert "in-sample" in texts(app)
    if view in ("More draws", "Beyond the sizes"):
        assert "needs draws that no fit has seen" in texts(app)
        assert not app.get("plotly_chart")
    else:
        settled(app, SIGNS.get(view, "in-sample"))
        assert len(ok(app).get("plotly_chart")) == CHARTS[view]


@pytest.fixture(scope="module")
def regression_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Diabetes by ridge regression, fitted, without validation draws."""
    folder = tmp_path_factory.mktemp("regression_study")
    plan = {"points": tuple(range(50)), "min_size": 20, "max_size": 100, "draws": 40}
    made_study(folder, "diabetes", "ridge", ("shrinkage",), **plan)
    return folder


def test_numbers_of_the_chosen_size_are_those_of_the_core(open_page, judged: Path) -> None:
    study = Study.open(Study.list(judged)[0].id, judged)
    app = ok(open_page("Validate", judged, query={"k": "55"}))
    found = study.accuracy("shrinkage")
    at = int(np.flatnonzero(np.isclose(found.size, 60))[0])
    assert f"R² {found.r2[at]:.2f}" in texts(app)
    assert "Predicted and measured at k ≈ 60" in texts(app)
    table = app.dataframe[0].value
    np.testing.assert_allclose(table["spearman"], found.spearman)


def test_the_level_of_the_intervals_is_chosen_and_stays_in_the_link(open_page, judged: Path) -> None:
    app = ok(open_page("Validate", judged, query={"validate_view": "Intervals", "interval_level": "50 %"}))
    found = Study.open(Study.list(judged)[0].id, judged).coverage("shrinkage", level=0.5)
    assert f"**shrinkage: {coverage_verdict(found)}**" in texts(app)
    assert "cannot judge the 50% intervals" in texts(app)  # twenty draws a size, and a law that is guided
    assert app.multiselect(key="intervals_beside").value == ["likelihood"]


def test_points_of_the_other_form_are_selected(open_page, judged: Path) -> None:
    app = settled(open_page("Validate", judged, query={"validate_view": "Form of the law"}), "nats over all points")
    study = Study.open(Study.list(judged)[0].id, judged)
    better = study.choose_form()
    wanted = sorted(better.points[better.form == "two_term"].tolist())
    button = next(element for element in app.button if "two-term law is clearly better" in element.label)
    assert f"{len(wanted):,} points" in button.label
    assert button.disabled == (not wanted)
    if wanted:
        button.click().run()
        assert list(app.session_state["selection"]["points"]) == wanted
    assert "Nothing is exchanged for you" in texts(app)


def test_laws_of_one_size_are_a_sentence(open_page, tmp_path: Path) -> None:
    plan = {"points": tuple(range(12)), "sizes": (40,), "draws": 10}
    made_study(tmp_path, fits=("shrinkage",), validation={}, **plan)
    for view in CHARTS:
        ok(open_page("Validate", tmp_path, query={"validate_view": view}))
    app = settled(
        open_page("Validate", tmp_path, query={"validate_view": "The loss itself"}), LawStatus("one_size").explanation
    )
    assert not app.get("plotly_chart")

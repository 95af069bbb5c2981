"""One selection for all charts, tables and pages: seeded, linked, stepped through, cleared, and drawn everywhere."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from looking import button, texts
from streamlit.testing.v1 import AppTest


def seeded(study_id: str, points: tuple[int, ...], primary: int | None = None) -> dict[str, Any]:
    return {"selection": {"study": study_id, "points": points, "primary": primary, "id": None}}


def figures_of(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("name", ["Explore", "Validate"])
def test_every_page_says_how_many_are_selected(name: str, open_page, finished) -> None:
    app = open_page(name, finished.folder, state=seeded(finished.study_id, (3, 10, 20)))
    assert not app.exception
    assert "3 of 341" in texts(app).replace("*", "")


def test_every_chart_greys_what_is_not_selected(open_page, finished) -> None:
    app = open_page("Explore", finished.folder, state=seeded(finished.study_id, (3, 10, 20), 10))
    histogram, laws, boundary = figures_of(app)[:3]
    assert len({*histogram["data"][0]["text"]}) == len(histogram["data"][0]["text"])
    assert sum("selected points" in text for text in histogram["data"][0]["text"]) * 2 == len(histogram["data"][0]["text"])
    for figure in (laws, boundary):
        assert all("selectedpoints" in trace for trace in figure["data"] if trace["name"] != "open point")
        assert figure["data"][-1]["name"] == "open point"


def test_selected_rows_of_the_table_are_the_selection(open_page, finished) -> None:
    state = seeded(finished.study_id, (3, 10, 20))
    app = open_page("Explore", finished.folder, query={"rows": "Selected"}, state=state)
    table = next(frame.value for frame in app.dataframe if "rank" in frame.value.columns)
    assert sorted(table["point"]) == [3, 10, 20]
    assert table["rank"].is_monotonic_increasing


def test_a_link_brings_back_a_kept_selection(open_page, finished) -> None:
    from dscale_core import Study

    study = Study.open(finished.study_id, finished.folder)
    kept = study.save_selection([5, 6, 7, 8], 7)
    app = open_page("Explore", finished.folder, query={"study": study.id, "sel": kept})
    assert app.session_state["selection"]["points"] == (5, 6, 7, 8)
    assert "**Point 7**" in texts(app)
    app.switch_page("pages/5_Validate.py").run()
    assert "4 of 341 points selected" in texts(app)


def test_a_link_to_an_unknown_selection_is_said(open_page, finished) -> None:
    app = open_page("Explore", finished.folder, query={"sel": "nothere"})
    assert not app.exception
    assert len(app.warning) == 1
    assert "0 of 341" in texts(app).replace("*", "")


def test_next_and_previous_walk_the_rows_shown_and_keep_the_set(open_page, finished) -> None:
    state = seeded(finished.study_id, (3, 10, 20))
    app = open_page("Explore", finished.folder, query={"rows": "Selected"}, state=state)
    order = next(frame.value for frame in app.dataframe if "rank" in frame.value.columns)["point"].tolist()
    button(app, "Next").click().run()
    assert app.session_state["selection"]["primary"] == order[1]  # the first was shown while none was open
    button(app, "Next").click().run()
    assert app.session_state["selection"]["primary"] == order[2]
    button(app, "Next").click().run()
    assert app.session_state["selection"]["primary"] == order[0]
    button(app, "Previous").click().run()
    assert app.session_state["selection"]["primary"] == order[-1]
    assert app.session_state["selection"]["points"] == (3, 10, 20)
    assert f"**Point {order[-1]}**" in texts(app)


def test_the_whole_filter_can_be_selected_and_cleared(open_page, finished) -> None:
    app = open_page("Explore", finished.folder)
    app.multiselect(key="filter_labels").set_value(["malignant"]).run()
    button(app, "Select the filtered").click().run()
    from dscale_core import Study

    dataset = Study.open(finished.study_id, finished.folder).dataset
    malignant = np.flatnonzero(dataset.labels() == "malignant").tolist()
    assert list(app.session_state["selection"]["points"]) == malignant
    kept = app.session_state["selection"]["id"]
    assert Study.open(finished.study_id, finished.folder).load_selection(kept).points == tuple(malignant)
    button(app, "Clear").click().run()
    assert app.session_state["selection"]["points"] == ()


def test_picks_can_be_limited_to_the_selection(open_page, finished) -> None:
    state = seeded(finished.study_id, tuple(range(40, 140)))
    query = {"among": "selected", "n": "10", "flagged": "true", "pick_view": "top of the ranking"}
    app = open_page("Pick", finished.folder, query=query, state=state)
    assert [error.value for error in app.error] == []
    table = app.dataframe[0].value
    assert len(table) == 10
    assert table["point"].between(40, 139).all()


def test_pick_says_what_it_left_out(open_page, finished) -> None:
    from dscale_core import Study

    statuses = Study.open(finished.study_id, finished.folder).laws().status
    flagged = int((statuses != "ok").sum())
    assert flagged > 0
    app = open_page("Pick", finished.folder, query={"n": "10", "pick_view": "top of the ranking"})
    (said,) = [caption.value for caption in app.caption if "Left out" in caption.value]
    counts = [int(word) for word in said.replace(",", "").replace(".", "").split() if word.isdigit()]
    assert sum(counts) == flagged


def callback_script() -> None:
    """A page of its own: seeds what a chart would send, runs the callbacks, and reports what was selected."""
    import os

    import streamlit as st

    from dscale_core import Study
    from pages._ui.selecting import charts, selection

    study = Study.open(os.environ["DSCALE_STUDY"], os.environ["DSCALE_CACHE"])
    points = [{"customdata": 4}, {"customdata": [9]}, {"customdata": 4}, {"x": 1.0}]
    st.session_state["box"] = {"selection": {"points": points, "box": [{"x": [0, 1], "y": [1, 0]}], "lasso": []}}
    st.session_state["click"] = {"selection": {"points": [{"customdata": 9}], "box": [], "lasso": []}}
    st.session_state["nothing"] = {"selection": {"points": [], "box": [], "lasso": []}}
    seen = []
    before = selection.drawn_on("box", selection.current(study), "fit 1")
    charts._take_marks(study, "box")
    seen.append(selection.current(study))
    seen.append(selection.drawn_on("box", selection.current(study), "fit 1"))
    seen.append(selection.drawn_on("other", selection.current(study), "fit 1"))
    seen.append(selection.drawn_on("box", selection.current(study), "fit 2"))
    charts._take_marks(study, "click")
    seen.append(selection.current(study))
    charts._take_box(study, "box", lambda box: tuple(box["x"]))
    seen.append(selection.current(study))
    charts._take_marks(study, "nothing")
    seen.append(selection.current(study))
    st.session_state["seen"] = [(before.points, before.primary), *((one.points, one.primary) for one in seen)]


def test_brush_click_and_clear_are_copied_into_the_selection(monkeypatch: pytest.MonkeyPatch, finished) -> None:
    monkeypatch.setenv("DSCALE_CACHE", str(finished.folder))
    monkeypatch.setenv("DSCALE_STUDY", finished.study_id)
    app = AppTest.from_function(callback_script, default_timeout=60).run()
    assert not app.exception
    before, brushed, own_chart, other_chart, redrawn, clicked, boxed, cleared = app.session_state["seen"]
    assert before == ((), None)
    assert brushed == other_chart == redrawn == ((4, 9), None)
    assert own_chart == before  # its figure must not change, or the browser drops the brush
    assert clicked == ((4, 9), 9)
    assert boxed == ((0, 1), None)
    assert cleared == ((), None)

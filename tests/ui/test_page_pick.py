"""The Pick page: from the question to the list, its promise, its proof and what can be taken away."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from looking import button, ok, settled, texts
from made import made_study
from streamlit.testing.v1 import AppTest

import dscale_core as ds
from dscale_core import Study, jobs
from dscale_core.curation import explain_left_out, promise_in_words
from dscale_core.study import StudyLists
from dscale_core.validation import reliability_verdict
from pages._ui.pick import addition, proof, question, time_allowed

PLAN: dict[str, Any] = {"min_size": 20, "max_size": 80, "draws": 12}


def first(folder: Path) -> Study:
    return Study.open(Study.list(folder)[0].id, folder)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Breast cancer, fitted; two lists, the older verified."""
    folder = tmp_path_factory.mktemp("listed")
    study = made_study(folder, fits=("likelihood",), name="Listed", **PLAN)
    study.set_current(np.arange(40), "The first forty.")
    study.choose(n=3)
    study.verify(repeats=2)
    study.choose(n=2, k=30, shares="free")
    return folder


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was asked for, instead of doing it."""
    asked: list[tuple[str, dict[str, Any]]] = []
    for module in (question, proof, addition):
        monkeypatch.setattr(module.jobs, "submit", lambda _study, kind, params: asked.append((kind, params)))
    return asked


def downloads(app: AppTest) -> list[str]:
    return [one.proto.label for one in app.get("download_button")]


def test_without_a_list_the_question_stands_alone(open_page, finished, submitted: list[Any]) -> None:
    app = ok(open_page("Pick", finished.folder))
    assert "No list was chosen yet" in texts(app)
    assert "drawn at random by the seed" in texts(app)
    assert app.number_input(key="list_k").value == 45  # the geometric mean of 20 and 100
    assert "the set named before" not in app.selectbox(key="list_for").options
    app.number_input(key="list_n").set_value(7).run()
    app.segmented_control(key="list_goal").set_value("exchange in").run()
    app.number_input(key="list_jobs").set_value(1).run()
    button(ok(app), "Choose").click().run()
    expected = {"goal": "swap", "n": 7, "shares": "proportional", "seed": 0, "k": 45, "n_jobs": 1}
    assert submitted == [("choose", expected)]
    app.number_input(key="list_sets").set_value(3).run()
    assert "the mean of 3 sets of 45 random points" in texts(ok(app))
    button(app, "Choose").click().run()
    assert (submitted[1][1]["k"], submitted[1][1]["n_sets"]) == (45, 3)
    app.segmented_control(key="list_goal").set_value("drop from").run()
    with pytest.raises(KeyError):
        app.segmented_control(key="list_shares")


def test_the_set_is_a_columns_value_or_the_selection(open_page, tmp_path: Path, submitted: list[Any]) -> None:
    made = made_study(tmp_path, "digits_low_high", **PLAN)
    column = str(made.dataset.records.columns[1])
    app = ok(open_page("Pick", tmp_path, query={"list_for": "the rows with a value", "list_column": column}))
    value = app.selectbox(key="list_value").value
    said = made.dataset.records[column].astype(str) == value
    assert f"The {said.sum():,} points whose {column} is {value}." in texts(app)
    assert f"The other {made.dataset.n_points - said.sum():,} points are candidates" in texts(app)
    button(app, "Choose").click().run()
    current = made.current()
    assert current is not None
    np.testing.assert_array_equal(current.points, np.flatnonzero(said))
    assert submitted[0][1]["current_id"] == current.id
    app.selectbox(key="list_for").set_value("the selected points").run()
    assert "No point is selected" in texts(ok(app))
    assert button(app, "Choose").disabled
    kept = made.save_selection(list(range(50)), None)
    app = ok(open_page("Pick", tmp_path, query={"list_for": "the selected points", "sel": kept}))
    assert "The 50 points selected." in texts(app)
    button(app, "Choose").click().run()
    app = ok(open_page("Pick", tmp_path, query={"list_for": "the set named before"}))
    assert "The 50 points selected." in texts(app)
    button(app, "Choose").click().run()
    assert submitted[1][1] == submitted[2][1]  # named once, and kept


def test_the_set_is_a_file_of_rows(open_page, listed: Path, submitted: list[Any]) -> None:
    app = ok(open_page("Pick", listed, query={"list_for": "the rows in a file"}))
    assert button(app, "Choose").disabled
    study = first(listed)
    rows = study.dataset.records.index[:45]
    app.file_uploader(key="list_file").upload("rows.csv", ("row\n" + "\n".join(map(str, rows))).encode(), "text/csv").run()
    assert "45 points: the rows in the file." in texts(ok(app))
    button(app, "Choose").click().run()
    current = study.current()
    assert current is not None
    assert current.points.tolist() == list(range(45))
    assert submitted[0][1]["current_id"] == current.id
    app.file_uploader(key="list_file").upload("rows.csv", b"row\n4\nnine\n", "text/csv").run()
    assert [error.value for error in app.error] == [
        "Not a row number: line 3: 'nine'. The first column must hold whole numbers."
    ]


def test_the_newest_list_is_shown_whole(open_page, listed: Path) -> None:
    study = first(listed)
    app = ok(open_page("Pick", listed))
    record, older = study.lists.records()
    assert app.selectbox(key="list").value == record.id
    assert promise_in_words(study.lists.load(record.id), "nats") in texts(app).replace("\u00a0", " ")
    assert "A random set of 30 points of the pool by seed 0" in texts(app)
    assert "This list was not verified" in texts(app)
    assert len(app.get("plotly_chart")) == 2
    assert app.dataframe[0].value["point"].tolist() == study.lists.load().points.tolist()
    assert {"psi", "alpha", "promise_low"} <= set(app.dataframe[0].value.columns)
    assert downloads(app) == ["CSV", "Parquet", "How it was made (JSON)"]
    app.selectbox(key="list").set_value(older.id).run()
    assert study.lists.verification(older.id).verdict in texts(ok(app))
    assert "The first forty." in texts(app)
    assert len(app.get("plotly_chart")) == 3
    app.segmented_control(key="proof_by").set_value("accuracy").run()
    assert str(ok(app).query_params["list"]).strip("[]'") == older.id


def test_a_link_names_its_list_and_a_new_one_is_shown_at_once(open_page, listed: Path) -> None:
    study = first(listed)
    older = study.lists.records()[-1]
    app = ok(open_page("Pick", listed, query={"list": older.id}))
    assert app.selectbox(key="list").value == older.id
    study.choose(n=1, k=25)
    app.run()
    assert app.selectbox(key="list").value == study.lists.records()[0].id
    app = ok(open_page("Pick", listed, query={"list": "../../etc"}))
    assert app.selectbox(key="list").value == study.lists.records()[0].id


def test_verifying_is_asked_for_that_very_list(open_page, listed: Path, submitted: list[Any]) -> None:
    study = first(listed)
    verified = study.lists.records()[-1].id
    app = ok(open_page("Pick", listed))
    button(app, "Verify on the test set").click().run()
    assert submitted == [
        ("verify", {"choice": study.lists.records()[0].id, "repeats": 30, "seed": 0, "n_jobs": os.cpu_count()})
    ]
    app = ok(open_page("Pick", listed, query={"list": verified}))
    button(app, "Verify again").click().run()
    assert submitted[1] == ("verify", {"choice": verified, "repeats": 30, "seed": 1, "n_jobs": os.cpu_count()})


def test_an_empty_list_says_so(open_page, listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = first(listed)
    whole = study.lists.load()
    none = np.empty(0)
    empty = replace(
        whole, points=whole.points[:0], dropped=whole.dropped[:0], gain=none, promise=none, promise_low=none,
        promise_high=none, stop=0, worth=None, class_shortfall={},
    )  # fmt: skip
    records = [replace(study.lists.records()[0], n_points=0, id="empty")]
    monkeypatch.setattr(StudyLists, "records", lambda _self: records)
    monkeypatch.setattr(StudyLists, "load", lambda *_: empty)
    app = ok(open_page("Pick", listed))
    assert "No candidate's gain is worth its risk for this set" in texts(app)
    assert app.get("plotly_chart") == []
    assert downloads(app) == []
    assert "not verified" not in texts(app)


def test_without_test_rows_nothing_can_be_proven(open_page, tmp_path: Path) -> None:
    dataset = ds.load_dataset("breast_cancer")
    bare = replace(dataset, X_test=dataset.X_test[:0], y_test=dataset.y_test[:0], fingerprint="ef" * 32)
    Study.create(bare, ds.make_learner("logistic"), ds.SamplingPlan(**PLAN), tmp_path).choose(n=1)
    app = ok(open_page("Pick", tmp_path))
    assert "no test rows" in texts(app)
    assert button(app, "Verify").disabled


@pytest.mark.parametrize(
    ("dataset", "learner", "goal"),
    [("diabetes", "ridge", "swap"), ("wine", "logistic", "add"), ("wine", "logistic", "drop")],
)
def test_lists_without_a_fit_show_their_labels(open_page, tmp_path: Path, dataset: str, learner: str, goal: Any) -> None:
    study = Study.create(
        ds.load_dataset(dataset), ds.make_learner(learner), ds.SamplingPlan(min_size=10, max_size=40), tmp_path
    )
    chosen = study.choose(goal=goal, n=2, k=20)
    app = ok(open_page("Pick", tmp_path))
    assert promise_in_words(chosen, "nats" if dataset == "wine" else "squared target") in texts(app).replace("\u00a0", " ")
    if chosen.points.size:
        assert len(app.get("plotly_chart")) == 2
        assert "Fit laws to see" in texts(app)
        assert "psi" not in app.dataframe[0].value.columns


def test_the_ranking_is_a_view_and_no_list(open_page, listed: Path) -> None:
    app = ok(open_page("Pick", listed, query={"pick_view": "top of the ranking", "n": "5", "flagged": "true"}))
    assert "A view, not a list to train on" in texts(app)
    assert len(app.dataframe[0].value) == 5
    assert downloads(app) == ["Download CSV"]


def test_the_ranking_shares_out_help_and_not_harm(open_page, listed: Path) -> None:
    study, record = first(listed), first(listed).fits()[0]
    app = ok(open_page("Pick", listed, query={"pick_view": "top of the ranking", "n": "6", "flagged": "true"}))

    def shown(goal: str, balance: str) -> bool:
        expected = study.pick(app.session_state["k"], 6, None, record.id, goal=goal, balance=balance, include_flagged=True)
        return ok(app).dataframe[0].value["point"].tolist() == expected["point"].tolist()

    assert shown("add", "equal")
    app.segmented_control(key="goal").set_value("check").run()
    assert app.segmented_control(key="balance_of_harm").value == "free"
    assert shown("check", "free")
    app.segmented_control(key="balance_of_harm").set_value("equal").run()
    assert shown("check", "equal")
    app.segmented_control(key="goal").set_value("drop").run()
    assert shown("drop", "equal")  # as chosen for harm
    app.segmented_control(key="goal").set_value("add").run()
    assert app.segmented_control(key="balance").value == "equal"


def test_what_rests_on_psi_says_how_reliable_it_is(open_page, listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = first(listed)
    found = study.reliability("likelihood")
    assert found is not None
    asked: list[str] = []

    def measured(_study: Study, method: str, **_options: Any) -> Any:
        asked.append(method)
        return found

    monkeypatch.setattr(Study, "reliability", measured)
    st.cache_resource.clear()  # what other tests measured
    app = open_page("Pick", listed, query={"pick_view": "top of the ranking", "n": "5", "flagged": "true"})
    k = app.session_state["k"]
    assert reliability_verdict(found, k) in texts(ok(settled(app, "**Reliability of the ranking.**")))
    verified = open_page("Pick", listed, query={"list": study.lists.records()[-1].id})
    said = texts(ok(settled(verified, "**Reliability of ψ.**")))
    assert f"the list does not. **Reliability of ψ.** {reliability_verdict(found, 40)}" in said
    assert asked == ["likelihood"]  # measured once for both
    assert "Reliability" not in texts(ok(open_page("Pick", listed)))  # nothing there rests on ψ


def test_reliability_that_cannot_be_told_says_so(open_page, listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_resource.clear()
    monkeypatch.setattr(Study, "reliability", lambda *_: None)
    app = open_page("Pick", listed, query={"pick_view": "top of the ranking"})
    settled(ok(app), "cannot be told cheaply for this learner")
    st.cache_resource.clear()


def test_a_list_that_is_being_chosen_is_not_asked_for_twice(
    open_page, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dscale_core.jobs.launcher.ensure_worker", lambda _store: False)
    job = jobs.submit(first(listed), "choose", {"n": 2})
    app = ok(open_page("Pick", listed))
    assert "**List**" in texts(app)
    assert button(app, "Choose").disabled
    jobs.cancel(job.id, listed)


def test_high_ranks_that_are_not_on_the_list_are_explained(open_page, listed: Path) -> None:
    study = first(listed)
    older = study.lists.records()[-1]
    app = ok(open_page("Pick", listed, query={"list": older.id}))
    assert len(app.dataframe) == 1
    app.toggle(key="left_out").set_value(True).run()
    app = ok(settled(app, "The highest of the ranking at the set's size"))
    shown = app.dataframe[1].value
    expected = explain_left_out(study.dataset, study.learner, study.lists.load(older.id), study.laws())
    assert shown["point"].tolist() == expected.points.tolist()
    assert shown["why"].tolist() == list(expected.why)


def test_rankings_are_measured_on_random_sets(open_page, listed: Path, submitted: list[Any]) -> None:
    study = first(listed)
    study.additions.measure(n=6, small=20, large=40, repeats=2)
    app = open_page("Pick", listed)
    app.segmented_control(key="pick_view").set_value("top of the ranking").run()
    assert study.additions.load().verdict in texts(ok(app))
    assert app.number_input(key="added_small").value == 20
    assert app.number_input(key="added_large").value == 80
    shown = len(app.get("plotly_chart"))
    app.segmented_control(key="added_by").set_value("accuracy").run()
    assert len(app.get("plotly_chart")) == shown == 3
    app.number_input(key="added_n").set_value(7).run()
    button(app, "Measure").click().run()
    wanted = {"n": 7, "small": 20, "large": 80, "repeats": 30, "n_jobs": os.cpu_count()}
    assert submitted == [("addition", wanted)]


def test_where_candidates_are_fits_the_time_is_said_and_limits_them(
    open_page, tmp_path: Path, submitted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = made_study(tmp_path, learner="tree", points=(0, 1), **PLAN | {"draws": 2})
    query = {"list_n": "5", "list_k": "40", "list_minutes": "600"}
    app = settled(open_page("Pick", tmp_path, query=query), f"{study.dataset.n_points - 40:,} candidates to look at")
    button(ok(app), "Choose").click().run()
    assert "most_candidates" not in submitted[0][1]
    slow = SimpleNamespace(seconds=7000.0, fits=9_000, candidates=301, members=0, n_jobs=2)
    for most, said in ((60, "Within 30 min 60 of them are looked at"), (None, "30 min are too few to look at 4")):
        slow.within = lambda _, most=most: most
        monkeypatch.setattr(time_allowed, "estimate_choosing", lambda *_: slow)
        app = open_page("Pick", tmp_path, query=query | {"list_minutes": "30", "list_n": "3" if most else "4"})
        app = settled(app, said)
        assert "About 1.9 h at most on 2 processes: 301 candidates to look at, 9,000 fits." in texts(app)
        assert button(ok(app), "Choose").disabled == (most is None)
        if most:
            button(app, "Choose").click().run()
            assert submitted[-1][1]["most_candidates"] == most

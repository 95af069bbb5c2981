"""Background work as pages show it: progress, cancel, errors that stay until dismissed, resume, and what a start submits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from looking import button, texts
from made import made_job, made_study
from streamlit.testing.v1 import AppTest

from dscale_core import jobs
from dscale_core.jobs import Job

MADE = made_job(7, "sample", "running", params={"role": "fit", "n_jobs": 2}, done=30, total=120, rate=2500.0, pace=3.0)


class Desk:
    """Stands in for the queue: hands out made jobs and writes down what pages ask for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *made: Job) -> None:
        self.made, self.asked = list(made), []
        monkeypatch.setattr(jobs, "list_jobs", self.list_jobs)
        monkeypatch.setattr(jobs, "job_log", lambda *_: "line one\nline two")
        for name in ("cancel", "resume"):
            monkeypatch.setattr(jobs, name, lambda job_id, cache=None, name=name: self.asked.append((name, job_id)))  # noqa: ARG005
        monkeypatch.setattr(jobs, "submit", lambda study, kind, params: self.asked.append((kind, study.id, params)))

    def list_jobs(self, cache: str | None = None, study_id: str | None = None, active_only: bool = False) -> list[Job]:  # noqa: ARG002
        return [job for job in self.made if not active_only or job.state in ("queued", "running")]


def open_study_view(open_page: Any, finished: Any) -> AppTest:
    return open_page("Sample", finished.folder, query={"study": finished.study_id, "view": "This study"})


def labels(app: AppTest) -> set[str]:
    return {element.label for element in app.button}


def test_a_running_job_shows_rate_and_time_left_and_can_be_cancelled(monkeypatch, open_page, finished) -> None:
    desk = Desk(monkeypatch, MADE)
    app = open_study_view(open_page, finished)
    bars = [bar.proto.text for bar in app.get("progress")]
    assert "30 of 120 coalitions · 2,500 contributions/s · 30 s left" in bars
    button(app, "Cancel").click().run()
    assert desk.asked == [("cancel", 7)]


def test_a_cancel_that_was_asked_for_is_not_offered_again(monkeypatch, open_page, finished) -> None:
    Desk(monkeypatch, replace(MADE, cancel_requested=True))
    app = open_study_view(open_page, finished)
    assert "Cancel" not in labels(app)
    assert "stopping" in texts(app)


def test_an_error_stays_until_it_is_dismissed_with_the_log_beside_it(monkeypatch, open_page, finished) -> None:
    Desk(monkeypatch, replace(MADE, state="failed", error="The disk is full. Free some space."))
    app = open_study_view(open_page, finished)
    for _ in range(2):
        assert [error.value for error in app.error] == ["The disk is full. Free some space."]
        assert app.code[0].value == "line one\nline two"
        app.run()
    button(app, "Dismiss").click().run()
    assert not app.error


@pytest.mark.parametrize("state", ["interrupted", "cancelled"])
def test_what_was_interrupted_says_what_is_kept_and_resumes(monkeypatch, open_page, finished, state: str) -> None:
    desk = Desk(monkeypatch, replace(MADE, state=state))
    app = open_study_view(open_page, finished)
    assert "30 of 120 coalitions are kept" in texts(app)
    button(app, "Resume").click().run()
    assert desk.asked == [("resume", 7)]


def test_only_the_newest_finished_job_of_a_kind_is_shown(monkeypatch, open_page, finished) -> None:
    old = replace(MADE, id=3, state="failed", error="An old failure.")
    Desk(monkeypatch, replace(MADE, state="done"), old)
    app = open_study_view(open_page, finished)
    assert not app.error


def test_start_creates_the_study_as_it_was_asked_for_and_submits_it(monkeypatch, open_page, tmp_path: Path) -> None:
    from dscale_core import Study

    desk = Desk(monkeypatch)
    app = open_page("Sample", tmp_path, query={"dataset": "breast_cancer"})
    app.number_input(key="min_size_breast_cancer").set_value(30)
    app.number_input(key="max_size_breast_cancer").set_value(90)
    app.number_input(key="draws").set_value(12)
    app.number_input(key="seed").set_value(5)
    app.number_input(key="logistic_C").set_value(0.5)
    app.text_input(key="study_name").set_value("Mine")
    button(app, "Start sampling").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == []
    (summary,) = Study.list(tmp_path)
    study = Study.open(summary.id, tmp_path)
    assert (study.name, study.learner.name, dict(study.learner.params)["C"]) == ("Mine", "logistic", 0.5)
    assert (study.plan.min_size, study.plan.max_size, study.plan.draws, study.plan.seed) == (30, 90, 12, 5)
    ((kind, study_id, params),) = desk.asked
    assert (kind, study_id, params["role"]) == ("sample", study.id, "fit")
    assert "**Mine**" in texts(app)


def test_validation_draws_have_a_seed_of_their_own(monkeypatch, open_page, tmp_path: Path) -> None:
    study = made_study(tmp_path, min_size=20, max_size=60, draws=8, seed=3)
    desk = Desk(monkeypatch)
    app = open_page("Sample", tmp_path, query={"view": "This study"})
    assert app.text_input(key="validation_sizes").value == "20, 29, 42, 60"
    app.text_input(key="validation_sizes").set_value("50, many").run()
    assert "whole numbers" in " ".join(error.value for error in app.error)
    assert button(app, "Draw validation coalitions").disabled
    app.text_input(key="validation_sizes").set_value("200, 50").run()
    app.number_input(key="validation_draws").set_value(6).run()
    assert "12 coalitions" in texts(app)
    button(app, "Draw validation coalitions").click().run()
    assert study.plan_of("validation") == replace(study.plan, sizes=(50, 200), draws=6, seed=4)
    ((kind, _, params),) = desk.asked
    assert (kind, params["role"]) == ("sample", "validation")
    first = study.sample(role="validation")
    button(app.run(), "Draw as many again").click().run()
    assert study.plan_of("validation").draws == 12
    again = study.sample(role="validation")
    np.testing.assert_array_equal(again.delta[: first.sizes.size], first.delta)  # what was drawn stays as it was
    assert np.bincount(again.sizes)[[50, 200]].tolist() == [12, 12]


def test_fit_is_submitted_with_the_chosen_method(monkeypatch, open_page, finished) -> None:
    desk = Desk(monkeypatch)
    app = open_page("Fit", finished.folder)
    app.selectbox(key="method").set_value("log_linear").run()
    button(app, "Fit").click().run()
    assert not app.exception
    assert desk.asked == [("fit", finished.study_id, {"method": "log_linear"})]


def test_the_demo_is_started_and_followed(monkeypatch, open_page, finished) -> None:
    Desk(monkeypatch, MADE)
    monkeypatch.setattr(jobs, "start_demo", lambda cache: finished.study_id)  # noqa: ARG005
    app = open_page("Home", finished.folder)
    button(app, "Run the demo").click().run()
    assert "30 of 120 coalitions · 2,500 contributions/s · 30 s left" in [bar.proto.text for bar in app.get("progress")]
    Desk(monkeypatch, replace(MADE, state="done"))
    app.run()
    assert "The demo is finished." in [element.value for element in app.success]
    assert "Explore the demo" in [link.proto.label for link in app.get("page_link")]


def test_a_link_with_another_study_s_method_falls_back(open_page, finished) -> None:
    app = open_page("Explore", finished.folder, query={"fit": "shrinkage"})
    assert not app.exception
    assert [error.value for error in app.error] == []
    assert "0 of 341" in texts(app).replace("*", "")

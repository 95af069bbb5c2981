"""The Sample page: a marked preview at once, exact draws in its place, the cost and what saves it, noise, refusals."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from looking import button, settled, texts
from made import made_study
from streamlit.testing.v1 import AppTest

from dscale_core import SamplingPlan, Study, jobs, load_dataset, make_learner
from dscale_core.errors import DataError
from pages._ui.sample import first_picture as preview_part
from pages._ui.work import background


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [error.value for error in app.error]


def charts(app: AppTest) -> str:
    return "\n".join(element.proto.spec for element in app.get("plotly_chart"))


@pytest.fixture
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(jobs, "submit", lambda study, kind, params: asked.append((study.id, kind)))  # noqa: ARG005
    return asked


def new_study(open_page, folder: Path, seed: int, dataset: str = "breast_cancer", **state: object) -> AppTest:
    """A new study's view; a seed of its own, so that nothing another test made is found again."""
    return open_page("Sample", folder, query={"dataset": dataset}, state={"seed": seed, **state})


def test_a_first_picture_stands_at_once_and_says_what_it_is(open_page, tmp_path: Path) -> None:
    app = settled(new_study(open_page, tmp_path, 101), "Formula that needs no draws")
    said = texts(app)
    assert errors(app) == []
    assert ":orange-badge[preview]" in said
    assert re.search(r"to \d+ of 200 coalitions, of 341 of 341 points", said)
    assert "| size k | slope, exact on approximate | bias share of the variance |" in said
    assert "| size k | R² over points | formula |" in said
    assert "preview: approximate draws, corrected" in charts(app)
    assert "Start sampling" in [element.label for element in app.button]


def test_the_picture_is_made_once_for_each_plan(open_page, tmp_path: Path, monkeypatch) -> None:
    made: list[SamplingPlan] = []
    whole = preview_part.sketch_plan
    monkeypatch.setattr(
        preview_part,
        "sketch_plan",
        lambda d, learner, plan, *rest, **more: made.append(plan) or whole(d, learner, plan, *rest, **more),
    )
    app = settled(new_study(open_page, tmp_path, 102), "First look at the exponents α** :orange")
    app.run()
    app.text_input(key="study_name").set_value("Another name").run()
    assert len(made) == 1
    app.number_input(key="seed").set_value(103).run()
    settled(app, "First look at the exponents α** :orange")
    assert [plan.seed for plan in made] == [102, 103]


@pytest.mark.parametrize(("dataset", "learner"), [("wine", "logistic"), ("breast_cancer", "knn"), ("diabetes", "ridge")])
def test_learners_without_a_surrogate_say_so(open_page, tmp_path: Path, dataset: str, learner: str) -> None:
    task = "regression" if dataset == "diabetes" else "classification"
    app = settled(new_study(open_page, tmp_path, 104, dataset, **{f"learner_{task}": learner}), "No preview for")
    assert f"No preview for {learner}" in texts(app)
    assert not app.get("plotly_chart")
    assert errors(app) == []


@pytest.mark.parametrize("error", [DataError("The data are odd. Look at them."), RuntimeError("inside")])
def test_a_preview_that_fails_leaves_the_page_whole(open_page, tmp_path: Path, monkeypatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(preview_part, "sketch_plan", fail)
    app = settled(new_study(open_page, tmp_path, 105 + isinstance(error, DataError)), "There is no preview.")
    assert errors(app) == []
    assert ("The data are odd. Look at them." in texts(app)) == isinstance(error, DataError)
    assert "inside" not in texts(app)
    assert not button(app, "Start sampling").disabled


def test_a_formula_that_disagrees_is_withheld_in_words(open_page, tmp_path: Path, monkeypatch) -> None:
    whole = preview_part.with_formula

    def disagreeing(*args: object):
        found = whole(*args)
        return replace(found, zero_draw_sizes=found.zero_draw_sizes[:0], zero_draw=found.zero_draw[:0],
                       zero_draw_agreement=np.full(found.zero_draw_tried.size, -1.5))  # fmt: skip

    monkeypatch.setattr(preview_part, "with_formula", disagreeing)
    app = settled(new_study(open_page, tmp_path, 107), "Withheld: at no size")
    assert "| -1.50 | withheld |" in texts(app)
    assert len(app.get("plotly_chart")) == 1


def test_exact_draws_take_the_place_of_the_preview(open_page, tmp_path: Path, no_jobs) -> None:  # noqa: ARG001
    plan = SamplingPlan(min_size=20, max_size=100, draws=16, seed=108)
    study = Study.create(load_dataset("breast_cancer"), make_learner("logistic"), plan, tmp_path)
    app = settled(open_page("Sample", tmp_path, query={"view": "This study"}), "First look at the exponents α** :orange")
    assert ":green-badge[exact]" not in texts(app)
    study.sample_missing(should_stop=lambda: study.progress().done >= 8)
    done = study.progress().done
    settled(app.run(), f"to {done} of 16 coalitions")
    assert ":green-badge[exact]" in texts(app)
    assert ":orange-badge[preview]" not in texts(app)
    assert f"exact, {done} of 16 coalitions" in charts(app)
    study.sample()
    settled(app.run(), "to 16 of 16 coalitions")
    assert "exact, 16 of 16 coalitions" in charts(app)
    assert errors(app) == []


def test_one_size_has_no_exponent_and_says_why(open_page, tmp_path: Path) -> None:
    made_study(tmp_path, sizes=(50,), draws=10, seed=109)
    app = settled(open_page("Sample", tmp_path, query={"view": "This study"}), "No exponent can be fitted yet.")
    assert "sample a range of sizes" in texts(app)


def test_exact_engines_are_timed_unasked_and_say_what_would_save(open_page, tmp_path: Path) -> None:
    app = settled(new_study(open_page, tmp_path, 110), "A smaller plan")
    assert [metric.label for metric in app.metric] == ["Time", "Contributions/s", "Disk", "Memory"]
    said = texts(app)
    for label in ("170 points instead of 341", "100 coalitions instead of 200", "largest size 113 instead of 227"):
        assert f"| {label} | " in said


def test_refits_are_timed_when_asked(open_page, tmp_path: Path) -> None:
    app = new_study(open_page, tmp_path, 111, learner_classification="tree")
    assert not app.metric
    assert "Every contribution is a refit here" in texts(app)
    button(app, "Estimate the cost").click().run()
    assert errors(app) == []
    assert [metric.label for metric in app.metric] == ["Time", "Contributions/s", "Disk", "Memory"]
    assert "A smaller plan" in texts(app)


@pytest.mark.parametrize("learner", ["tree", "random_forest", "gradient_boosting"])
def test_noise_over_seeds_is_measured_on_a_click(open_page, tmp_path: Path, learner: str) -> None:
    state = {"learner_classification": learner}
    if learner != "tree":
        state[f"{learner}_n_estimators"] = 5
    app = new_study(open_page, tmp_path, 112, **state)
    assert "Standard deviation within a point" not in texts(app)
    button(app, "Measure over seeds").click().run()
    settled(app, "Standard deviation within a point, over 4 seeds")
    assert errors(app) == []


def test_learners_without_a_seed_have_no_noise_to_measure(open_page, tmp_path: Path) -> None:
    app = new_study(open_page, tmp_path, 113)
    assert "How noisy" not in texts(app)


def test_the_audit_of_a_refit_learner_is_an_honest_sentence(open_page, tmp_path: Path) -> None:
    plan = SamplingPlan(points=(1, 2, 3, 9), min_size=20, max_size=40, draws=8)
    study = Study.create(load_dataset("breast_cancer"), make_learner("tree"), plan, tmp_path)
    study.audit(4)
    app = open_page("Sample", tmp_path, query={"view": "This study"})
    assert any("This learner refits every contribution" in element.value for element in app.success)


def refused(app: AppTest, folder: Path, asked: list[tuple[str, str]], says: str) -> None:
    """One sentence, buttons that do nothing, nothing started."""
    assert len(errors(app)) == 1
    assert says in errors(app)[0]
    assert button(app, "Start sampling").disabled
    assert button(app, "Estimate the cost").disabled
    assert not app.metric
    assert not app.get("plotly_chart")
    assert asked == []
    assert Study.list(folder) == []


def test_a_size_beyond_the_pool_is_refused(open_page, tmp_path: Path, no_jobs) -> None:
    app = new_study(open_page, tmp_path, 114, size_spread="listed", sizes_breast_cancer="50, 5000")
    refused(app, tmp_path, no_jobs, "max_size must be below the pool's 341 points")
    assert app.text_input(key="study_name").label == "Name of the study"


def test_sizes_that_are_no_numbers_are_refused(open_page, tmp_path: Path, no_jobs) -> None:
    app = new_study(open_page, tmp_path, 115, size_spread="listed", sizes_breast_cancer="50, many")
    refused(app, tmp_path, no_jobs, "Write them as 100, 300, 1000.")


def test_a_class_that_would_be_left_out_is_named(open_page, tmp_path: Path, no_jobs) -> None:
    app = new_study(open_page, tmp_path, 116, max_size_breast_cancer=340)
    refused(app, tmp_path, no_jobs, "leave a point of every class outside")
    app.checkbox(key="stratify").uncheck().run()
    assert errors(app) == []
    assert not button(app, "Start sampling").disabled


def test_fewer_members_than_classes_are_refused(open_page, tmp_path: Path, no_jobs) -> None:
    app = new_study(open_page, tmp_path, 117, "digits", min_size_digits=5)
    refused(app, tmp_path, no_jobs, "give each of 10 classes a member")


def test_features_that_are_missing_are_named(open_page, tmp_path: Path, no_jobs) -> None:
    own = load_dataset("breast_cancer")
    X = own.X_pool.copy()
    X[3, 4] = np.nan
    app = new_study(open_page, tmp_path, 118, table_dataset=replace(own, X_pool=X, fingerprint="holes"),
                    source_choice="your table")  # fmt: skip
    refused(app, tmp_path, no_jobs, f"Feature '{own.feature_names[4]}' has values that are not finite")


def test_a_learner_that_does_not_fit_the_classes_is_refused(open_page, tmp_path: Path, no_jobs) -> None:
    app = new_study(open_page, tmp_path, 119, "digits", learner_classification="svm")
    refused(app, tmp_path, no_jobs, "two classes")


def test_a_parameter_out_of_range_is_refused(open_page, tmp_path: Path, no_jobs) -> None:
    app = new_study(open_page, tmp_path, 120, logistic_C=0.0)  # the control itself goes no lower
    refused(app, tmp_path, no_jobs, "C must be positive")


def test_a_smallest_size_that_the_learner_cannot_fit_starts_nothing(open_page, tmp_path: Path, no_jobs) -> None:
    app = new_study(open_page, tmp_path, 121, learner_classification="knn_sklearn", min_size_breast_cancer=20)
    assert errors(app) == []
    button(app, "Start sampling").click().run()
    assert len(errors(app)) == 1
    assert "Smallest size k must be one that the learner can fit" in errors(app)[0]
    assert no_jobs == []
    assert Study.list(tmp_path) == []


def test_only_fitting_learners_are_offered(open_page, tmp_path: Path) -> None:
    app = new_study(open_page, tmp_path, 122, "diabetes")
    assert "ridge" in app.selectbox(key="learner_regression").options
    assert "logistic" not in app.selectbox(key="learner_regression").options


def test_the_bench_keeps_takes_back_and_forgets() -> None:
    bench, made = background.Bench(kept=2), []
    first = bench.ask("a", lambda: made.append("a") or "A")
    assert first.result(timeout=10) == "A"
    assert bench.ask("a", lambda: made.append("again")) is first
    bench.forget("a")
    assert bench.ask("a", lambda: made.append("b") or "B").result(timeout=10) == "B"
    for name in "xyz":
        bench.ask(name, lambda name=name: made.append(name)).result(timeout=10)
    bench.ask("a", lambda: made.append("c")).result(timeout=10)
    assert made == ["a", "b", "x", "y", "z", "c"]


def test_what_waits_can_be_taken_back() -> None:
    bench, gate = background.Bench(), SimpleNamespace(open=False)

    def slow() -> None:
        while not gate.open:
            time.sleep(0.01)

    running, waiting = bench.ask("slow", slow), bench.ask("next", lambda: 1)
    bench.unask("next")
    gate.open = True
    running.result(timeout=10)
    assert waiting.cancelled()
    assert background.reason(waiting) == "Something else was asked for meanwhile."
    assert bench.ask("next", lambda: 2).result(timeout=10) == 2


def test_a_table_with_holes_is_filled_when_it_is_read_and_can_be_sampled(open_page, tmp_path: Path) -> None:
    from dscale_core import read_table

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=150), "b": rng.normal(size=150), "kind": ["x", "y"] * 75})
    frame.loc[5, "a"] = np.nan
    own = read_table(frame, label="kind", name="holes")
    app = new_study(open_page, tmp_path, 123, table_dataset=own, source_choice="your table")
    assert errors(app) == []
    assert not button(app, "Start sampling").disabled


def test_what_coalitions_are_valued_on_is_chosen_and_said(open_page, tmp_path: Path) -> None:
    app = new_study(open_page, tmp_path, 131, min_size_breast_cancer=20)
    assert "Coalitions leave too few rows here" in texts(app)
    assert "Valued on **one fixed valuation set**" in texts(app)
    app.number_input(key="valuation_rows").set_value(50).run()
    assert "Valued on **50 fresh valuation rows a coalition**" in texts(app)
    app.segmented_control(key="valuation").set_value("fixed").run()
    assert "these rows alone" in texts(app)
    assert "too few" not in texts(app)
    assert "valuation_rows" not in [element.key for element in app.number_input]
    app.segmented_control(key="valuation").set_value("fresh").run()
    assert any("valuation_rows must be at most" in error for error in errors(app))
    assert button(app, "Start sampling").disabled


@pytest.mark.parametrize("kind", ["fresh", "fixed"])
def test_a_study_says_what_it_is_valued_on(open_page, tmp_path: Path, kind: str) -> None:
    plan = {"points": range(0, 300, 10), "min_size": 20, "max_size": 60, "draws": 12, "seed": 132}
    study = made_study(tmp_path, fits=("likelihood",), valuation=kind, valuation_rows=80, **plan)
    words = "80 fresh valuation rows a coalition" if kind == "fresh" else "one fixed valuation set"
    assert f"Valued on **{words}**" in texts(open_page("Sample", tmp_path, query={"view": "This study"}))
    assert words in texts(open_page("Home", tmp_path))
    assert f"valued on {words}" in texts(open_page("Validate", tmp_path, query={"study": study.id}))

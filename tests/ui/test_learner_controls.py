"""A learner's parameters on the Sample page: a control each, by what it may be, and the learner that comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier
from streamlit.testing.v1 import AppTest

from dscale_core import EstimatorSpec, Param, register_estimator
from dscale_core.learners import LEARNERS, describe_learner, list_learners

ROOT = Path(__file__).resolve().parents[2]


def page() -> None:
    """The recipe's controls, and what they make."""
    import streamlit as st

    from dscale_core import load_dataset
    from pages._ui.frame import errors_shown
    from pages._ui.sample import choose_recipe

    with errors_shown():
        st.session_state["made"] = None
        _, recipe = choose_recipe(lambda: load_dataset("breast_cancer"))
        st.session_state["made"] = recipe.learner


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(LEARNERS, "_entries", dict(LEARNERS._entries))

    def opened(learner: str) -> AppTest:
        app = AppTest.from_function(page, default_timeout=60)
        app.session_state["learner_classification"] = learner
        app.run()
        assert not app.exception
        assert [error.value for error in app.error] == []
        return app

    return opened


def params(app: AppTest) -> dict[str, Any]:
    """Parameters of the learner that the controls make."""
    assert not app.exception
    assert [error.value for error in app.error] == []
    return dict(app.session_state["made"].params)


def make_dummy(task: str, **options: Any) -> DummyClassifier:
    assert task == "classification"
    return DummyClassifier(**options)


def test_untouched_controls_make_the_learner_of_the_defaults(opened: Any) -> None:
    for name in list_learners():
        info = describe_learner(name)
        if info.task != "regression":
            made = params(opened(name))
            assert made == {param: declared.default for param, declared in info.params.items()}
            assert {param: type(value) for param, value in made.items()} == {
                param: type(declared.default) for param, declared in info.params.items()
            }


def test_words_are_chosen_from_a_list(opened: Any) -> None:
    app = opened("knn")
    assert app.selectbox(key="knn_weights").options == ["distance", "uniform"]
    app.selectbox(key="knn_weights").set_value("uniform").run()
    assert params(app)["weights"] == "uniform"
    mlp = opened("mlp")
    assert mlp.selectbox(key="mlp_activation").options == ["tanh", "gelu", "relu"]
    assert mlp.selectbox(key="mlp_device").options == ["cpu", "cuda", "auto"]


def test_numbers_have_their_range(opened: Any) -> None:
    app = opened("knn")
    neighbours, smoothing = app.number_input(key="knn_n_neighbors"), app.number_input(key="knn_smoothing")
    assert (neighbours.min, neighbours.value, neighbours.step) == (1, 50, 1)
    assert (smoothing.min, smoothing.value) == (0.0, 0.5)
    assert "0 takes none" in smoothing.help
    neighbours.set_value(7).run()
    assert params(app) == {"n_neighbors": 7, "weights": "distance", "smoothing": 0.5}
    tree = opened("tree")
    leaf, seed = tree.number_input(key="tree_min_samples_leaf"), tree.number_input(key="tree_seed")
    assert (leaf.min, leaf.value) == (1, 5)  # more than 0, in whole steps
    assert (seed.min, seed.max) == (0, 2**32 - 1)


def test_a_word_or_a_number_is_written(opened: Any) -> None:
    app = opened("svm_sklearn")
    gamma = app.text_input(key="svm_sklearn_gamma")
    assert gamma.value == "scale"
    assert 'must be zero or positive, "scale" or "auto"' in gamma.help
    for written, value in (("auto", "auto"), ("0.25", 0.25), ("1e-3", 1e-3)):
        app.text_input(key="svm_sklearn_gamma").set_value(written).run()
        assert params(app)["gamma"] == value
    for written, got in (("wide", "'wide'"), ("-1", "-1.0"), ("", "''")):
        app.text_input(key="svm_sklearn_gamma").set_value(written).run()
        assert [error.value for error in app.error] == [
            f'gamma must be zero or positive, "scale" or "auto"; got {got}. Use \'scale\', the default.'
        ]
        assert app.session_state["made"] is None


def test_no_number_may_be_an_answer(opened: Any) -> None:
    app = opened("tree")
    assert params(app)["max_depth"] is None
    app.text_input(key="tree_max_depth").set_value("4").run()
    assert params(app)["max_depth"] == 4
    for written in ("0", "2.5", "deep"):
        app.text_input(key="tree_max_depth").set_value(written).run()
        assert app.error[0].value.startswith("max_depth must be a whole number of at least 1 or None; got")
    app.text_input(key="tree_max_depth").set_value("").run()
    assert params(app)["max_depth"] is None


def test_plain_defaults_of_ones_own_have_a_control_each(opened: Any) -> None:
    plain = {"flag": True, "count": 3, "share": 0.5, "word": "prior", "limit": None}
    spec = EstimatorSpec(f"{__name__}:make_dummy", "classification", "own", plain | {"odd": Param(1, choices=(1, 3, 5))})
    register_estimator("own", spec)
    app = opened("own")
    assert params(app) == plain | {"odd": 1}
    app.checkbox(key="own_flag").set_value(False)
    app.number_input(key="own_count").set_value(-4)
    app.number_input(key="own_share").set_value(-0.25)
    app.text_input(key="own_word").set_value("uniform")
    app.text_input(key="own_limit").set_value("9")
    app.selectbox(key="own_odd").set_value(5).run()
    changed = {"flag": False, "count": -4, "share": -0.25, "word": "uniform", "limit": 9, "odd": 5}
    assert params(app) == changed
    assert app.text_input(key="own_word").help in (None, "")

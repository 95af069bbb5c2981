"""A regression study that values a few points only: no classes, no boundary, and ids that are not positions."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import made_study

from dscale_core import make_learner

POINTS = tuple(range(5, 200, 15))


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, learner = tmp_path_factory.mktemp("regression"), make_learner("knn_sklearn", n_neighbors=5)
    made_study(folder, "diabetes", learner, ("likelihood",), points=POINTS, min_size=20, max_size=80, draws=10)
    return folder


@pytest.mark.parametrize("name", ["Home", "Sample", "Fit", "Explore", "Validate", "Pick"])
def test_every_page_opens(name: str, open_page, regression: Path) -> None:
    app = open_page(name, regression, query={"n": "5", "flagged": "true"})
    assert not app.exception
    assert [error.value for error in app.error] == []
    charts = {"Home": 0, "Sample": 0, "Fit": 4, "Explore": 4, "Validate": 2, "Pick": 0}
    assert len(app.get("plotly_chart")) == charts[name]


def test_the_inspector_opens_points_by_id(open_page, regression: Path) -> None:
    app = open_page("Explore", regression)
    table = next(frame.value for frame in app.dataframe if "rank" in frame.value.columns)
    assert set(table["point"]) == set(POINTS)
    next(button for button in app.button if button.label == "Next").click().run()
    assert app.session_state["selection"]["primary"] == table["point"].iloc[1]
    assert not app.exception


def test_pick_offers_no_balance_without_classes(open_page, regression: Path) -> None:
    app = open_page("Pick", regression, query={"n": "5", "flagged": "true", "pick_view": "top of the ranking"})
    assert len(app.dataframe[0].value) == 5
    with pytest.raises(KeyError):
        app.segmented_control(key="balance")

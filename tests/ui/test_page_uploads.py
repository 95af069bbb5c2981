"""Uploads: only known endings, names of our own on disk, and nothing left behind."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dscale_core import SamplingPlan, Study, make_learner
from dscale_core.curation import points_by_column
from dscale_core.errors import DataError


class Upload(io.BytesIO):
    """What Streamlit hands over: bytes with the browser's name for them."""

    def __init__(self, name: str, data: bytes = b"a,b\n1,2\n") -> None:
        super().__init__(data)
        self.name = name


@pytest.mark.parametrize("name", ["people.csv", "../../etc/people.CSV", "x.tar.csv.gz", "t.tsv", "t.parquet"])
def test_a_known_ending_is_kept_and_nothing_else_of_the_name(name: str) -> None:
    from pages._ui.data.uploads import ENDINGS, with_file

    seen: list[Path] = []
    with_file(Upload(name), lambda path: seen.append(path) or path.read_bytes())
    assert seen[0].name.removeprefix("upload") in ENDINGS
    assert seen[0].name.removeprefix("upload").endswith(name.lower().rsplit(".", 1)[-1])
    assert "etc" not in str(seen[0])
    assert not seen[0].exists()


@pytest.mark.parametrize("name", ["people.pkl", "model.npy", "archive.zip", "people", "people.csv.exe"])
def test_other_endings_are_refused_before_anything_is_written(name: str) -> None:
    from pages._ui.data.uploads import with_file

    with pytest.raises(DataError, match="must end in one of"):
        with_file(Upload(name), lambda path: pytest.fail(f"{path} was written"))


def test_the_file_is_gone_after_a_failure_too() -> None:
    from pages._ui.data.uploads import with_file

    seen: list[Path] = []

    def fail(path: Path) -> None:
        seen.append(path)
        raise DataError("not a table")

    with pytest.raises(DataError, match="not a table"):
        with_file(Upload("people.csv"), fail)
    assert not seen[0].exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("people.csv", "people"), ("a/b\\c.csv.gz", "c"), ("=cmd|x.csv", "_cmd_x"), (".csv", "table"), ("x" * 200, "x" * 60)],
)
def test_dataset_names_are_plain(name: str, expected: str) -> None:
    from pages._ui.data.uploads import dataset_name

    assert dataset_name(name) == expected


def test_an_uploaded_table_becomes_the_data_set(open_page, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(60))
    app = open_page("Data", tmp_path, query={"source": "your table"})
    app.file_uploader(key="upload").set_value(("people.csv", ("age,size,label\n" + rows).encode(), "text/csv")).run()
    assert [error.value for error in app.error] == []
    next(button for button in app.button if button.label == "Use this table").click().run()
    assert not app.exception
    dataset = app.session_state["table_dataset"]
    assert (dataset.name, dataset.class_names, dataset.n_points) == ("people", ("no", "yes"), 36)


def test_a_column_can_be_kept_out_of_the_features_and_name_the_set(open_page, tmp_path: Path) -> None:
    """The whole way: a table says which rows are trained on, nothing is learned from that, and Pick names them by it."""
    rows = "".join(f"{i % 7},{i % 5},{int(i % 4 == 0)},{'yes' if i % 3 else 'no'}\n" for i in range(120))
    app = open_page("Data", tmp_path, query={"source": "your table"})
    table = ("people.csv", ("age,size,in_training,label\n" + rows).encode(), "text/csv")
    app.file_uploader(key="upload").set_value(table).run()
    chosen = next(each for each in app.multiselect if each.label == "Columns not to learn from")
    assert chosen.options == ["age", "size", "in_training"]
    chosen.set_value(["in_training"]).run()
    next(button for button in app.button if button.label == "Use this table").click().run()
    assert not app.exception
    dataset = app.session_state["table_dataset"]
    assert dataset.feature_names == ("age", "size")
    plan = SamplingPlan(points=(0, 1), min_size=10, max_size=20, draws=2)
    study = Study.create(dataset, make_learner("logistic"), plan, tmp_path)
    query = {"list_for": "the rows with a value", "list_column": "in_training", "list_value": "1"}
    app = open_page("Pick", tmp_path, query=query)
    assert not app.exception
    named = int((dataset.records["in_training"] == 1).sum())
    assert any(f"The {named} points whose in_training is 1." in caption.value for caption in app.caption)
    assert points_by_column(study.dataset, "in_training").points.size == named

"""Uploads: only known endings, names of our own on disk, and nothing left behind."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

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

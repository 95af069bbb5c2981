import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscale_core.curation import export_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_cells_that_a_spreadsheet_would_run_become_text(start: str) -> None:
    rows = list(csv.reader(io.StringIO(export_csv(pd.DataFrame({"a": [f"{start}1+1", "safe"]})).decode(), newline="")))
    assert rows == [["a"], [f"'{start}1+1"], ["safe"]]


def test_numbers_stay_numbers() -> None:
    frame = pd.DataFrame({"x": [-1.5, 1e-17], "n": [-3, 4], "mixed": [-2, "-2"], "b": [True, False]})
    back = pd.read_csv(io.BytesIO(export_csv(frame)))
    assert back["x"].tolist() == frame["x"].tolist()
    assert back["n"].tolist() == [-3, 4]
    assert back["mixed"].tolist() == ["-2", "'-2"]


def test_headings_and_categories_are_made_safe() -> None:
    frame = pd.DataFrame({"=evil": pd.Categorical(["@x", "ok"]), "when": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    back = pd.read_csv(io.BytesIO(export_csv(frame)))
    assert list(back.columns) == ["'=evil", "when"]
    assert back["'=evil"].tolist() == ["'@x", "ok"]
    assert frame.columns[0] == "=evil"


def test_missing_cells_stay_empty_and_duplicate_headings_do_not_mix() -> None:
    frame = pd.DataFrame([["=a", None, 1.0], [np.nan, "b", np.nan]], columns=["t", "t", "v"])
    assert export_csv(frame).decode() == "t,t,v\r\n'=a,,1.0\r\n,b,\r\n"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1), min_size=1, max_size=5))
def test_no_cell_of_the_file_begins_with_a_formula(cells: list[str]) -> None:
    text = export_csv(pd.DataFrame({"a": cells, "n": 1})).decode("utf-8")
    rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert len(rows) == len(cells)
    for (cell, _), original in zip(rows, cells, strict=True):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert cell in (original, f"'{original}")

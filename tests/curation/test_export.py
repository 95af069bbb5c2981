import csv
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dscale_core as ds
from dscale_core.curation import Choice, export_csv, export_json, export_parquet, list_table
from dscale_core.errors import ArgumentError


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


def test_parquet_keeps_numbers_and_makes_mixed_cells_text() -> None:
    frame = pd.DataFrame({"n": [1.5, np.nan], "=words": ["=1+1", None], "mixed": [1, "two"], "yes": [True, False]})
    back = pd.read_parquet(io.BytesIO(export_parquet(frame)))
    assert back.columns.tolist() == frame.columns.tolist()
    np.testing.assert_array_equal(back["n"], frame["n"])
    assert back["=words"].tolist()[0] == "=1+1"
    assert back["=words"].isna().tolist() == [False, True]
    assert back["mixed"].tolist() == ["1", "two"]
    assert back["yes"].tolist() == [True, False]


def test_json_says_what_json_cannot() -> None:
    facts = {"a": float("nan"), "b": {"c": (float("inf"), 2)}, "d": "é"}
    assert json.loads(export_json(facts)) == {"a": None, "b": {"c": ["infinite", 2]}, "d": "é"}


def test_a_list_as_a_table_keeps_record_columns_apart() -> None:
    rng = np.random.default_rng(0)
    columns = {"psi": rng.normal(size=60), "record_psi": rng.normal(size=60), "=sum": ["=1+1", "@x"] * 30}
    dataset = ds.read_table(pd.DataFrame(columns | {"label": ["a", "b", "b"] * 20}))
    draws = ds.sample(dataset, ds.make_learner("logistic"), ds.SamplingPlan(points=(1, 4), min_size=8, max_size=20, draws=8))
    laws = ds.fit_laws(draws.delta, draws.sizes, "likelihood")
    points = np.array([4, 2])
    choice = Choice(
        "swap", points, np.array([False, True]), *(np.array([0.2, 0.1]),) * 4, 2, 5, "free", 0, "log_loss",
        (np.arange(10, 20), np.arange(20, 32)), np.arange(10), 50, 10, {},
    )  # fmt: skip
    assert "psi" not in list_table(choice, ds.load_dataset("breast_cancer"))
    at = replace(laws, points=np.array([4, 1]))  # laws need not be in the pool's order
    table = list_table(choice, dataset, at)
    assert table["action"].tolist() == ["add", "drop"]
    assert table["psi"].iloc[0] == pytest.approx(at.psi(11.0)[0])
    assert table["psi_after"].iloc[0] == pytest.approx(at.psi(11.0)[0])  # one joins and one leaves
    assert np.isnan(table["psi"].iloc[1])
    assert table["status"].iloc[1] == "not fitted"
    own = [name for name in table.columns if "psi" in name and name.startswith("record_")]
    np.testing.assert_array_equal(table[own[0]], dataset.records["psi"].iloc[points])
    assert export_csv(table).decode("utf-8-sig").splitlines()[0].endswith("'=sum,record_label")
    with pytest.raises(ArgumentError, match="of this dataset's pool"):
        list_table(replace(choice, points=np.array([2, 999])), dataset)

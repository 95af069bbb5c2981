"""Every bad file, table and call gives one clear sentence."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dscale_core.datasets import inspect_table, read_table
from dscale_core.errors import ArgumentError, DataError, DscaleError

GOOD = "x,c,label\n" + "".join(f"{j * j % 13},{'uvw'[j % 3]},{j % 2}\n" for j in range(30))


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sheet.csv", GOOD)
    return buffer.getvalue()


def _parquet() -> bytes:
    return pd.DataFrame({"x": [1.0, 2.0] * 9, "label": ["a", "b"] * 9}).to_parquet()


FILES: dict[str, tuple[str, bytes, str]] = {
    "no bytes": ("t.csv", b"", "t.csv is empty"),
    "blank lines": ("t.csv", b"\n \n\r\n", "t.csv is empty"),
    "empty gzip": ("t.csv.gz", gzip.compress(b""), "t.csv.gz is empty"),
    "header only": ("t.csv", b"a,b,label\n", "column names but no rows"),
    "zip named csv": ("t.csv", _zip(), "a zip archive or an Excel workbook"),
    "zip named gzip": ("t.csv.gz", _zip(), "a zip archive or an Excel workbook"),
    "old workbook": ("t.csv", b"\xd0\xcf\x11\xe0" + bytes(100), "an old Excel workbook"),
    "bzip2": ("t.csv", b"BZh91AY&SY", "compressed with bzip2"),
    "pdf": ("t.csv", b"%PDF-1.7 ", "a PDF document"),
    "gzip named csv": ("t.csv", gzip.compress(GOOD.encode()), "add .gz to the name"),
    "csv named gzip": ("t.csv.gz", GOOD.encode(), "remove .gz from the name"),
    "parquet named csv": ("t.csv", _parquet(), "rename it to end in .parquet"),
    "csv named parquet": ("t.parquet", GOOD.encode(), "named .parquet but is not Parquet"),
    "gzip named parquet": ("t.parquet", gzip.compress(GOOD.encode()), "but compressed with gzip"),
    "damaged parquet": ("t.parquet", _parquet()[:200] + _parquet()[260:], "is damaged or not Parquet"),
    "cut gzip": ("t.csv.gz", gzip.compress(GOOD.encode())[:-20], "damaged or cut short"),
    "flipped gzip": ("t.csv.gz", gzip.compress(GOOD.encode())[:20] + b"\xff" * 40, "damaged or cut short"),
    "gzip with a tail": ("t.csv.gz", gzip.compress(GOOD.encode()) + b"tail", "damaged or cut short"),
    "NUL bytes": ("t.csv", GOOD.encode() + b"1,\x00,0\n", "binary data, not text"),
    "junk": ("t.csv", np.random.default_rng(0).bytes(4000), "binary data, not text"),
    "a pickle": ("t.csv", b"\x80\x04\x95\x10\x00\x00", "binary data, not text"),
    "false UTF-16": ("t.csv", b"\xff\xfea", "begins like UTF-16 but is not"),
    "semicolons": ("t.csv", GOOD.replace(",", ";").encode(), "separated by semicolons: save it with commas"),
    "tabs": ("t.csv", GOOD.replace(",", "\t").encode(), "separated by tabs: save it with commas"),
    "commas in a tsv": ("t.tsv", GOOD.encode(), "separated by commas: save it with tabs"),
    "one column": ("t.csv", b"label\n1\n0\n", "has one column, 'label'"),
    "repeated names": ("t.csv", b"a,b,a,label\n1,2,3,0\n", "Column name 'a' appears more than once in t.csv"),
    "names that differ by spaces": ("t.csv", b"a, a ,label\n1,2,0\n", "Column name 'a' appears more than once"),
    "one long row": ("t.csv", GOOD.encode() + b"1,u,0,9,9\n", "cannot be read as a table"),
    "all rows too long": ("t.csv", b"x,label\n1,2,0\n3,4,1\n", "more cells than there are column names"),
    "open quote": ("t.csv", GOOD.encode() + b'"1,u,0\n', "cannot be read as a table"),
    "endless header": ("t.csv", b"a" * 300_000 + b",label\n1,2\n", "does not begin with a line of column names"),
    "infinite": (
        "t.csv",
        GOOD.encode() + b"inf,u,0\n",
        r"Column 'x' holds values that are infinite \(1, the first in row 30",
    ),
    "enormous": ("t.csv", GOOD.encode() + b"1e250,u,0\n", "Column 'x' holds values that are beyond"),
}


@pytest.mark.parametrize("case", FILES)
def test_bad_files(tmp_path: Path, case: str) -> None:
    name, content, said = FILES[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as raised:
        read_table(tmp_path / name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("case", ["zip named csv", "repeated names", "header only", "cut gzip", "semicolons"])
def test_inspection_raises_the_same(tmp_path: Path, case: str) -> None:
    name, content, said = FILES[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        inspect_table(tmp_path / name)


def test_too_many_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dscale_core.datasets.text_file.MAX_COLUMNS", 2)
    (tmp_path / "t.csv").write_text(GOOD)
    with pytest.raises(DataError, match="3 columns, more than the 2 that are read"):
        read_table(tmp_path / "t.csv")


def test_paths_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="There is no file"):
        read_table(tmp_path / "missing.csv")
    for name in ("t.xlsx", "t", "t.gz", "t.parquet.gz", "t.pkl"):
        (tmp_path / name).write_text(GOOD)
        with pytest.raises(ArgumentError, match=r"must name a \.csv"):
            read_table(tmp_path / name)
    with pytest.raises(ArgumentError, match="be a path or a pandas DataFrame; got list"):
        read_table([[1, 2]])  # type: ignore[arg-type]


def test_size_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(GOOD.encode() + b"1,u,0\n" * 500_000))
    (tmp_path / "plain.csv").write_bytes(GOOD.encode() * 40)
    monkeypatch.setattr("dscale_core.datasets.text_file.MAX_TEXT_BYTES", 5_000)
    for path in (bomb, tmp_path / "plain.csv"):
        with pytest.raises(DataError, match=r"more than the 0 MB of text that are read: sample its rows"):
            read_table(path)
    monkeypatch.setattr("dscale_core.datasets.source.MAX_FILE_BYTES", 100)
    with pytest.raises(DataError, match=r"bomb\.csv\.gz has .* MB, more than the"):
        read_table(bomb)


def test_parquet_that_unpacks_to_much_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"c": ["long " * 2000] * 500, "x": 1.0, "label": [0, 1] * 250})
    frame.to_parquet(tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 100_000
    monkeypatch.setattr("dscale_core.datasets.parquet.MAX_TABLE_BYTES", 1_000_000)
    with pytest.raises(DataError, match="unpacks to 5 MB, more than the 1 MB"):
        read_table(tmp_path / "bomb.parquet")


def test_parquet_columns_that_are_no_columns(tmp_path: Path) -> None:
    for cells, said in (([[1, 2]] * 12, "'e' holds lists or mappings"), ([b"ab"] * 12, "'e' holds raw bytes")):
        pd.DataFrame({"e": cells, "label": [0, 1] * 6}).to_parquet(tmp_path / "t.parquet")
        with pytest.raises(DataError, match=said):
            read_table(tmp_path / "t.parquet")


def _frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(30) ** 2 % 13, "label": np.arange(30) % 2} | columns)


FRAMES: dict[str, tuple[pd.DataFrame, str]] = {
    "no rows": (_frame().iloc[:0], "column names but no rows"),
    "no columns": (pd.DataFrame(index=range(3)), "no columns"),
    "one column": (_frame()[["label"]], "one column, 'label'"),
    "one class": (_frame(label="a"), "one class only, 'a'"),
    "a small class": (_frame(label=["a"] * 20 + ["b"] * 8 + ["c"] * 2), "fewer than 3 rows in the class 'c' with 2"),
    "small classes": (_frame(label=[f"k{j}" for j in range(30)]), "in 30 classes, the first 'k0' with 1"),
    "empty label": (_frame(label=None), "Label 'label' is empty in every row"),
    "missing labels": (
        _frame(label=[0, 1, None] * 10),
        "10 of 30 rows, more than a tenth.*cannot be candidates",
    ),
    "infinite label": (_frame(label=np.r_[np.linspace(0, 1, 29), np.inf]), "Column 'label' holds values that are infinite"),
    "lists": (_frame(e=[[1]] * 30), "'e' holds lists or mappings"),
    "tuples": (_frame(e=[(1, 2)] * 30), "'e' holds raw bytes or tuples"),
    "complex": (_frame(e=[1j] * 30), "'e' holds complex numbers"),
    "no usable feature": (_frame(x=5), r"No column besides the label can serve .*x: the same in every row.*Add a numeric"),
    "only prose": (
        _frame(x=[f"a long sentence of many words about the thing {j}" for j in range(30)]),
        r"No column besides .*x: free text.*Name the text column with text=",
    ),
    "repeated names": (pd.concat([_frame(), _frame()], axis=1), "'label' appears more than once"),
    "names equal as strings": (_frame(**{"1": 1.0}).assign(z=2.0).rename(columns={"z": 1}), "'1' appears more than once"),
    "levels of names": (pd.concat({"a": _frame()}, axis=1), "several levels"),
}


@pytest.mark.parametrize("case", FRAMES)
def test_bad_frames(case: str) -> None:
    frame, said = FRAMES[case]
    with pytest.raises(DataError, match=said) as raised:
        read_table(frame)
    assert "\n" not in str(raised.value)


def test_constant_target() -> None:
    with pytest.raises(DataError, match="the same value in every row"):
        read_table(_frame(label=4.5), task="regression")
    with pytest.raises(DataError, match="the same value in every row"):
        read_table(_frame(label=4.5))


CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "close label": ({"label": "Lable"}, r"label must name a column of the table; got 'Lable'\. Did you mean 'label'\?"),
    "no such label": ({"label": "zzz"}, r"The columns are: x, label\."),
    "label of no string": ({"label": None}, "label must name a column"),
    "no such text": ({"text": "story"}, "text must name a column"),
    "text is the label": ({"text": "label"}, "text must be another column than the label"),
    "task": ({"task": "ranking"}, 'task must be "classification", "regression" or None'),
    "name": ({"name": " "}, "name must be a word or two"),
    "valuation": ({"valuation": 0}, "valuation must be a fraction"),
    "test": ({"test": 1.0}, "test must be a fraction"),
    "all rows": ({"test": 15, "valuation": 15}, "valuation and test must leave"),
    "seed": ({"seed": -1}, "seed must be a whole number"),
}


@pytest.mark.parametrize("case", CALLS)
def test_bad_calls(case: str) -> None:
    arguments, said = CALLS[case]
    with pytest.raises(ArgumentError, match=said):
        read_table(_frame(), **arguments)


def test_regression_of_strings() -> None:
    with pytest.raises(ArgumentError, match="holds text such as 'a'"):
        read_table(_frame(label=["a", "b"] * 15), task="regression")


def test_a_file_without_column_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1,2,3\n4,5,6\n")
    with pytest.raises(ArgumentError, match="The first line looks like data"):
        read_table(tmp_path / "t.csv")


def test_any_bytes_give_a_dataset_or_one_error(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    content = bytearray(GOOD.encode())
    outcomes = set()
    for _ in range(200):
        broken = content.copy()
        for position in random.integers(0, len(content), random.integers(1, 6)):
            broken[position] = int(random.integers(0, 256))
        (tmp_path / "t.csv").write_bytes(broken)
        try:
            outcomes.add(np.isfinite(read_table(tmp_path / "t.csv").X_pool).all())
        except DscaleError as error:
            outcomes.add(type(error).__name__)
    assert {True, "DataError"} <= outcomes
    assert False not in outcomes

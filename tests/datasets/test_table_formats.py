"""Formats of tables agree with frames, and any table gives finite features or one clear error."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dscale_core.datasets import inspect_table, read_table
from dscale_core.errors import DataError


def make_frame(n: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "height": random.normal(170, 10, n),
            "age": random.integers(20, 60, n),
            "color": random.choice(["red", "green", "blue"], n),
            "label": np.arange(n) % 2,
        }
    )


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".parquet"])
def test_formats_agree(tmp_path: Path, ending: str) -> None:
    frame = make_frame(80)
    frame.loc[::9, "age"] = np.nan
    frame.loc[::11, "color"] = None
    path = tmp_path / f"my.table{ending}"
    if ending == ".parquet":
        frame.iloc[::-1].iloc[::-1].to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    dataset = read_table(path)
    assert dataset.name == "my.table"
    assert dataset.fingerprint == read_table(frame, name="my.table").fingerprint


def test_parquet_with_an_index_categories_and_dates(tmp_path: Path) -> None:
    frame = make_frame(50).assign(day=pd.date_range("2020", periods=50, freq="37h"))
    frame["color"] = frame["color"].astype("category")
    frame.index = pd.Index([f"r{j}" for j in range(50)])
    frame.to_parquet(tmp_path / "t.parquet")
    dataset = read_table(tmp_path / "t.parquet")
    assert dataset.feature_names == ("height", "age", "color=blue", "color=green", "color=red", "day")
    assert list(dataset.records.columns) == list(frame.columns)


def test_encodings(tmp_path: Path) -> None:
    text = "ville,x,label\n" + "".join(f"{('Orléans', 'Mâcon')[j % 2]},{j * j % 17},{j % 2}\n" for j in range(30))
    for encoding, said in (("utf-8", ""), ("utf-8-sig", ""), ("latin-1", "Latin-1"), ("utf-16", "UTF-16")):
        (tmp_path / "t.csv").write_bytes(text.encode(encoding))
        dataset = read_table(tmp_path / "t.csv")
        assert dataset.feature_names == ("ville=Mâcon", "ville=Orléans", "x"), encoding
        assert said in " ".join(dataset.notes)
        assert ("read as" in " ".join(dataset.notes)) == bool(said)


def test_quotes_blank_lines_spaces_and_windows_line_ends(tmp_path: Path) -> None:
    rows = "".join(f'"a, {"b" * (j % 3)}" , {j % 5}, {("no", "yes")[j % 2]}\r\n' for j in range(30))
    (tmp_path / "t.csv").write_bytes(b"\r\nkind, x ,label\r\n" + rows.encode())
    dataset = read_table(tmp_path / "t.csv")
    assert dataset.class_names == ("no", "yes")
    assert dataset.feature_names == ("kind=a,", "kind=a, b", "kind=a, bb", "x")


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    frame = make_frame(40)
    head, tail = frame.iloc[:20].to_csv(index=False), frame.iloc[20:].to_csv(index=False, header=False)
    (tmp_path / "table.csv.gz").write_bytes(gzip.compress(head.encode()) + gzip.compress(tail.encode()))
    assert read_table(tmp_path / "table.csv.gz").fingerprint == read_table(frame).fingerprint


cells = st.one_of(
    st.none(),
    st.integers(-(10**20), 10**20),
    st.floats(-1e90, 1e90),
    st.booleans(),
    st.text(max_size=4),
    st.dates().map(str),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), n=st.integers(6, 40), seed=st.integers(0, 9))
def test_any_table_gives_finite_features_or_one_clear_error(data: st.DataObject, n: int, seed: int) -> None:
    columns = data.draw(st.integers(1, 4))
    frame = pd.DataFrame(
        {f"c{j}": pd.Series(data.draw(st.lists(cells, min_size=n, max_size=n)), dtype=object) for j in range(columns)}
    )
    frame["label"] = data.draw(st.lists(st.sampled_from(["a", "b"]), min_size=n, max_size=n))
    small = frame["label"].value_counts().min() < 3 or frame["label"].nunique() < 2
    if small or not any(column.role in ("numeric", "category") for column in inspect_table(frame).columns[:-1]):
        with pytest.raises(DataError, match=r"No column besides|fewer than 3 rows|one class only"):
            read_table(frame, seed=seed)
        return
    try:
        dataset = read_table(frame, seed=seed)
    except DataError as error:
        # A column may vary over the rows and yet be constant in the pool.
        if "No column besides" not in str(error):
            raise
        return
    X = np.vstack([dataset.X_pool, dataset.X_valuation, dataset.X_test])
    y = np.concatenate([dataset.y_pool, dataset.y_valuation, dataset.y_test])
    assert X.shape == (n, len(dataset.feature_names)) == (y.size, dataset.n_features)
    assert np.isfinite(X).all()
    assert (X[: dataset.n_points].std(axis=0) > 0).all()
    assert sorted(np.bincount(y)) == sorted(frame["label"].value_counts())
    assert dataset.records["label"].tolist() == dataset.labels().tolist()


numeric_frames = st.integers(8, 40).flatmap(
    lambda n: st.lists(st.lists(st.integers(-1000, 1000), min_size=n, max_size=n), min_size=1, max_size=3)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns=numeric_frames)
def test_csv_and_frame_give_the_same_dataset(tmp_path: Path, columns: list[list[int]]) -> None:
    frame = pd.DataFrame({f"c{j}": column for j, column in enumerate(columns)})
    frame["label"] = np.arange(len(frame)) % 2
    frame.to_csv(tmp_path / "table.csv", index=False)
    outcomes = []
    for source in (frame, tmp_path / "table.csv"):
        try:
            outcomes.append(read_table(source, name="table").fingerprint)
        except DataError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]

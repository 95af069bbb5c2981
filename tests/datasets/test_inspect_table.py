"""The preview of a table says what each column holds and what reading it would do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dscale_core.datasets import ColumnPreview, inspect_table, read_table


@pytest.fixture
def frame() -> pd.DataFrame:
    n = 40
    return pd.DataFrame(
        {
            "user_id": np.arange(n)[::-1] * 3,
            "amount": np.where(np.arange(n) % 10 == 0, np.nan, np.arange(n) / 7),
            "town": ["Rome", "Paris", "?", "Oslo"] * 10,
            "open": [True, False] * 20,
            "since": pd.date_range("2020-01-01", periods=n, freq="11h"),
            "same": "x",
            "about": [f"a fairly long description of the shop with the number {j}" for j in range(n)],
            "code": [f"{j:04x}z" for j in range(n)],
            "Class": [1, 2] * 20,
            "last": np.arange(n) % 5,
        }
    )


def test_columns(frame: pd.DataFrame) -> None:
    preview = inspect_table(frame)
    assert preview.columns == (
        ColumnPreview("user_id", "number", 0, 40, "identifier"),
        ColumnPreview("amount", "number", 4, 36, "numeric"),
        ColumnPreview("town", "text", 10, 3, "category"),
        ColumnPreview("open", "boolean", 0, 2, "numeric"),
        ColumnPreview("since", "date", 0, 40, "numeric"),
        ColumnPreview("same", "text", 0, 1, "constant"),
        ColumnPreview("about", "text", 0, 40, "text"),
        ColumnPreview("code", "text", 0, 40, "identifier"),
        ColumnPreview("Class", "number", 0, 2, "numeric"),
        ColumnPreview("last", "number", 0, 5, "numeric"),
    )
    assert preview.n_rows == 40
    assert preview.frame_head.equals(frame.head(20))


def test_reading_follows_the_roles(frame: pd.DataFrame) -> None:
    used = {c.name for c in inspect_table(frame).columns if c.role in ("numeric", "category")} - {"Class"}
    features = read_table(frame, label="Class").feature_names
    assert {name.split("=")[0].removesuffix(" is missing") for name in features} == used


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a", "label", "target"], "label"),
        (["y", "class", "a"], "class"),
        (["TARGET", "a"], "TARGET"),
        (["y", "b"], "y"),
        (["a", "b"], "b"),
    ],
)
def test_suggested_label(names: list[str], wanted: str) -> None:
    assert inspect_table(pd.DataFrame([[1, 2, 3][: len(names)]], columns=names)).suggested_label == wanted


def test_measurements_that_happen_to_differ_are_no_identifiers() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"price": random.permutation(1000)[:200], "paid": random.permutation(1000)[:200], "rank": random.permutation(200)}
    )
    assert [column.role for column in inspect_table(frame).columns] == ["numeric"] * 3

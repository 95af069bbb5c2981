"""Real tables, where they lie beside the checkout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dscale_core.datasets import inspect_table, read_table


def test_adult(shared_data: Path) -> None:
    source = pd.read_csv(shared_data / "adult.csv.gz", na_values="?")
    dataset = read_table(shared_data / "adult.csv.gz")
    assert dataset.name == "adult"
    assert dataset.n_points + dataset.y_valuation.size + dataset.y_test.size == len(source) == 48_842
    assert (dataset.y_valuation.size, dataset.y_test.size) == (9768, 9768)
    assert dataset.class_names == ("0", "1")
    rate = source["label"].mean()
    for y in (dataset.y_pool, dataset.y_valuation, dataset.y_test):
        assert abs(y.mean() - rate) < 1e-4
    rows = source.iloc[dataset.records.index]
    np.testing.assert_array_equal(dataset.y_pool, rows["label"])
    names = list(dataset.feature_names)
    for name in ("age", "fnlwgt", "capital_gain"):
        wanted = (rows[name] - rows[name].mean()) / rows[name].std(ddof=0)
        np.testing.assert_allclose(dataset.X_pool[:, names.index(name)], wanted, atol=1e-9)
    for name in ("workclass", "occupation", "native_country"):
        np.testing.assert_array_equal(dataset.X_pool[:, names.index(f"{name}=missing")], rows[name].isna())
    np.testing.assert_array_equal(dataset.X_pool[:, names.index("sex=Female")], rows["sex"] == "Female")


@pytest.mark.parametrize(("name", "rows", "features"), [("magic_telescope", 19_020, 10), ("phoneme", 5_404, 5)])
def test_numeric_tables(shared_data: Path, name: str, rows: int, features: int) -> None:
    dataset = read_table(shared_data / f"{name}.csv.gz", seed=5)
    X = np.vstack([dataset.X_pool, dataset.X_valuation, dataset.X_test])
    assert X.shape == (rows, features)
    np.testing.assert_allclose(dataset.X_pool.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(dataset.X_pool.std(axis=0), 1, atol=1e-9)


def test_news_texts(shared_data: Path) -> None:
    preview = inspect_table(shared_data / "bbc_news.csv.gz")
    assert [column.role for column in preview.columns] == ["text", "category"]
    assert preview.n_rows == 2225
    dataset = read_table(shared_data / "bbc_news.csv.gz", text="text")
    assert dataset.X_pool.shape == (1335, 256)
    assert dataset.class_names == ("business", "entertainment", "politics", "sport", "tech")

"""What engines settle before they work: precision, kernel width and blocks of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

from dscale_core.learners.base.preparation import blocks, radial_width, working_precision
from dscale_core.types import Dataset


def with_one_value(value: float, place: str) -> Dataset:
    dataset = toy_dataset(n=100)
    X = getattr(dataset, place).copy()
    X[7, 3] = value
    return replace(dataset, **{place: X})


@pytest.mark.parametrize("place", ["X_pool", "X_valuation"])
@pytest.mark.parametrize(
    ("value", "kind"), [(64.0, np.float32), (64.001, np.float64), (-64.0, np.float32), (-1e6, np.float64)]
)
def test_one_feature_beyond_the_limit_asks_for_double_precision(value: float, kind: Any, place: str) -> None:
    assert working_precision(with_one_value(value, place)) is kind


def test_rows_that_only_verify_decide_nothing() -> None:
    assert working_precision(with_one_value(1e6, "X_test")) is np.float32


def test_the_width_is_one_over_the_squared_length_of_a_usual_feature_vector() -> None:
    dataset = toy_dataset(n=100, d=5, scale=3.0)
    assert radial_width("scale", dataset) == pytest.approx(1 / (5 * dataset.X_pool.var()))
    assert radial_width(0.3, dataset) == 0.3
    constant = replace(dataset, X_pool=np.full_like(dataset.X_pool, 2.0))
    assert radial_width("scale", constant) == 1.0


@pytest.mark.parametrize(("n", "sizes"), [(0, []), (3, [3]), (4, [4]), (5, [4, 1]), (8, [4, 4])])
def test_blocks_hold_every_row_once_and_in_order(n: int, sizes: list[int]) -> None:
    rows = np.arange(n) * 10
    found = blocks(rows, 4)
    assert [block.size for block in found] == sizes
    np.testing.assert_array_equal(np.concatenate([*found, np.empty(0, dtype=np.int64)]), rows)

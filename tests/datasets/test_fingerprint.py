"""The fingerprint changes with whatever a result can depend on, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dscale_core.datasets import fingerprint_of, load_dataset, read_table
from dscale_core.types import Dataset


@pytest.fixture(scope="module")
def wine() -> Dataset:
    return load_dataset("wine")


def _nudged(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed.flat[-1] = np.nextafter(changed.flat[-1], np.inf) if changed.dtype.kind == "f" else (changed.flat[-1] + 1) % 3
    return changed


CHANGES: dict[str, Callable[[Dataset], Dataset]] = {
    "name": lambda d: replace(d, name="wines"),
    "task": lambda d: replace(d, task="regression"),
    **{
        array: (lambda d, array=array: replace(d, **{array: _nudged(getattr(d, array))}))
        for array in ("X_pool", "y_pool", "X_valuation", "y_valuation", "X_test", "y_test")
    },
    "feature name": lambda d: replace(d, feature_names=("x", *d.feature_names[1:])),
    "feature boundary": lambda d: replace(
        d, feature_names=(d.feature_names[0] + d.feature_names[1][0], d.feature_names[1][1:], *d.feature_names[2:])
    ),
    "class name": lambda d: replace(d, class_names=("red", *d.class_names[1:])),
    "names moved": lambda d: replace(
        d, feature_names=d.feature_names[:-1], class_names=(d.feature_names[-1], *d.class_names)
    ),
    "record cell": lambda d: replace(d, records=d.records.assign(ash=d.records["ash"] + 1)),
    "record text": lambda d: replace(d, records=d.records.assign(cultivar=d.records["cultivar"].str.upper())),
    "record name": lambda d: replace(d, records=d.records.rename(columns={"ash": "Ash"})),
    "row number": lambda d: replace(d, records=d.records.rename(index={int(d.records.index[0]): 10_000})),
    "record emptied": lambda d: replace(d, records=d.records.assign(cultivar=[None, *d.records["cultivar"].iloc[1:]])),
    "shape": lambda d: replace(d, X_test=np.ascontiguousarray(d.X_test.reshape(-1, 1))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_changes_it(wine: Dataset, change: str) -> None:
    assert fingerprint_of(CHANGES[change](wine)) != wine.fingerprint


def test_all_changes_differ_from_each_other(wine: Dataset) -> None:
    assert len({fingerprint_of(change(wine)) for change in CHANGES.values()}) == len(CHANGES)


def test_it_is_a_sha256_of_the_content(wine: Dataset) -> None:
    assert fingerprint_of(replace(wine, fingerprint="other", notes=("other",))) == wine.fingerprint
    assert len(bytes.fromhex(wine.fingerprint)) == 32


def test_storage_of_strings_does_not_matter() -> None:
    cells = ["a", "b", None, "a", "b"] * 6
    frames = [
        pd.DataFrame({"c": pd.Series(cells, dtype=kind), "label": [0, 1, 0] * 10})
        for kind in (object, "str", "string", "category")
    ]
    assert len({read_table(frame).fingerprint for frame in frames}) == 1

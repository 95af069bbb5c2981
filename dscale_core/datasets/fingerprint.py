"""A dataset's identity: one sha256 over everything that a result can depend on or that a person reads beside it.

Values are hashed, not pandas' storage: the same strings give the same fingerprint whatever dtype holds them. Every piece
goes in with its length, so that no two different contents can spell the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dscale_core.types import Dataset

__all__ = ["fingerprint_of"]

_ARRAYS = ("X_pool", "y_pool", "X_valuation", "y_valuation", "X_test", "y_test")


def fingerprint_of(dataset: Dataset) -> str:
    """sha256 (64 hex digits) of name, task, all arrays, feature and class names and the records with their row numbers."""
    digest = hashlib.sha256()
    _add_strings(digest, ("dscale dataset 1", dataset.name, dataset.task))
    for name in _ARRAYS:
        _add_strings(digest, (name,))
        _add_array(digest, getattr(dataset, name))
    for names in (dataset.feature_names, dataset.class_names):
        _add_strings(digest, names)
    _add_frame(digest, dataset.records)
    return digest.hexdigest()


def _add_strings(digest: hashlib._Hash, strings: Iterable[str]) -> None:
    parts = [string.encode("utf-8", "surrogatepass") for string in strings]
    lengths = ",".join(str(len(part)) for part in parts).encode()
    digest.update(b"s%d:%s;" % (len(parts), lengths))
    digest.update(b"".join(parts))


def _add_array(digest: hashlib._Hash, array: NDArray[Any]) -> None:
    little_endian = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    _add_strings(digest, (little_endian.dtype.str, str(array.shape)))
    digest.update(little_endian.data)


def _add_frame(digest: hashlib._Hash, frame: pd.DataFrame) -> None:
    _add_strings(digest, (str(frame.shape), str(frame.index.name)))
    _add_strings(digest, (_spelled(value) for value in frame.index))
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        _add_strings(digest, (_spelled(name),))
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
            _add_array(digest, column.to_numpy())
        else:
            _add_strings(digest, map(_spelled, column.to_numpy(dtype=object)))


def _spelled(value: object) -> str:
    # Which of None, NaN and pandas' NA stands for a missing cell depends on the column's storage, not on the data.
    if value is None or value is pd.NA or value != value:
        return "missing"
    return f"{type(value).__name__}:{value}"

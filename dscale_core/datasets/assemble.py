"""The last step of every source: cut the encoded rows by the split and seal the result with its fingerprint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dscale_core.datasets.fingerprint import fingerprint_of
from dscale_core.datasets.split import Split
from dscale_core.types import Dataset, FloatMatrix, IntVector

__all__ = ["assemble"]


def assemble(
    *,
    name: str,
    X: FloatMatrix,
    y: NDArray[Any],
    split: Split,
    feature_names: tuple[str, ...],
    class_names: tuple[str, ...],
    records: pd.DataFrame,
    label_name: str,
    notes: tuple[str, ...],
    rows: IntVector | None = None,
    image_shape: tuple[int, int] | None = None,
) -> Dataset:
    """A dataset from all rows: ``X`` (N, d), ``y`` (N,), ``records`` of N rows; classification where classes are named.

    The records get a last column with the label where they have none. ``rows`` (N,) are the row numbers in the source,
    counted from 0; 0..N-1 where it is left out.
    """
    label_type = np.int64 if class_names else np.float64
    if label_name not in records:
        records = records.assign(**{label_name: np.asarray(class_names, dtype=object)[y] if class_names else y})
    of_pool = records.iloc[split.pool].copy()
    of_pool.index = pd.Index(split.pool if rows is None else rows[split.pool], name="row")
    unsealed = Dataset(
        name=name,
        task="classification" if class_names else "regression",
        X_pool=np.ascontiguousarray(X[split.pool], dtype=np.float64),
        y_pool=y[split.pool].astype(label_type),
        X_valuation=np.ascontiguousarray(X[split.valuation], dtype=np.float64),
        y_valuation=y[split.valuation].astype(label_type),
        X_test=np.ascontiguousarray(X[split.test], dtype=np.float64),
        y_test=y[split.test].astype(label_type),
        feature_names=feature_names,
        class_names=class_names,
        records=of_pool,
        fingerprint="",
        label_name=label_name,
        notes=notes,
        image_shape=image_shape,
    )
    return replace(unsealed, fingerprint=fingerprint_of(unsealed))

"""Handwritten digits of 8 × 8 pixels: the ten classes, and the halves 0–4 against 5–9.

Source: UCI, "Optical Recognition of Handwritten Digits" (test part), as shipped with scikit-learn. Pixels lie in 0..16 and
are divided by 16; records keep them raw.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import datasets as sklearn_datasets

from dscale_core.datasets.assemble import assemble
from dscale_core.datasets.split import three_way_split
from dscale_core.types import Dataset, IntVector

__all__ = ["load_digits", "load_low_high"]


def load_digits() -> Dataset:
    """Ten classes; pool 1,297, valuation 300, test 200 rows."""
    return _dataset("digits", "digit", np.arange(10), tuple("0123456789"))


def load_low_high() -> Dataset:
    """Digits 0–4 against 5–9; pool 1,297, valuation 300, test 200 rows. Records also keep the digit itself."""
    return _dataset("digits_low_high", "half", (np.arange(10) >= 5).astype(np.int64), ("0-4", "5-9"))


def _dataset(name: str, label_name: str, class_of_digit: IntVector, class_names: tuple[str, ...]) -> Dataset:
    source = sklearn_datasets.load_digits()
    digit = np.asarray(source.target, dtype=np.int64)
    y = class_of_digit[digit]
    feature_names = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    X = np.asarray(source.data, dtype=np.float64) / 16.0
    records = pd.DataFrame(np.asarray(source.data, dtype=np.int64), columns=list(feature_names)).assign(digit=digit)
    split = three_way_split(y, "classification", 300, 200, seed=0)
    return assemble(
        name=name,
        X=X,
        y=y,
        split=split,
        feature_names=feature_names,
        class_names=class_names,
        records=records,
        label_name=label_name,
        notes=("Pixels are divided by 16.",),
        image_shape=(8, 8),
    )

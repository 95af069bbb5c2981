"""Three small classic tables, shipped with scikit-learn: breast cancer, wine, diabetes.

Features are standardised by the pool; records keep the measured values and the label. Split 0.6 / 0.2 / 0.2 by seed 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets as sklearn_datasets

from dscale_core.datasets.assemble import assemble
from dscale_core.datasets.scaling import standardise
from dscale_core.datasets.split import three_way_split
from dscale_core.types import Dataset, Task

__all__ = ["load_breast_cancer", "load_diabetes", "load_wine"]


def load_breast_cancer() -> Dataset:
    """569 tumours, 30 measurements of cell nuclei; malignant (0) or benign (1). Source: UCI, Breast Cancer Wisconsin."""
    return _dataset("breast_cancer", "diagnosis", sklearn_datasets.load_breast_cancer(), ("malignant", "benign"))


def load_wine() -> Dataset:
    """178 wines, 13 chemical measurements, three cultivars. Source: UCI, Wine."""
    return _dataset("wine", "cultivar", sklearn_datasets.load_wine(), ("class_0", "class_1", "class_2"))


def load_diabetes() -> Dataset:
    """442 patients, 10 measurements; progression one year later (a score of 25 to 346). Source: Efron et al., 2004."""
    return _dataset("diabetes", "progression", sklearn_datasets.load_diabetes(scaled=False), ())


def _dataset(name: str, label_name: str, source: Any, class_names: tuple[str, ...]) -> Dataset:
    task: Task = "classification" if class_names else "regression"
    y: NDArray[Any] = np.asarray(source.target, dtype=np.int64 if class_names else np.float64)
    measured = np.asarray(source.data, dtype=np.float64)
    feature_names = tuple(str(feature) for feature in source.feature_names)
    split = three_way_split(y, task, 0.2, 0.2, seed=0)
    X = standardise(measured, split.pool)
    return assemble(
        name=name,
        X=X,
        y=y,
        split=split,
        feature_names=feature_names,
        class_names=class_names,
        records=pd.DataFrame(measured, columns=list(feature_names)),
        label_name=label_name,
        notes=("Features are standardised by the pool's means and standard deviations.",),
    )

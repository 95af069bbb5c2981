"""The registry of built-in sets: what can be loaded by name, without loading any of it.

To add a built-in set: a function that returns a `Dataset` and one line below; from outside, `register_dataset`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dscale_core.errors import ArgumentError
from dscale_core.registry import Entry, Registry, accepts
from dscale_core.types import Dataset, Task

__all__ = ["DATASETS", "DatasetInfo", "describe_dataset", "list_datasets", "load_dataset", "register_dataset"]


@dataclass(frozen=True)
class DatasetInfo:
    """What a built-in set is, known without loading it. ``n_rows`` counts pool, valuation and test rows together."""

    name: str
    task: Task
    n_rows: int
    n_features: int
    summary: str


def _line(
    home: str, name: str, n_rows: int, n_features: int, summary: str, task: Task = "classification"
) -> Entry[DatasetInfo]:
    return Entry(f"dscale_core.datasets.{home}", DatasetInfo(name, task, n_rows, n_features, summary))


def _fault(loaded: Any, info: DatasetInfo) -> str:  # noqa: ARG001  (a registry hands both to its check)
    return "" if accepts(loaded) else "be a function without arguments"


DATASETS = Registry(
    "dataset",
    [
        _line("digits:load_digits", "digits", 1797, 64, "Handwritten digits, 8 × 8 pixels, 10 classes."),
        _line("digits:load_low_high", "digits_low_high", 1797, 64, "Digits 0–4 against 5–9."),
        _line("classic:load_breast_cancer", "breast_cancer", 569, 30, "Malignant or benign tumours."),
        _line("classic:load_wine", "wine", 178, 13, "Three cultivars by chemical analysis."),
        _line("classic:load_diabetes", "diabetes", 442, 10, "Disease progression after one year.", "regression"),
        _line("linear:load_clf", "lm_clf", 12000, 50, "Synthetic: sign of a noisy linear response."),
        _line("linear:load_reg", "lm_reg", 12000, 50, "Synthetic: a noisy linear response.", "regression"),
    ],
    lambda plain: DatasetInfo(**plain),
    _fault,
)


def list_datasets() -> list[str]:
    """Names of the built-in sets, in the order in which they are shown."""
    return DATASETS.names()


def describe_dataset(name: str) -> DatasetInfo:
    """What the built-in set ``name`` is; nothing is loaded. Raises NotFoundError for an unknown name."""
    return DATASETS.entry(name).info


def load_dataset(name: str) -> Dataset:
    """The built-in set ``name``, always the same rows in the same split. Raises NotFoundError for an unknown name.

    >>> dataset = load_dataset("breast_cancer")
    >>> dataset.n_points, dataset.n_features, dataset.class_names
    (341, 30, ('malignant', 'benign'))
    """
    entry = DATASETS.entry(name)
    dataset = DATASETS.load(entry)()
    if not isinstance(dataset, Dataset):
        raise ArgumentError(entry.home, "return a Dataset", type(dataset).__name__, "Let it end with read_table(...).")
    return dataset


def register_dataset(
    name: str, home: str | Callable[[], Dataset], *, task: Task, n_rows: int, n_features: int, summary: str
) -> None:
    """Add a dataset of one's own, a function without arguments that returns a `Dataset`, as `read_table` does.

    home : ``"module:function"``, or the function itself
    n_rows, n_features : as in `DatasetInfo`: what the list says of it before it is loaded

    Raises ArgumentError where the name is taken.
    """
    DATASETS.add(home, DatasetInfo(name, task, n_rows, n_features, summary))

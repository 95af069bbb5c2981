"""The registry of built-in sets: what can be loaded by name, without loading any of it.

To add a built-in set, write a function that returns a `Dataset` and add its line to the registry below.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

from dscale_core.errors import NotFoundError
from dscale_core.types import Dataset, Task

__all__ = ["DatasetInfo", "describe_dataset", "list_datasets", "load_dataset"]


@dataclass(frozen=True)
class DatasetInfo:
    """What a built-in set is, known without loading it. ``n_rows`` counts pool, valuation and test rows together."""

    name: str
    task: Task
    n_rows: int
    n_features: int
    summary: str


_REGISTRY: dict[str, tuple[str, DatasetInfo]] = {
    info.name: (loader, info)
    for loader, info in (
        (
            "digits:load_digits",
            DatasetInfo("digits", "classification", 1797, 64, "Handwritten digits, 8 × 8 pixels, 10 classes."),
        ),
        ("digits:load_low_high", DatasetInfo("digits_low_high", "classification", 1797, 64, "Digits 0–4 against 5–9.")),
        (
            "classic:load_breast_cancer",
            DatasetInfo("breast_cancer", "classification", 569, 30, "Malignant or benign tumours."),
        ),
        ("classic:load_wine", DatasetInfo("wine", "classification", 178, 13, "Three cultivars by chemical analysis.")),
        ("classic:load_diabetes", DatasetInfo("diabetes", "regression", 442, 10, "Disease progression after one year.")),
        (
            "linear:load_clf",
            DatasetInfo("lm_clf", "classification", 12000, 50, "Synthetic: sign of a noisy linear response."),
        ),
        ("linear:load_reg", DatasetInfo("lm_reg", "regression", 12000, 50, "Synthetic: a noisy linear response.")),
    )
}


def list_datasets() -> list[str]:
    """Names of the built-in sets, in the order in which they are shown."""
    return list(_REGISTRY)


def describe_dataset(name: str) -> DatasetInfo:
    """What the built-in set ``name`` is; nothing is loaded. Raises NotFoundError for an unknown name."""
    return _entry(name)[1]


def load_dataset(name: str) -> Dataset:
    """The built-in set ``name``, always the same rows in the same split. Raises NotFoundError for an unknown name."""
    module, function = _entry(name)[0].split(":")
    dataset: Dataset = getattr(import_module(f"dscale_core.datasets.{module}"), function)()
    return dataset


def _entry(name: str) -> tuple[str, DatasetInfo]:
    if name in _REGISTRY:
        return _REGISTRY[name]
    close = get_close_matches(str(name).lower(), _REGISTRY, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Choose one of: {', '.join(_REGISTRY)}."
    raise NotFoundError(f"There is no built-in dataset named {name!r}. {hint}")

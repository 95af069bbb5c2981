"""dscale's core: what each data point is worth, at your dataset's size.

Names load when they are first used, so that ``import dscale_core`` costs next to nothing: pandas, scikit-learn, numba and
torch arrive with the first call that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dscale_core.curation import pick
    from dscale_core.datasets import list_datasets, load_dataset, read_table
    from dscale_core.errors import DscaleError
    from dscale_core.laws import fit_laws
    from dscale_core.learners import list_learners, make_learner
    from dscale_core.sampling import sample
    from dscale_core.study import Study
    from dscale_core.types import Contributions, Dataset, Draws, Laws, SamplingPlan
    from dscale_core.values import shapley_from_laws

__all__ = [
    "Contributions",
    "Dataset",
    "Draws",
    "DscaleError",
    "Laws",
    "SamplingPlan",
    "Study",
    "fit_laws",
    "list_datasets",
    "list_learners",
    "load_dataset",
    "make_learner",
    "pick",
    "read_table",
    "sample",
    "shapley_from_laws",
]

__version__ = "0.1.0"

_HOMES = {
    "curation": ("pick",),
    "datasets": ("list_datasets", "load_dataset", "read_table"),
    "errors": ("DscaleError",),
    "laws": ("fit_laws",),
    "learners": ("list_learners", "make_learner"),
    "sampling": ("sample",),
    "study": ("Study",),
    "types": ("Contributions", "Dataset", "Draws", "Laws", "SamplingPlan"),
    "values": ("shapley_from_laws",),
}
_HOME_OF = {name: f"dscale_core.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dscale_core' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

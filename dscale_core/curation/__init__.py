"""From laws to action: which points to add, to drop or to check at one dataset size, and the table to take away."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dscale_core.curation.export import export_csv
    from dscale_core.curation.picking import pick
    from dscale_core.curation.ranking import rank_points

__all__ = ["export_csv", "pick", "rank_points"]

_HOMES = {"export_csv": "export", "pick": "picking", "rank_points": "ranking"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dscale_core.curation' has no attribute {name!r}")
    return getattr(import_module(f"dscale_core.curation.{_HOMES[name]}"), name)

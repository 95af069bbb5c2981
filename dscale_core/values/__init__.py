"""Values of points that do not depend on one size."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dscale_core.values.shapley import shapley_from_laws

__all__ = ["shapley_from_laws"]

_HOMES = {"shapley_from_laws": "shapley"}  # public name -> module; a new value is one file and one line here


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dscale_core.values' has no attribute {name!r}")
    return getattr(import_module(f"dscale_core.values.{_HOMES[name]}"), name)

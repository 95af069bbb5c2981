"""How far a sample set is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """How far a sample set is, in coalitions."""

    done: int
    total: int

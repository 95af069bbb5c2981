"""Numbers as a person reads them."""

from __future__ import annotations

__all__ = ["duration", "memory"]


def duration(seconds: float | None) -> str:
    """``40 s``, ``12 min``, ``3.5 h``; ``unknown`` for None."""
    if seconds is None:
        return "unknown"
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def memory(n_bytes: float) -> str:
    """``0.4 MB``, ``12 MB``, ``3.1 GB``."""
    megabytes = n_bytes / 1e6
    if megabytes < 1000:
        return f"{megabytes:.1f} MB" if megabytes < 10 else f"{megabytes:.0f} MB"
    return f"{megabytes / 1000:.1f} GB"

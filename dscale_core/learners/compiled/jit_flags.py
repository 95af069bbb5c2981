"""What the compiler may do with the arithmetic of the compiled loops: each permission is given where it is needed alone.

``contract``: a product and a sum in one rounding. ``nsz``: the sign of zero is free. ``arcp``: a division may become a
product with an inverse. ``reassoc``: the order of a sum is free. ``nnan``: there is no NaN.
"""

from __future__ import annotations

from typing import Any

__all__ = ["ELEMENTWISE", "FUSED", "SUMS", "allow"]


def allow(*flags: str) -> dict[str, Any]:
    """Options for ``njit`` with these permissions."""
    # a division that raises would be a branch; infinities and NaN keep their meaning
    return {"fastmath": set(flags), "error_model": "numpy"}


FUSED = allow("contract", "nsz")
ELEMENTWISE = allow("contract", "nsz", "arcp")
# sums vectorise only where their order is free; elsewhere free order would undo expm1's care for small steps
SUMS = allow("contract", "nsz", "arcp", "reassoc")

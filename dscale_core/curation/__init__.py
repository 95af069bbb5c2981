"""From laws to action: which points to add, to drop or to check at one dataset size, and the table to take away."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

"""The compiled loops of the engines, in numba: the only modules of the core that import it."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

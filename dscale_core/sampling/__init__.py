"""Sampling: which coalitions are drawn, how they are spread over workers, what it costs, whether the engine is right."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

"""The support vector machine with a deterministic sigmoid: the exact engine, and its dual to rounding for the audit."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

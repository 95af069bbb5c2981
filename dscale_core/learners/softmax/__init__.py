"""Softmax regression of three classes and more: the exact engine and the fit of a coalition."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

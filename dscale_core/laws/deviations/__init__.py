"""Estimators around a guide: what a learner's surrogate or formula says is followed, and draws correct it."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

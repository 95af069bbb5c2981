"""Empirical Bayes, the default: every point's law is judged in the light of all points' laws."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

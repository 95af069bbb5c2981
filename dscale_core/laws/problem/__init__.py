"""What every estimator shares: checked arguments, bad points set aside, blocks of clean numbers, results assembled."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

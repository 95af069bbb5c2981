"""The perceptron with one hidden layer: every candidate trained, by a compiled kernel or in batches on a device."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

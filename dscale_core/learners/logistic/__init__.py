"""Binary logistic regression: the exact engine, its second-order surrogate and its formula without draws."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

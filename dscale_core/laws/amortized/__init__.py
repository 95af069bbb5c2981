"""The amortised estimator of the publication: one network from features to laws. Training and prediction need torch."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

"""What judges a fit: draws it never saw, its intervals, other forms, other fits; and each finding in one sentence."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

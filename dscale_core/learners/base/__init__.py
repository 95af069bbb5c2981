"""What all learners share: checked calls, engines kept per dataset, and the utilities."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

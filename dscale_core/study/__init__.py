"""A study, the facade that pages, notebooks and the command line use; and its laws without a store (`fit`)."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

"""Commands of the command line that would crowd `__main__`: each adds its options to a parser and runs on them."""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

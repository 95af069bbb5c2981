"""Where data comes from: built-in sets, tables and texts, each as one frozen `Dataset` split three ways.

Everything here is offline. Listing and describing load nothing; a built-in set's module arrives with its first use.
To add a built-in set, write a function that returns a `Dataset` and add its line to the registry in `builtin`.
"""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

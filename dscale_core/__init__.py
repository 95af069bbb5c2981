"""dscale's core: what each data point is worth, at your dataset's size.

Names load when they are first used, so that ``import dscale_core`` costs next to nothing: pandas, scikit-learn, numba and
torch arrive with the first call that needs them. What a package hands on stands in its ``__init__.pyi``, named once.
"""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

__version__ = "0.2.0"

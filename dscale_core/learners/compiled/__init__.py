"""The compiled loops of the engines, in numba: the only modules of the core that import it.

numba's cache knows a compiled function by its own file alone. Whoever changes what other files inline (`vector_math`,
`jit_flags`, `elimination`, `mlp_tiles`) removes the old code: ``rm dscale_core/learners/compiled/__pycache__/*.nb?``
"""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

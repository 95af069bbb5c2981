"""Names of the arrays that functions take and give, each with its shape."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Float32Matrix", "FloatMatrix", "FloatVector", "IntVector"]

FloatVector: TypeAlias = NDArray[np.float64]  # (p,)
FloatMatrix: TypeAlias = NDArray[np.float64]  # (n, d)
Float32Matrix: TypeAlias = NDArray[np.float32]  # (m, p)
IntVector: TypeAlias = NDArray[np.int64]  # (p,)

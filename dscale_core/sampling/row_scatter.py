"""What the finite number of valuation rows leaves uncertain, from blocks of them that are the same for all coalitions.

Rows drawn anew for each coalition come from the same few thousand. What these have of their own stays in the mean however
many coalitions are drawn, and no resampling of draws shows it. Let d_jb = k (S_jb − mean over blocks of S_j) be what block b
adds to the surrogate of coalition j. Its mean over coalitions, d_b, is the block's own effect and noise of the coalitions:

    variance of ψ_k by rows = (Var_b d_b − Var_j d_jb / n) / (B k²),    n coalitions, B blocks.

With B − 1 degrees of freedom that says little of one point. So one share for all points, of the mean of d_jb² (which
hundreds of coalitions make certain), is found at each of a few sizes, and each point has that share of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.types import FloatMatrix, FloatVector, IntVector, RowDeviation

__all__ = ["RowScatter"]

_GROUPS = 3  # of sizes, evenly in log k


class RowScatter:
    """Collects contributions by block, coalition after coalition."""

    def __init__(self, sizes: IntVector, n_points: int, n_blocks: int) -> None:
        low, high = np.log(sizes.min()), np.log(sizes.max())
        self._edges = np.linspace(low, high, _GROUPS + 1)[1:-1]
        shape = (_GROUPS, n_points, n_blocks)
        self._n, self._sum, self._squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._log_k, self._coalitions = np.zeros(_GROUPS), np.zeros(_GROUPS)

    def add(self, size: int, columns: IntVector, blocks: IntVector, delta: FloatMatrix) -> None:
        """One coalition's contributions (columns, blocks); NaN where a block does not count for a point."""
        group = int(np.searchsorted(self._edges, np.log(size)))
        known = np.isfinite(delta)
        y = np.where(known, size * delta, 0.0)
        count = known.sum(axis=1, keepdims=True)
        mean = np.divide(y.sum(axis=1, keepdims=True), count, out=np.zeros(count.shape), where=count > 0)
        apart = np.where(known, y - mean, 0.0)
        cells = np.ix_(np.array([group]), columns, blocks)
        self._n[cells] += known
        self._sum[cells] += apart
        self._squares[cells] += apart**2
        self._log_k[group] += np.log(size)
        self._coalitions[group] += 1

    def deviation(self) -> RowDeviation | None:
        """Standard deviations of ψ_k by rows; None where no size has coalitions enough."""
        enough = np.flatnonzero(self._coalitions >= 2)
        if enough.size == 0:
            return None
        sizes: FloatVector = np.exp(self._log_k[enough] / self._coalitions[enough])
        found = [self._of_group(group) for group in enough.tolist()]
        return RowDeviation(sizes, np.stack(found) / sizes[:, None])

    def _of_group(self, group: int) -> NDArray[np.float64]:
        n, total, squares = self._n[group], self._sum[group], self._squares[group]
        counted = n >= 2
        own = np.divide(total, n, out=np.zeros(n.shape), where=counted)
        within = np.divide(squares - n * own**2, (n - 1) * n, out=np.zeros(n.shape), where=counted)
        blocks = counted.sum(axis=1)
        usable = blocks >= 2
        between = np.divide((own**2).sum(axis=1), blocks - 1, out=np.zeros(usable.size), where=usable)
        # taking a coalition's own mean off leaves (B - 1) / B of the noise in each block
        noise = np.divide(within.sum(axis=1), blocks - 1, out=np.zeros(usable.size), where=usable)
        scatter = np.divide(squares.sum(axis=1), n.sum(axis=1), out=np.zeros(usable.size), where=n.sum(axis=1) > 0)
        # points weigh alike, whatever the size of their contributions
        heard = usable & (scatter > 0)
        if not heard.any():
            return np.zeros(usable.size)
        share = max(float(np.mean((between - noise)[heard] / scatter[heard])), 0.0)
        return np.asarray(np.sqrt(share * scatter / np.maximum(blocks, 1)))

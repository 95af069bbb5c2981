"""The fits of a dataset's coalitions, kept for a while: a screening, the exact step and a promise ask for the same ones."""

from __future__ import annotations

from collections import OrderedDict
from weakref import WeakKeyDictionary

import numpy as np

from dscale_core.learners.logistic.newton import NewtonFit, fit_newton, with_intercept
from dscale_core.types import Dataset, IntVector

__all__ = ["CoalitionFits", "fits_of"]

# Tolerance of a rough fit, far below the surrogate's own error; one of 1e-1 fails
# test_second_order.py::test_large_coalitions_agree_with_the_exact_engine.
_ROUGH = 1e-5
_KEPT_BYTES = 2**24  # 16 MB, two hundred fits of 90 features; speed alone


class CoalitionFits:
    """Fits of one pool's coalitions by one C. Each is, bit for bit, what it would be had nothing else been asked before."""

    def __init__(self, dataset: Dataset, C: float) -> None:
        self.X, self.y = with_intercept(dataset.X_pool), dataset.y_pool.astype(np.float64)
        self._C = C
        self._kept: OrderedDict[tuple[bool, bytes], NewtonFit] = OrderedDict()

    def exact(self, coalition: IntVector) -> NewtonFit:
        """The coalition's optimum; where its rough fit is kept, the steps go on from there."""
        key = coalition.tobytes()
        return self._kept.get((False, key)) or self._fitted(coalition, key, self._kept.get((True, key)))

    def rough(self, coalition: IntVector) -> NewtonFit:
        """The optimum to a relative step of 1e-5."""
        key = coalition.tobytes()
        return self._kept.get((True, key)) or self._fitted(coalition, key, None, _ROUGH)

    def _fitted(self, coalition: IntVector, key: bytes, looser: NewtonFit | None, rough: float | None = None) -> NewtonFit:
        X, y = self.X[coalition], self.y[coalition]
        fit = fit_newton(X, y, self._C, looser=looser) if rough is None else fit_newton(X, y, self._C, rough)
        self._kept[rough is not None, key] = fit
        while len(self._kept) * (fit.factor.nbytes + 3 * len(key)) > _KEPT_BYTES:
            self._kept.popitem(last=False)
        return fit


_fits: WeakKeyDictionary[Dataset, dict[float, CoalitionFits]] = WeakKeyDictionary()


def fits_of(dataset: Dataset, C: float) -> CoalitionFits:
    """The fits that all engines of this dataset and C share."""
    of_dataset = _fits.setdefault(dataset, {})
    if C not in of_dataset:
        of_dataset[C] = CoalitionFits(dataset, C)
    return of_dataset[C]

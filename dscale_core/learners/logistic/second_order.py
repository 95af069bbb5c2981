"""S2, the second-order surrogate of binary logistic contributions: a first picture at a twentieth of the cost.

The exact step of a candidate along its own direction v = H_D^-1 x_z is kept (the scalar equation of `logistic`), but what
the step does to the coalition's curvature is dropped and the valuation loss is expanded to second order:

    S2(z) = C s g'v - (C s)^2 v' H_V v / 2,    s = sigma(x_z'theta_D - C s x_z'v) - y_z,

with g and H_V gradient and Hessian of the valuation loss at theta_D. No valuation point is ever touched per candidate: with
A = H_D^-1 H_V H_D^-1 both forms are rows of one product X [H_D^-1, A, H_D^-1 g, theta]. The bias falls like 1/k^2 in the
size and is not negligible where a point has much leverage on a small coalition: whoever uses S2 measures it
(`sampling.preview`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from scipy.special import expit

from dscale_core.learners.base import blocks, loss
from dscale_core.learners.compiled import logit_kernels as kernels
from dscale_core.learners.logistic.coalition_fits import fits_of
from dscale_core.learners.logistic.newton import with_intercept
from dscale_core.types import BlockContributions, Contributions, Dataset, FloatMatrix, FloatVector, IntVector, ValuationRows

__all__ = ["UTILITIES", "SecondOrderEngine"]

# A point that alone holds a direction leaves nothing behind: test_second_order.py::test_leaving_out_agrees_with_refits
_LEAST_LEFT = 0.05
_ROWS = 2048  # points whose forms are evaluated together; speed alone
UTILITIES = ("log_loss", "brier")  # those with two derivatives


@dataclass(frozen=True)
class _Fitted:
    """A coalition's weights and the inverse of its Hessian."""

    theta: FloatVector
    inverse: FloatMatrix


class SecondOrderEngine:
    """Approximate contributions for one dataset and one of UTILITIES."""

    def __init__(self, dataset: Dataset, utility: str, C: float) -> None:
        self._fits = fits_of(dataset, C)
        self._X, self._y = self._fits.X, self._fits.y
        self._single = self._X.astype(np.float32)
        self._every = np.arange(self._y.size)
        self._X_valuation = with_intercept(dataset.X_valuation)
        self._y_valuation = dataset.y_valuation
        self._utility, self._C = utility, C

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """S2 of ``points``, in the form and sign of exact contributions."""
        base = self._fits.rough(coalition)
        eta = self._X_valuation @ base.theta
        p, q = expit(eta), expit(-eta)
        slope, curvature = self._derivatives(p, q, self._y_valuation)
        inverse = cho_solve((base.factor, True), np.eye(base.theta.size), check_finite=False)
        half = inverse @ self._X_valuation.T
        products = np.column_stack([inverse, (half * curvature) @ half.T, half @ slope, base.theta]).astype(np.float32)
        rows = self._single if np.array_equal(points, self._every) else self._single[points]  # a copy is most of the cost
        delta = kernels.second_order_change(rows, rows @ products, self._y[points], self._C)
        delta[np.isin(points, coalition)] = np.nan
        return Contributions(delta, loss(self._utility, np.column_stack([q, p]), self._y_valuation))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        fitted = self._fitted(coalition)

        def pulls(x: FloatMatrix, y: FloatVector) -> FloatVector:
            reach = np.einsum("ij,ij->i", x @ fitted.inverse, x)
            out: FloatVector = self._C * kernels.own_residual(x @ fitted.theta, y, self._C * reach)
            return out

        return self._along(fitted, points, ~np.isin(points, coalition), rows, pulls)

    def left_out(self, coalition: IntVector, members: IntVector, rows: ValuationRows) -> BlockContributions:
        """About the loss that leaving each of ``members`` out saves: Newton's step from the fit to the one without it."""
        fitted = self._fitted(coalition)

        def pulls(x: FloatMatrix, y: FloatVector) -> FloatVector:
            p = expit(x @ fitted.theta)
            lever = self._C * p * (1 - p) * np.einsum("ij,ij->i", x @ fitted.inverse, x)
            out: FloatVector = -self._C * (p - y) / np.maximum(1 - lever, _LEAST_LEFT)
            return out

        return self._along(fitted, members, np.isin(members, coalition), rows, pulls)

    def _fitted(self, coalition: IntVector) -> _Fitted:
        base = self._fits.rough(coalition)
        return _Fitted(base.theta, cho_solve((base.factor, True), np.eye(base.theta.size), check_finite=False))

    def _along(
        self,
        fitted: _Fitted,
        points: IntVector,
        asked: NDArray[np.bool_],
        rows: ValuationRows,
        pulls: Callable[[FloatMatrix, FloatVector], FloatVector],
    ) -> BlockContributions:
        """Second-order loss saved when the model moves by minus ``pulls`` of each point along its own direction."""
        towards = with_intercept(rows.X)
        eta = towards @ fitted.theta
        p, q = expit(eta), expit(-eta)
        half = fitted.inverse @ towards.T
        delta = np.full((points.size, rows.starts.size), np.nan)
        parts, losses = [], []
        for block in rows.slices:
            slope, curvature = self._derivatives(p[block], q[block], rows.y[block])
            parts.append((half[:, block] @ slope, (half[:, block] * curvature) @ half[:, block].T))
            losses.append(loss(self._utility, np.column_stack([q[block], p[block]]), rows.y[block]))
        for some in blocks(np.flatnonzero(asked), _ROWS):
            x = self._X[points[some]]
            s = pulls(x, self._y[points[some]])
            single = x.astype(np.float32)
            for b, (pull, spread) in enumerate(parts):
                bent = np.einsum("ij,ij->i", single @ spread.astype(np.float32), single, dtype=np.float64)
                delta[some, b] = s * (x @ pull) - 0.5 * s * s * bent
        return BlockContributions(delta, np.array(losses))

    def _derivatives(self, p: FloatVector, q: FloatVector, y: NDArray[Any]) -> tuple[FloatVector, FloatVector]:
        """First and second derivative of the mean valuation loss by each valuation logit, (v,)."""
        w, miss = p * q, p - y
        if self._utility == "log_loss":
            return miss / p.size, w / p.size
        return 2 * miss * w / p.size, 2 * w * (w + miss * (q - p)) / p.size

"""RBF kernels in blocks, and Newton's method for kernel logistic regression.

Exponents come from one float64 product of augmented features, (sqrt(2 gamma) x, -gamma |x|^2, 1) with
(sqrt(2 gamma) y, 1, -gamma |y|^2): in float32 |x|^2 + |y|^2 - 2 x'y would lose close pairs. Only the exponential is float32.

The fit minimises C sum_i loss_i(f) + beta'K beta / 2, f = K beta + b. Given any feasible (beta, b), beta summing to zero, a
Newton correction solves (I + W K) dbeta + W db = C (t - sigma(f)) - beta through B = I + sqrt(W) K sqrt(W). Since what is
solved is a correction, B is factored in float32 and its factor serves for as long as it takes the residual down well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs
from scipy.special import expit

from dscale_core.learners.base import require_settled
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["KernelFit", "RadialFeatures", "fit_kernel", "shrunk_kernel"]

# Least weight sigma (1 - sigma) in the model of a step, or a start that is certain of every member would leave it singular:
# test_kernel_logistic.py::test_a_start_that_is_certain_of_every_member_is_mended. The optimum does not feel it.
_CERTAIN = 1e-9
# Newton takes five to ten steps; three fail test_kernel_logistic.py::test_engine_equals_tight_refits.
_MAX_NEWTON = 200
# Steps tried with float32 factors: an ill-conditioned problem then takes float64.
# test_kernel_logistic.py::test_fit_meets_the_conditions_from_any_start
_SINGLE_STEPS = 15
# A step that leaves more of the residual than this asks for a new factor; where none does, the steps run out:
# test_kernel_logistic.py::test_fit_meets_the_conditions_from_any_start
_STALE = 0.1
# What is left of the conditions, relative to the largest a residual can be; 1e-4 fails
# test_kernel_logistic.py::test_engine_equals_tight_refits.
_LEFT = 1e-10
# And what rounding may leave of them; more is no optimum. test_kernel_logistic.py::test_a_fit_that_does_not_settle_says_so
_ROUNDED = 1e-7
# A rise of the objective that is rounding (it saves halvings that would end the same way), and the shortest step: where
# rounding hides every fall, the next factor decides. Of halving: test_kernel_logistic.py::test_engine_equals_tight_refits
_RISE, _SHORTEST = 1e-13, 1e-12
# e^-80 is nothing, and below e^-87 float32 has denormal numbers alone, which are slow; results do not depend on it, but -3
# would fail test_kernel_logistic.py::test_engine_equals_tight_refits.
_LEAST_EXPONENT = -80.0
_TINY = 1e-300  # keeps 0 / 0 a number where nothing is left to correct


@dataclass(frozen=True)
class RadialFeatures:
    """Points (n, d) prepared for kernel blocks exp(-gamma |x - y|^2)."""

    left: FloatMatrix  # (n, d + 2)
    right: FloatMatrix  # (n, d + 2)

    @classmethod
    def of(cls, X: FloatMatrix, gamma: float) -> RadialFeatures:
        """Augment the rows of X, which are best centred."""
        size, one = -gamma * np.einsum("ij,ij->i", X, X)[:, None], np.ones((X.shape[0], 1))
        scaled = np.sqrt(2 * gamma) * X
        return cls(np.hstack([scaled, size, one]), np.hstack([scaled, one, size]))

    def __getitem__(self, rows: Any) -> RadialFeatures:
        return RadialFeatures(self.left[rows], self.right[rows])

    def exponents(self, other: RadialFeatures) -> FloatMatrix:
        """-gamma |x - y|^2, (n, m)."""
        out: FloatMatrix = self.left @ other.right.T
        # a point is no nearer to another than to itself, whatever rounding says
        return np.minimum(out, 0.0, out=out)

    def kernel(self, other: RadialFeatures, dtype: type[np.floating[Any]] = np.float32) -> NDArray[Any]:
        """Kernel block (n, m)."""
        out = self.exponents(other).astype(dtype, copy=False)
        np.maximum(out, _LEAST_EXPONENT, out=out)
        return np.asarray(np.exp(out, out=out))


@dataclass(frozen=True)
class KernelFit:
    """An optimum: beta (k,), the intercept b and the logits f = K beta + b (k,)."""

    beta: FloatVector
    b: float
    f: FloatVector


def fit_kernel(K: FloatMatrix, y: FloatVector, C: float, start: FloatVector | None = None) -> KernelFit:
    """Damped Newton to |C (t - sigma(f)) - beta| <= `_LEFT` C, from logits ``start`` or from the base rate.

    Raises ArgumentError where it does not converge.

    K : (k, k); y : (k,) zeros and ones, both present
    """
    beta, b = np.zeros(y.size), float(np.log(y.mean() / (1 - y.mean())))
    f = np.full(y.size, b)
    model: _Model | None = None
    if start is not None:
        # the minimum of the quadratic model at `start`, which need not be the logits of any beta
        model = _Model(K, start, C, np.float32)
        b, beta = model.solve(C * (y - expit(start)) + model.weights * start)
        f = K @ beta + b
    value, last = _objective(beta, f, y, C), np.inf
    for number in range(_MAX_NEWTON):
        residual = C * (y - expit(f)) - beta
        size = float(np.abs(residual).max())
        if size <= _LEFT * C:
            break
        if model is None or size > _STALE * last:
            model = _Model(K, f, C, np.float32 if number < _SINGLE_STEPS else np.float64)
        last = size
        db, dbeta = model.solve(residual)
        df, length = K @ dbeta + db, 1.0
        while (trial := _objective(beta + length * dbeta, f + length * df, y, C)) > value + _RISE * abs(value):
            length /= 2
            if length < _SHORTEST:
                break
        beta, b, f, value = beta + length * dbeta, b + length * db, f + length * df, trial
    require_settled(size <= _ROUNDED * C, C)
    return KernelFit(beta, b, f)


def shrunk_kernel(K: FloatMatrix, weights: FloatVector, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """B = I + sqrt(W) K sqrt(W), (k, k) in Fortran order."""
    root = np.sqrt(weights).astype(dtype)
    B = np.array(K.T, dtype=dtype, order="F")  # K is symmetric: a copy without a transposition
    B *= root[:, None]
    B *= root
    B[np.diag_indices(root.size)] += dtype(1.0)
    return B


def _objective(beta: FloatVector, f: FloatVector, y: FloatVector, C: float) -> float:
    # beta sums to zero, so beta'f is beta'K beta
    return float(C * np.sum(np.logaddexp(0, f) - y * f) + beta @ f / 2)


class _Model:
    """The quadratic model of the objective at logits f, factored."""

    def __init__(self, K: FloatMatrix, f: FloatVector, C: float, dtype: type[np.floating[Any]]) -> None:
        self.weights = C * np.maximum(expit(f) * expit(-f), _CERTAIN)
        self._K, self._root = K, np.sqrt(self.weights)
        # a large C leaves float32 no unit on the diagonal
        if self._factored(dtype):
            self._factored(np.float64)
        self._n = self._root * self._inverse(self._root)

    def _factored(self, dtype: type[np.floating[Any]]) -> int:
        """Factor B; returns zero where it is positive definite in this precision."""
        self._dtype = dtype
        factorise: Any = get_lapack_funcs("potrf", dtype=dtype)
        self._substitute: Any = get_lapack_funcs("potrs", dtype=dtype)
        self._factor, failed = factorise(shrunk_kernel(self._K, self.weights, dtype), lower=1, overwrite_a=1)
        return int(failed)

    def solve(self, r: FloatVector) -> tuple[float, FloatVector]:
        """(b, beta) with (I + W K) beta + W b = r, beta summing to zero."""
        plain = r - self._root * self._inverse(self._root * (self._K @ r))
        b = float(plain.sum() / self._n.sum())
        beta = plain - b * self._n
        return b, beta - beta.mean()

    def _inverse(self, v: FloatVector) -> FloatVector:
        largest = float(np.abs(v).max()) + _TINY  # small residuals would vanish in float32
        solved, _ = self._substitute(self._factor, (v / largest).astype(self._dtype), lower=1)
        out: FloatVector = solved.astype(np.float64) * largest
        return out

"""Kernel logistic regression (RBF): exact contributions of all points from one fit of the coalition.

The model f = sum_i beta_i k(x_i, .) + b minimises C sum_i loss_i(f) + beta'K beta / 2 with b free; at the optimum
beta = C (t - sigma(f)), which sums to zero. The width gamma is fixed for the dataset, or adding a point would change it.

With weights W = C sigma (1 - sigma) at the coalition's optimum let S be the covariance that a Gaussian process with kernel k
and a free constant keeps after observing D with noise W^-1. Adding z changes the logits, at any point v, by

    u_v = -C S_vD rho(u_D) - C S_vz s,    rho(u) = sigma(f + u) - sigma(f) - W u / C,    s = sigma(f_z + u_z) - t_z,

the fixed point of `logistic` in its dual form, with S in the place of the whitened inner products: on D one product with
S_DD a step, and s exact in every step. Nothing cancels, so float32 products are safe where C is moderate; a large C
magnifies their rounding, and the same is done in float64. From B = I + sqrt(W) K sqrt(W),

    T = (I + K W)^-1 = W^-1/2 B^-1 W^1/2,   h = T 1,   n = W h,   tau = 1'n,   a_z = (1 - n'k_z) / tau,
    S_DD = W^-1/2 (I - B^-1) W^-1/2 + h h'/tau,   S_Dz = T k_z + h a_z,   S_vz = k_vz + a_z' - k_v'W S_Dz.

For members of which the model is certain W is next to nothing, and a division by it would leave rounding alone: their rows
are T = I - K sqrt(W) B^-1 sqrt(W) and S_DD = T K + h h'/tau, the same without division, at the price of a product.

Kernels are computed in blocks of candidates, never for the whole pool. A candidate whose iteration does not settle is fitted
in full; none is returned unconverged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs
from scipy.special import expit

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase, blocks, radial_width, require_two_classes
from dscale_core.learners.compiled import logit_kernels
from dscale_core.learners.kernel_logistic.kernel_fit import KernelFit, RadialFeatures, fit_kernel, shrunk_kernel
from dscale_core.learners.two_classes import AddOne, Candidates, Curved, LogitValuation, loss_of_logits
from dscale_core.types import (
    BlockContributions,
    Contributions,
    Dataset,
    Engine,
    FloatMatrix,
    FloatVector,
    IntVector,
    Task,
    ValuationRows,
)

__all__ = ["KernelLogistic"]

_ROWS = 256  # candidates solved together; speed alone
# Rows that need more are few, and a fit of their own is safer for them, though dear. Results do not depend on it:
# test_kernel_logistic.py::test_rows_that_do_not_settle_are_fitted_in_full
_MAX_STEPS = 14
_START_POINTS = 400  # pool points whose fit is every coalition's start; where a fit starts is speed alone
# Of the largest: eigenvalues below it are rounding, and their vectors too. That it cuts no more:
# test_kernel_logistic.py::test_base_loss_and_reference_are_the_loss_of_the_coalition_alone
_ROUNDING = 1e-13
# Largest C that is solved in float32. On real data with 1,000 members its error is 4e-4 of the spread between points at 10,
# 1e-2 at 100 and of the spread's own size at 1,000: test_kernel_logistic.py::test_a_large_c_is_solved_as_well
_SINGLE_LIMIT = 10.0
# Weight of a loss, C sigma (1 - sigma), below which S is not divided by it: rounding of 1e-16 would become 1e-7 of S.
# test_kernel_logistic.py::test_members_that_are_all_but_certain_can_still_be_moved
_CERTAIN = 1e-9


@dataclass(frozen=True)
class KernelLogistic(LearnerBase):
    """RBF kernel logistic regression with a free intercept; gamma "scale" is 1 / (d Var(pool)), fixed for the dataset."""

    name: ClassVar[str] = "kernel_logistic"
    task: ClassVar[Task] = "classification"
    exact: ClassVar[bool] = True

    C: float = 5.0
    gamma: float | str = "scale"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.C) and self.C > 0):
            raise ArgumentError("C", "be positive", self.C, "Use C=5.0; smaller values regularise more.")
        served = self.gamma == "scale" if isinstance(self.gamma, str) else bool(np.isfinite(self.gamma) and self.gamma > 0)
        if not served:
            raise ArgumentError("gamma", 'be "scale" or a positive number', repr(self.gamma), 'Use gamma="scale".')

    def width(self, dataset: Dataset) -> float:
        """gamma of k(x, y) = exp(-gamma |x - y|^2)."""
        return radial_width(self.gamma, dataset)

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by scikit-learn's linear Newton solver on the eigenvectors of the kernel, at a tolerance of 1e-12."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics.pairwise import rbf_kernel

        X, y, gamma = dataset.X_pool[coalition], dataset.y_pool[coalition], self.width(dataset)
        values, vectors = np.linalg.eigh(rbf_kernel(X, gamma=gamma))
        kept = values > _ROUNDING * values[-1]
        features = vectors[:, kept] * np.sqrt(values[kept])
        model = LogisticRegression(C=self.C, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(features, y)
        beta = self.C * (y - model.predict_proba(features)[:, 1])
        f = rbf_kernel(dataset.X_valuation, X, gamma=gamma) @ beta + model.intercept_[0]
        return loss_of_logits(utility, f, dataset.y_valuation)

    def _build(self, dataset: Dataset, utility: str) -> Engine:
        if len(dataset.class_names) != 2:
            got = f"{len(dataset.class_names)} classes in {dataset.name!r}"
            raise ArgumentError("learner", f"have two classes for {self.name!r}", got, "Choose logistic or another learner.")
        return KernelLogisticEngine(dataset, utility, self.C, self.width(dataset))


class KernelLogisticEngine:
    """Exact contributions for one dataset and utility."""

    def __init__(self, dataset: Dataset, utility: str, C: float, gamma: float) -> None:
        self._center, self._gamma = dataset.X_pool.mean(axis=0), gamma
        self._pool = RadialFeatures.of(dataset.X_pool - self._center, gamma)
        self._y, self._rows = dataset.y_pool.astype(np.float64), _Rows(dataset.y_valuation, [slice(None)])
        self._valued = RadialFeatures.of(dataset.X_valuation - self._center, gamma)
        self._utility, self._C = utility, C
        self._dtype = np.float32 if C <= _SINGLE_LIMIT else np.float64

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``; see `types.Contributions`. Raises ArgumentError for a coalition of one class."""
        found = self._on_blocks(coalition, points, self._valued, self._rows)
        return Contributions(found.delta[:, 0], float(found.base_loss[0]))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        valued = RadialFeatures.of(rows.X - self._center, self._gamma)
        return self._on_blocks(coalition, points, valued, _Rows(rows.y, rows.slices))

    def left_out(self, coalition: IntVector, members: IntVector, rows: ValuationRows) -> BlockContributions:
        """The loss saved by leaving each of ``members`` out: a fit each, from the coalition's logits."""
        require_two_classes(self._y[coalition])
        own, own_rows = self._pool[coalition], _Rows(rows.y, rows.slices)
        K = own.kernel(own, np.float64)
        towards = RadialFeatures.of(rows.X - self._center, self._gamma).kernel(own, np.float64)
        fit = fit_kernel(K, self._y[coalition], self._C, self._start[coalition])
        base = own_rows.losses(towards @ fit.beta + fit.b, self._utility)
        delta = np.empty((members.size, rows.starts.size))
        for i, z in enumerate(members):
            rest = np.flatnonzero(coalition != z)
            require_two_classes(self._y[coalition[rest]])
            without = fit_kernel(K[np.ix_(rest, rest)], self._y[coalition[rest]], self._C, fit.f[rest])
            beta = np.zeros(coalition.size)
            beta[rest] = without.beta
            delta[i] = base - own_rows.losses(towards @ beta + without.b, self._utility)
        return BlockContributions(delta, base)

    def _on_blocks(self, coalition: IntVector, points: IntVector, valued: RadialFeatures, rows: _Rows) -> BlockContributions:
        require_two_classes(self._y[coalition])
        members = self._pool[coalition]
        K, towards = members.kernel(members, np.float64), valued.kernel(members, np.float64)
        fit = fit_kernel(K, self._y[coalition], self._C, self._start[coalition])
        candidates = np.flatnonzero(~np.isin(points, coalition))
        if candidates.size == 0:
            base = rows.losses(towards @ fit.beta + fit.b, self._utility)
            return BlockContributions(np.full((points.size, base.size), np.nan), base)
        solver = _Solver(K, fit, self._C, self._dtype)
        valuations = [_Valuation(solver, towards[block], rows.y[block], self._utility) for block in rows.slices]
        base = np.array([valuation.base_loss for valuation in valuations])
        delta = np.full((points.size, base.size), np.nan)
        left: list[IntVector] = [np.empty(0, dtype=np.int64)]
        for some in blocks(candidates, _ROWS):
            x = self._pool[points[some]]
            steps, settled = solver.add_one(x.kernel(members, self._dtype), self._y[points[some]])
            for b, (valuation, block) in enumerate(zip(valuations, rows.slices, strict=True)):
                delta[some, b] = -valuation.change_by(steps, x.kernel(valued[block], self._dtype))
            left.append(some[~(settled & np.isfinite(delta[some]).all(axis=1))])
        for row in np.concatenate(left):
            delta[row] = base - rows.losses(self._grown(np.append(coalition, points[row]), fit, valued), self._utility)
        return BlockContributions(delta, base)

    def predict(self, coalition: IntVector, X: FloatMatrix) -> FloatMatrix:
        """Probabilities of both classes; see `types.PredictingEngine`."""
        require_two_classes(self._y[coalition])
        members = self._pool[coalition]
        fit = fit_kernel(members.kernel(members, np.float64), self._y[coalition], self._C, self._start[coalition])
        rows = RadialFeatures.of(X - self._center, self._gamma)
        f = rows.kernel(members, np.float64) @ fit.beta + fit.b
        return np.column_stack([expit(-f), expit(f)])

    @cached_property
    def _start(self) -> FloatVector:
        """Logits of all pool points under the fit of a fixed part of the pool, (n,): where every fit starts."""
        some = np.random.default_rng(0).permutation(self._y.size)[:_START_POINTS]
        if np.ptp(self._y[some]) == 0:
            return np.zeros(self._y.size)
        members = self._pool[some]
        fit = fit_kernel(members.kernel(members, np.float64), self._y[some], self._C)
        parts = [self._pool[rows].kernel(members) @ fit.beta for rows in blocks(np.arange(self._y.size), _ROWS)]
        return np.concatenate(parts) + fit.b

    def _grown(self, members: IntVector, base: KernelFit, valued: RadialFeatures) -> FloatVector:
        """Logits of the fit to some members, the last of which is new to the fit ``base``."""
        some = self._pool[members]
        fit = fit_kernel(some.kernel(some, np.float64), self._y[members], self._C, np.append(base.f, base.b))
        return np.asarray(valued.kernel(some, np.float64) @ fit.beta + fit.b)


def _inverted(B: NDArray[Any]) -> FloatMatrix:
    """The inverse of a positive definite matrix in Fortran order, which it overwrites."""
    factorise: Any = get_lapack_funcs("potrf", dtype=np.float64)
    invert: Any = get_lapack_funcs("potri", dtype=np.float64)
    factor, _ = factorise(B, lower=1, overwrite_a=1)
    inverse, _ = invert(factor, lower=1, overwrite_c=1)
    return np.asarray(np.tril(inverse) + np.tril(inverse, -1).T)


@dataclass(frozen=True)
class _Rows:
    """Labels of the rows to value on, and their blocks."""

    y: NDArray[Any]
    slices: list[slice]

    def losses(self, f: FloatVector, utility: str) -> FloatVector:
        """Loss of logits in each block, (b,)."""
        return np.array([loss_of_logits(utility, f[block], self.y[block]) for block in self.slices])


@dataclass(frozen=True)
class _Steps:
    """What a valuation needs to know of some solved candidates, one row each."""

    source: NDArray[Any]  # (rows, k) -C (rho - s W k_z): to be multiplied by S_Dv
    pull: NDArray[Any]  # (rows,) -C s: times k_vz + a_v, the candidate's direct part


class _Solver:
    """The fixed point of the module's docstring for one coalition."""

    def __init__(self, K: FloatMatrix, fit: KernelFit, C: float, dtype: type[np.floating[Any]]) -> None:
        p, q = expit(fit.f), expit(-fit.f)
        weights = C * p * q
        root, certain = np.sqrt(weights), np.flatnonzero(weights < _CERTAIN)
        divisor = root.copy()
        divisor[certain] = 1.0
        inverse = _inverted(shrunk_kernel(K, weights, np.float64))
        self.h = (inverse @ root) / divisor
        spread = (np.eye(root.size) - inverse) / divisor / divisor[:, None]
        rows = (np.arange(root.size) == certain[:, None]) - (K[certain] * root) @ inverse * root
        inverse *= root[:, None]
        inverse /= divisor  # T', for rows of kernels
        if certain.size:
            inverse[:, certain], self.h[certain] = rows.T, rows.sum(axis=1)
            spread[certain] = rows @ K
            spread[:, certain] = spread[certain].T
        self.n = weights * self.h
        self.tau = float(self.n.sum())
        self.fit, self.C, self.dtype = fit, C, dtype
        self._S = (C * (spread + np.outer(self.h, self.h) / self.tau)).astype(dtype)
        self._T = np.ascontiguousarray(inverse, dtype=dtype)
        self._weights, self._h = weights.astype(dtype), self.h.astype(dtype)
        self._p, self._q = p.astype(dtype), q.astype(dtype)

    def covariance(self, near: NDArray[Any]) -> tuple[NDArray[Any], FloatVector]:
        """S between points and members, (rows, k), and a, (rows,), from their kernels (rows, k)."""
        a: FloatVector = (1.0 - near @ self.n) / self.tau
        return near.astype(self.dtype, copy=False) @ self._T + a.astype(self.dtype)[:, None] * self._h, a

    def add_one(self, near: NDArray[Any], y: FloatVector) -> tuple[_Steps, NDArray[np.bool_]]:
        """Solve the add-one problem of every candidate, given its kernels with the members (rows, k); and who settled."""
        own, a = self.covariance(near)
        weighted = near * self._weights
        curvature = self.C * np.maximum(1.0 + a - np.einsum("ij,ij->i", weighted, own, dtype=np.float64), 0.0)
        eta = near @ self.fit.beta + self.fit.b
        rho, s = np.zeros_like(own), np.zeros(y.size)

        def take(places: IntVector, state: NDArray[Any], settled_s: FloatVector) -> None:
            logit_kernels.sigmoid_remainder(state, self._p, self._q)
            rho[places], s[places] = state, settled_s

        settled = AddOne(self, Candidates(own, eta, y, curvature), take).solve(_MAX_STEPS)
        pull = (-self.C * s).astype(self.dtype)
        source = -self.C * rho - pull[:, None] * weighted
        return _Steps(source, pull), settled

    def curve(self, state: NDArray[Any], own: NDArray[Any]) -> Curved:
        """See `two_classes.Members`."""
        rho = state.copy()
        largest = logit_kernels.sigmoid_remainder(rho, self._p, self._q)
        part = rho @ self._S
        own_logit = -self.C * np.einsum("ij,ij->i", rho, own, dtype=np.float64)
        return Curved(np.negative(part, out=part), own_logit, largest)


class _Valuation(LogitValuation):
    """Loss on the valuation set at the base model and its change by a candidate."""

    def __init__(self, solver: _Solver, towards: FloatMatrix, y: NDArray[Any], utility: str) -> None:
        super().__init__(towards @ solver.fit.beta + solver.fit.b, y, utility, solver.dtype)
        covariance, a = solver.covariance(towards)
        self._S, self._a = np.ascontiguousarray(covariance.T), a.astype(solver.dtype)

    def change_by(self, steps: _Steps, kernel: NDArray[Any]) -> FloatVector:
        """Mean loss change, (rows,); kernel (rows, v) between candidates and valuation points."""
        return self.change(steps.source @ self._S + steps.pull[:, None] * (kernel + self._a))

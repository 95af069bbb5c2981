"""Ridge regression and ordinary least squares: exact contributions of all points in closed form.

With the coalition's means x_D, y_D taken off, the model is y_D + w'(x - x_D), where w minimises |y - X w|^2 + alpha |w|^2
over the members' centred rows X; the intercept is free. With A = X'X + alpha I = (T'T)^-1, adding z changes the prediction
at v by (Sherman and Morrison 1950)

    e_v = s (1/k + t_v't_z),    s = (y_z - f_D(z)) / (1 + 1/k + t_z't_z),    t_x = T (x - x_D),

and saves the loss mean(2 r_v e_v - e_v^2), r_v = y_v - f_D(v): the change itself, in which no two losses cancel. Both means
are quadratic in t_z. The valuation set enters through its mean and its covariance G, known once and for all, and through
g = T mean(r_v (x_v - mean x_v)). Rotated so that T G T' is diagonal, a point costs one product with a d x d matrix, however
many valuation points there are.

**Where the coalition does not determine w** (ordinary least squares with k <= d, or with collinear columns) scikit-learn
takes the w of least norm, the limit alpha -> 0. If x_z has a part n outside the span of the centred rows, e_v tends to
(y_z - f_D(z)) n'(x_v - x_D) / |n|^2: the model bends along n alone, keeps its predictions on D and goes through z (Greville
1960). Otherwise the formula above holds with the pseudo-inverse. What counts as outside follows scikit-learn: singular
values above 1e-6 of the largest.

T comes from an orthogonal factorisation of X, with sqrt(alpha) I below it, never from X'X, whose condition is the square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase, blocks, loss
from dscale_core.types import (
    BlockContributions,
    Contributions,
    Dataset,
    FloatMatrix,
    FloatVector,
    IntVector,
    Task,
    ValuationRows,
)

__all__ = ["Linear", "Ridge"]

_ROWS = 1024  # candidates worked together: their products stay in the second-level cache; speed alone
# Of the largest singular value, as in scikit-learn's LinearRegression.
# test_ridge.py::test_almost_collinear_columns_are_cut_where_scikit_learn_cuts
_RANK_CUT = 1e-6
# Factor, of squares, by which what was estimated may miss the cut; the rest is fitted in full.
# test_ridge.py::test_points_that_decide_what_counts_as_a_direction
_NEAR_CUT = 4.0
# What a member must leave of its own residual: with less of it, it alone holds a direction, and a closed form would divide
# rounding by rounding. test_leaving_out.py::test_a_member_that_alone_holds_a_direction
_LEAST_KEPT = 1e-6
# Units of rounding of the members' own size: members that are all alike differ from their mean by no more.
# test_ridge.py::test_identical_members_leave_only_the_mean
_ALIKE = 10 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Ridge(LearnerBase):
    """L2-regularised least squares with a free intercept; alpha as in scikit-learn."""

    name: ClassVar[str] = "ridge"
    task: ClassVar[Task] = "regression"
    exact: ClassVar[bool] = True

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.alpha) and self.alpha > 0):
            raise ArgumentError("alpha", "be positive", self.alpha, "Use alpha=1.0, or the learner 'linear' for none.")

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by scikit-learn's solver through singular values."""
        from sklearn.linear_model import Ridge as Reference

        model = Reference(alpha=self.alpha, solver="svd").fit(dataset.X_pool[coalition], dataset.y_pool[coalition])
        return loss(utility, model.predict(dataset.X_valuation), dataset.y_valuation)

    def _build(self, dataset: Dataset, utility: str) -> LeastSquaresEngine:  # noqa: ARG002
        return LeastSquaresEngine(dataset, self.alpha)


@dataclass(frozen=True)
class Linear(LearnerBase):
    """Ordinary least squares with an intercept; the solution of least norm where there are many, as in scikit-learn."""

    name: ClassVar[str] = "linear"
    task: ClassVar[Task] = "regression"
    exact: ClassVar[bool] = True

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by scikit-learn's LinearRegression, which calls LAPACK's divide and conquer."""
        from sklearn.linear_model import LinearRegression

        model = LinearRegression().fit(dataset.X_pool[coalition], dataset.y_pool[coalition])
        return loss(utility, model.predict(dataset.X_valuation), dataset.y_valuation)

    def _build(self, dataset: Dataset, utility: str) -> LeastSquaresEngine:  # noqa: ARG002
        return LeastSquaresEngine(dataset, 0.0)


class LeastSquaresEngine:
    """Exact contributions for one dataset; ``penalty`` 0 means ordinary least squares."""

    def __init__(self, dataset: Dataset, penalty: float) -> None:
        # the intercept is free, so a shift changes no prediction; near zero the differences below keep their digits
        self._center, self._level = dataset.X_pool.mean(axis=0), float(dataset.y_pool.mean())
        self._X, self._y = dataset.X_pool - self._center, dataset.y_pool - self._level
        self._valued = _Valued(dataset.X_valuation - self._center, dataset.y_valuation - self._level)
        self._penalty = penalty

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``; see `types.Contributions`."""
        found = self._on_blocks(coalition, points, [self._valued])
        return Contributions(found.delta[:, 0], float(found.base_loss[0]))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        return self._on_blocks(coalition, points, self._blocks(rows))

    def predict(self, coalition: IntVector, X: FloatMatrix) -> FloatVector:
        """Values; see `types.PredictingEngine`."""
        fit = _fit(self._X[coalition], self._y[coalition], self._penalty)
        out: FloatVector = (X - self._center - fit.x_mean) @ fit.w + (fit.y_mean + self._level)
        return out

    def left_out(self, coalition: IntVector, members: IntVector, rows: ValuationRows) -> BlockContributions:
        """The loss saved by leaving each of ``members`` out: closed form, or a fit where one alone holds a direction."""
        valued, k = self._blocks(rows), coalition.size
        fit = _fit(self._X[coalition], self._y[coalition], self._penalty)
        x, y = self._X[members] - fit.x_mean, self._y[members] - fit.y_mean
        along = x @ fit.whitening.T
        held = 1 - 1 / k - np.einsum("ij,ij->i", along, along) >= _LEAST_KEPT
        x, own = x[held], (y - x @ fit.w)[held]
        delta, base = np.empty((members.size, len(valued))), np.empty(len(valued))
        for b, block in enumerate(valued):
            valuation, base[b] = block.under(fit)
            # the same as adding, with weight -1: s = -(y_z - f_D(z)) / (1 - 1/k - t_z't_z)
            delta[held, b] = _Directions(fit.whitening, valuation).saved(x, own, 1 / k - 1, 1 / k)
        for i in np.flatnonzero(~held):
            rest = coalition[coalition != members[i]]
            without = _fit(self._X[rest], self._y[rest], self._penalty)
            delta[i] = base - [block.under(without)[1] for block in valued]
        return BlockContributions(delta, base)

    def _blocks(self, rows: ValuationRows) -> list[_Valued]:
        return [_Valued(rows.X[block] - self._center, rows.y[block] - self._level) for block in rows.slices]

    def _on_blocks(self, coalition: IntVector, points: IntVector, valued: list[_Valued]) -> BlockContributions:
        fit = _fit(self._X[coalition], self._y[coalition], self._penalty)
        inside = np.zeros(self._X.shape[0], dtype=bool)
        inside[coalition] = True
        candidates = np.flatnonzero(~inside[points])
        delta, base = np.full((points.size, len(valued)), np.nan), np.empty(len(valued))
        for b, block in enumerate(valued):
            valuation, base[b] = block.under(fit)
            if candidates.size:
                delta[candidates, b] = self._saved(fit, valuation, points[candidates], coalition.size)
        for row in candidates[self._at_the_cut(fit, points[candidates], coalition.size)]:
            grown = np.append(coalition, points[row])
            with_it = _fit(self._X[grown], self._y[grown], self._penalty)
            delta[row] = base - [block.under(with_it)[1] for block in valued]
        return BlockContributions(delta, base)

    def _at_the_cut(self, fit: _Fit, points: IntVector, k: int) -> NDArray[np.bool_]:
        """Whose joining may decide what counts as a direction.

        The cut follows the largest singular value, which a point raises; and a direction that it brings is shared with those
        it leans on, so that its singular value is |n|^2 / (1 + 1/k + t't) squared, which may be far below |n|.
        """
        if not fit.cut:
            return np.zeros(points.size, dtype=bool)
        x = self._X[points] - fit.x_mean
        highest = fit.cut**2 + _RANK_CUT**2 * np.einsum("ij,ij->i", x, x)
        brought = np.einsum("ij,ij->i", x @ fit.null.T, x @ fit.null.T)
        leaning = 1 + 1 / k + np.einsum("ij,ij->i", x @ fit.whitening.T, x @ fit.whitening.T)
        unsure = (brought > highest / _NEAR_CUT) & (brought / leaning < highest * _NEAR_CUT)
        return np.asarray(unsure | (fit.least**2 <= highest * _NEAR_CUT))

    def _saved(self, fit: _Fit, valuation: _Valuation, points: IntVector, k: int) -> FloatVector:
        """Loss saved by points that are no members."""
        spanned, free = (_Directions(rows, valuation) for rows in (fit.whitening, fit.null))
        out = np.empty(points.size)
        for rows in blocks(np.arange(points.size), _ROWS):
            x, y = self._X[points[rows]] - fit.x_mean, self._y[points[rows]] - fit.y_mean
            own = y - x @ fit.w
            saved = spanned.saved(x, own, 1 + 1 / k, 1 / k)
            if fit.null.size:
                norm = np.einsum("ij,ij->i", x, x) * (k / (k + 1))
                least = np.maximum(_RANK_CUT**2 * norm, fit.cut**2)
                saved = free.saved_outside(x, own, least, saved)
            out[rows] = saved
        return out


class _Valued:
    """Rows to value on, less the pool's mean, and what of them depends on no coalition."""

    def __init__(self, X: FloatMatrix, y: FloatVector) -> None:
        self._mean = X.mean(axis=0)
        self._X, self._y = X - self._mean, y
        self._covariance = self._X.T @ self._X / X.shape[0]

    def under(self, fit: _Fit) -> tuple[_Valuation, float]:
        """What the change of the loss needs to know of them, and the loss itself."""
        mean = self._mean - fit.x_mean
        residual = self._y - fit.y_mean - mean @ fit.w - self._X @ fit.w
        pull = self._X.T @ residual / residual.size
        return _Valuation(mean, self._covariance, pull, float(residual.mean())), float(residual @ residual / residual.size)


@dataclass(frozen=True)
class _Fit:
    """A model on D, its whitening T (r, d) with T'T the (pseudo-)inverse of A, and the null space of A (d - r, d)."""

    x_mean: FloatVector
    y_mean: float
    w: FloatVector
    whitening: FloatMatrix
    null: FloatMatrix
    cut: float  # singular values up to this count as zero
    least: float = np.inf  # the smallest that does not


def _fit(X: FloatMatrix, y: FloatVector, penalty: float) -> _Fit:
    x_mean, y_mean, d = X.mean(axis=0), float(y.mean()), X.shape[1]
    table = np.column_stack([X - x_mean, y - y_mean])
    if penalty > 0:
        factor = _triangle(np.vstack([table, np.sqrt(penalty) * np.eye(d, d + 1)]))
        whitening = solve_triangular(factor[:d, :d], np.eye(d), trans="T")
        return _Fit(x_mean, y_mean, factor[:d, d] @ whitening, whitening, np.empty((0, d)), 0.0)
    factor = _triangle(table)
    left, sizes, right = np.linalg.svd(factor[:d, :d])
    cut = max(_RANK_CUT * float(sizes[0]), _ALIKE * float(np.linalg.norm(X)))
    rank = int(np.sum(sizes > cut))
    whitening = right[:rank] / sizes[:rank, None]
    return _Fit(
        x_mean,
        y_mean,
        factor[:d, d] @ left[:, :rank] @ whitening,
        whitening,
        right[rank:],
        cut,
        float(sizes[:rank].min(initial=np.inf)),
    )


def _triangle(table: FloatMatrix) -> FloatMatrix:
    """R of the factorisation table = Q R; its last column is Q' times the target."""
    return np.asarray(np.linalg.qr(table, mode="r"))


@dataclass(frozen=True)
class _Valuation:
    """What the change of the loss needs to know of the valuation set, features less the coalition's mean."""

    mean: FloatVector  # (d,)
    covariance: FloatMatrix  # (d, d)
    pull: FloatVector  # (d,) mean of residual x (features less their mean)
    bias: float  # mean residual


class _Directions:
    """Directions along which the model moves, rotated so that their valuation covariance is diagonal."""

    def __init__(self, rows: FloatMatrix, valuation: _Valuation) -> None:
        spread, rotation = np.linalg.eigh(rows @ valuation.covariance @ rows.T)
        basis = rotation.T @ rows
        self._bias = valuation.bias
        self._squares = np.column_stack([np.ones(spread.size), np.maximum(spread, 0.0)])
        along = basis.T @ np.column_stack([basis @ valuation.pull, basis @ valuation.mean])
        self._basis = np.hstack([basis.T, along])

    def saved(self, x: FloatMatrix, own: FloatVector, own_weight: float, offset: float) -> FloatVector:
        """Loss saved by candidates x (rows, d) with residuals ``own``; the docstring's 1 + 1/k and 1/k are the last two."""
        length, spread, pull, mean = self._project(x)
        return self._saved(own / (own_weight + length), spread, pull, offset + mean)

    def saved_outside(self, x: FloatMatrix, own: FloatVector, least: FloatVector, otherwise: FloatVector) -> FloatVector:
        """Loss saved where the squared length along the directions exceeds ``least``; elsewhere ``otherwise``."""
        length, spread, pull, mean = self._project(x)
        outside = length > least
        s = np.divide(own, length, out=np.zeros_like(own), where=outside)
        return np.where(outside, self._saved(s, spread, pull, mean), otherwise)

    def _saved(self, s: FloatVector, spread: FloatVector, pull: FloatVector, mean: FloatVector) -> FloatVector:
        return s * (2 * (self._bias * mean + pull) - s * (mean * mean + spread))

    def _project(self, x: FloatMatrix) -> tuple[FloatVector, FloatVector, FloatVector, FloatVector]:
        t = x @ self._basis
        rank = self._squares.shape[0]
        pull, mean = t[:, rank], t[:, rank + 1]
        length, spread = (np.square(t[:, :rank]) @ self._squares).T
        return length, spread, pull, mean

"""RBF support vector machine with a deterministic sigmoid: exact contributions by warm-started working sets.

The classifier is scikit-learn's C-SVC with a kernel width that is fixed per dataset, gamma = 1 / (d Var(pool)): a width that
followed the coalition would move every kernel value with every point. Probabilities are sigma(a f + b), with a and b fitted
to the *in-sample* scores and Platt's smoothed targets. What people run instead, ``SVC(probability=True)`` or
``CalibratedClassifierCV`` with shuffled folds, fits the sigmoid to scores from folds drawn at random; the noise of the draw
is 0.4 to 2 times as large as the differences between points that are to be measured, so that much of its delta is noise.
Here a delta is a function of D and z alone.

A candidate beyond the margin (y f >= 1) changes no coefficient, only the sigmoid. For the others the coalition's solution
is the start, and as a rule only few coefficients move: the working set is the free support vectors and the points
nearest to the margin, m = max(40, 2 free) of them, the same for all candidates, so that its kernel is gathered once. Then

    e = e_0 - K_DA (beta - beta_0) - K_Dz beta_z

is computed for all members, and where one outside the set violates optimality the candidate is solved again on all of D.
The bias is never needed: the sigmoid's b holds it. Kernel rows of candidates are computed block by block and thrown away, so
that memory grows with k^2 + 256 (k + v) and not with the pool. Source of the solver: Fan, Chen, Lin (2005); of the sigmoid:
Platt (2000), Lin, Lin, Weng (2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase, blocks, radial_width, require_settled, require_two_classes
from dscale_core.learners.compiled import svm_kernels
from dscale_core.learners.svm.active_set import refined
from dscale_core.learners.two_classes import LogitValuation, loss_of_logits
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

__all__ = ["Svm"]

_ROWS = 256  # candidates worked together; speed alone
# Gap of the coalition's solution, from which all candidates start; with C the coefficients and their rounding grow. 1e-2
# fails test_svm.py::test_engine_equals_tight_refits.
_BASE_TOLERANCE = 1e-9
# Gap of a candidate against the spread of the scores; scikit-learn's 1e-3 would cost up to a tenth of the spread of delta,
# and 1e-2 fails test_svm.py::test_engine_equals_tight_refits. Scores of a small C ask for less, but not below rounding.
_TOLERANCE, _LEAST_TOLERANCE = 1e-5, 1e-11
# How far inside the margin a candidate lies from where on that tolerance serves; what moves less is solved the closer.
# test_svm.py::test_candidates_that_move_little_are_solved_the_closer
_FAR = 0.1
_SMALL = 0.1  # test_extremes.py::test_contributions_are_those_of_tight_fits
# A candidate's errors are differences of the coalition's: twice its own gap is what rounding and both gaps make at most.
# What violates it is solved on all of D: test_svm.py::test_engine_equals_tight_refits
_VIOLATED = 2.0
# Points of a working set: as many again as are free, and never too few to hold what a candidate moves. Speed alone, see
# test_svm.py::test_candidates_that_leave_the_working_set_are_solved_on_all_of_d.
_SET, _FREE = 40, 2
# Largest change of a coefficient whose scores are added up in float32: coefficients of opposite labels cancel on points that
# are near each other, down to 6e-8 of themselves. test_svm.py::test_large_coefficients_that_cancel_keep_their_digits
_SINGLE_LIMIT = 10.0
# A bound of the work; a solver that has not settled by then says so:
# test_svm.py::test_a_solver_that_does_not_settle_says_so
_MOST_STEPS = 20_000_000
# Of the plain sigmoid. Few steps are the rule; three, or a last step of 1e-2, fail
# test_svm.py::test_engine_equals_tight_refits.
_SIGMOID_STEPS, _LAST_STEP = 200, 1e-12
# Scores that are all alike leave one direction free: test_svm.py::test_the_width_is_that_of_the_pool_and_can_be_given
_RIDGE = 1e-12
_RISE, _NO_STEP = 1e-12, 1e-13  # rounding of the cross-entropy and of a step: they save halvings that would end the same way


@dataclass(frozen=True)
class Svm(LearnerBase):
    """Binary C-SVC with an RBF kernel and a sigmoid fitted in-sample.

    C : as in scikit-learn; gamma : the kernel's width, or ``"scale"`` for 1 / (d Var(pool))
    """

    name: ClassVar[str] = "svm"
    task: ClassVar[Task] = "classification"
    exact: ClassVar[bool] = True

    C: float = 1.0
    gamma: float | str = "scale"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.C) and self.C > 0):
            raise ArgumentError("C", "be positive", self.C, "Use C=1.0; smaller values regularise more.")
        if self.gamma == "scale":
            return
        if isinstance(self.gamma, str) or not (np.isfinite(self.gamma) and self.gamma > 0):
            raise ArgumentError("gamma", 'be positive or "scale"', repr(self.gamma), 'Use gamma="scale".')

    def width(self, dataset: Dataset) -> float:
        """gamma as a number."""
        return radial_width(self.gamma, dataset)

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by libsvm, its solution refined in float64, and a sigmoid by damped Newton in plain NumPy."""
        from sklearn.metrics.pairwise import rbf_kernel
        from sklearn.svm import SVC

        X, y, gamma = dataset.X_pool[coalition], dataset.y_pool[coalition], self.width(dataset)
        model, found = SVC(C=self.C, gamma=gamma, tol=1e-8, cache_size=500).fit(X, y), np.zeros(y.size)
        found[model.support_] = model.dual_coef_[0]
        K = rbf_kernel(X, gamma=gamma)
        beta = refined(K, 2.0 * y - 1.0, self.C, found)
        a, b = _plain_sigmoid(K @ beta, y)
        scores = rbf_kernel(dataset.X_valuation, X, gamma=gamma) @ beta
        return loss_of_logits(utility, a * scores + b, dataset.y_valuation)

    def _build(self, dataset: Dataset, utility: str) -> SvmEngine:
        if len(dataset.class_names) != 2:
            got = f"{len(dataset.class_names)} classes in {dataset.name!r}"
            raise ArgumentError("learner", "have two classes for 'svm'", got, "Choose svm_sklearn, one against the rest.")
        return SvmEngine(dataset, utility, self.C, self.width(dataset))


def _plain_sigmoid(scores: FloatVector, y: NDArray[Any]) -> tuple[float, float]:
    """(a, b) that minimise the cross-entropy of sigma(a score + b) against Platt's targets."""
    ones = int(y.sum())
    target = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (y.size - ones + 2))
    design = np.column_stack([scores, np.ones(y.size)])
    theta = np.array([0.0, np.log((ones + 1) / (y.size - ones + 1))])

    def value(at: FloatVector) -> float:
        eta = design @ at
        return float(np.sum(np.logaddexp(0, eta) - target * eta))

    for _ in range(_SIGMOID_STEPS):
        p = expit(design @ theta)
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + _RIDGE * np.eye(2)
        step = -np.linalg.solve(hessian, design.T @ (p - target))
        while value(theta + step) > value(theta) + _RISE and np.abs(step).max() > _NO_STEP:
            step = step / 2
        theta = theta + step
        if np.abs(step).max() <= _LAST_STEP * (1 + np.abs(theta).max()):
            break
    return float(theta[0]), float(theta[1])


@dataclass(frozen=True)
class _Set:
    """A part of the members, and its kernel with them, with room for a candidate, and with the valuation set."""

    index: IntVector  # (m,) among the members
    own: FloatMatrix  # (m + 1, m + 1) the last row and column are the candidate's
    members: FloatMatrix  # (m, k)
    valuation: FloatMatrix  # (m, v)


@dataclass(frozen=True)
class _Moves:
    """Solutions of some candidates: changes of the coefficients and the errors they leave."""

    beta: FloatMatrix  # (p, m) changes on the working set
    own_beta: FloatVector  # (p,)
    errors: FloatMatrix  # (p, k)
    own_error: FloatVector  # (p,)
    optimal: NDArray[np.bool_]  # (p,)

    def keep(self, rows: NDArray[np.bool_]) -> _Moves:
        """The chosen rows alone."""
        return _Moves(self.beta[rows], self.own_beta[rows], self.errors[rows], self.own_error[rows], self.optimal[rows])


class SvmEngine:
    """Exact contributions for one dataset and utility."""

    def __init__(self, dataset: Dataset, utility: str, C: float, gamma: float) -> None:
        self.X, self.sign = dataset.X_pool, 2.0 * dataset.y_pool - 1.0
        self._rows = ValuationRows(dataset.X_valuation, dataset.y_valuation, np.zeros(1, dtype=np.int64))
        self.utility, self.C, self.gamma = utility, C, gamma

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``; see `types.Contributions`. Raises ArgumentError for a coalition of one class."""
        found = self.by_block(coalition, points, self._rows)
        return Contributions(found.delta[:, 0], float(found.base_loss[0]))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        require_two_classes(self.sign[coalition])
        fitted = _Coalition(self, coalition, rows)
        delta = np.full((points.size, rows.starts.size), np.nan)
        candidates = np.flatnonzero(~np.isin(points, coalition))
        for some in blocks(candidates, _ROWS):
            delta[some] = -fitted.changes(points[some])
        return BlockContributions(delta, fitted.base_loss)

    def predict(self, coalition: IntVector, X: FloatMatrix) -> FloatMatrix:
        """Probabilities of both classes; see `types.PredictingEngine`."""
        require_two_classes(self.sign[coalition])
        eta = _Coalition(self, coalition, self._rows).logits(X)
        return np.column_stack([expit(-eta), expit(eta)])

    def kernel(self, X: FloatMatrix, Z: FloatMatrix) -> FloatMatrix:
        """exp(-gamma |x - z|^2) for all pairs."""
        squares, others = np.einsum("ij,ij->i", X, X), np.einsum("ij,ij->i", Z, Z)
        products = X @ Z.T
        svm_kernels.rbf_in_place(products, squares, others, self.gamma)
        return products


class _Coalition:
    """The machine of one coalition, and its candidates from there."""

    def __init__(self, engine: SvmEngine, members: IntVector, rows: ValuationRows) -> None:
        self._engine, self._rows = engine, rows
        self._X, self._y = engine.X[members], engine.sign[members]
        self._low, self._high = np.minimum(engine.C * self._y, 0.0), np.maximum(engine.C * self._y, 0.0)
        self._K = engine.kernel(self._X, self._X)
        self._beta, self._error = np.zeros(members.size), self._y.copy()
        tolerance = _BASE_TOLERANCE * max(1.0, engine.C)
        gap = svm_kernels.solve(self._K, self._error, self._beta, self._low, self._high, tolerance, _MOST_STEPS)
        require_settled(gap <= tolerance, engine.C)
        # scores are about one at the usual C and shrink with it; a candidate moves small ones by less than its share
        spread = float((self._y - self._error).std())
        spread *= min(1.0, spread / _SMALL)
        self._tolerance = max(_TOLERANCE * min(1.0, spread), _LEAST_TOLERANCE)
        self._least = min(_VIOLATED * tolerance, self._tolerance)  # or all would be solved over again
        self._a, self._b = _plain_sigmoid(self._y - self._error, (self._y > 0).astype(np.int64))
        self._K_valuation = engine.kernel(self._X, rows.X)
        self._scores = self._beta @ self._K_valuation
        eta = self._a * self._scores + self._b
        self._valuations = [LogitValuation(eta[block], rows.y[block], engine.utility, np.float32) for block in rows.slices]
        self.base_loss = np.array([valuation.base_loss for valuation in self._valuations])
        up, down = self._beta < self._high, self._beta > self._low
        self._rising, self._falling = float(self._error[up].max()), float(self._error[down].min())
        self._near = self._set(self._nearest(up & down))
        self._all: _Set | None = None

    def _nearest(self, free: NDArray[np.bool_]) -> IntVector:
        """Free support vectors, then the members nearest to the margin."""
        distance = np.where(free, -1.0, np.abs(self._error - (self._rising + self._falling) / 2))
        size = min(self._y.size, max(_SET, _FREE * int(free.sum())))
        return np.sort(np.argsort(distance, kind="stable")[:size])

    def _set(self, index: IntVector) -> _Set:
        own = np.ones((index.size + 1, index.size + 1))
        own[:-1, :-1] = self._K[np.ix_(index, index)]
        return _Set(index, own, self._K[index], self._K_valuation[index])

    def logits(self, X: FloatMatrix) -> FloatVector:
        """Of class 1, (v,), on any rows."""
        out: FloatVector = self._a * (self._beta @ self._engine.kernel(self._X, X)) + self._b
        return out

    def changes(self, points: IntVector) -> FloatMatrix:
        """Change of the loss by each of ``points``, (p, b)."""
        engine = self._engine
        X, y = engine.X[points], engine.sign[points]
        K = engine.kernel(X, self._X)
        K_valuation = engine.kernel(X, self._rows.X)
        near = self._solve(self._near, K, y)
        out = np.empty((points.size, len(self._valuations)))
        good = near.optimal
        out[good] = self._loss_change(self._near, near.keep(good), y[good], K_valuation[good])
        if not good.all():
            self._all = self._all or self._set(np.arange(self._y.size))
            rest = self._solve(self._all, K[~good], y[~good])
            require_settled(bool(rest.optimal.all()), engine.C)
            out[~good] = self._loss_change(self._all, rest, y[~good], K_valuation[~good])
        return out

    def _solve(self, part: _Set, K: FloatMatrix, y: FloatVector) -> _Moves:
        """Candidates with kernel rows K (p, k) and labels y on a working set, from the coalition's solution."""
        C, at = self._engine.C, part.index
        own = y - K @ self._beta
        state = (self._error[at], self._beta[at], self._low[at], self._high[at])
        violation = np.where(y > 0, own - self._falling, self._rising - own)
        tolerance = np.maximum(self._tolerance * np.minimum(violation / _FAR, 1.0), self._least)
        moves = svm_kernels.solve_candidates(part.own, K[:, at], *state, own, y, C, tolerance, _MOST_STEPS)
        beta, own_beta = moves[:, :-1], moves[:, -1]
        errors = self._error - beta @ part.members
        errors -= own_beta[:, None] * K
        own_error = own - np.einsum("ij,ij->i", beta, K[:, at]) - own_beta
        everyone = np.tile(self._beta, (y.size, 1))
        everyone[:, at] += beta
        gap = svm_kernels.gaps(errors, everyone, self._low, self._high, own_error, own_beta, y, C)
        return _Moves(beta, own_beta, errors, own_error, gap <= _VIOLATED * tolerance)

    def _loss_change(self, part: _Set, moves: _Moves, y: FloatVector, K: FloatMatrix) -> FloatMatrix:
        fitted = svm_kernels.calibrate(moves.errors, self._y, moves.own_error, y, self._a, self._b)
        largest = max(np.abs(each).max(initial=0.0) for each in (moves.beta, moves.own_beta))
        dtype = np.float32 if largest <= _SINGLE_LIMIT else np.float64
        steps = moves.beta.astype(dtype) @ part.valuation.astype(dtype)
        steps += moves.own_beta[:, None].astype(dtype) * K.astype(dtype)
        # in changes of a, b and score; those of a and b nearly cancel where C is small and a is large
        logits = (fitted[:, :1] * steps).astype(np.float64, copy=False)
        logits += (fitted[:, :1] - self._a) * self._scores
        logits += fitted[:, 1:] - self._b
        by_block = zip(self._valuations, self._rows.slices, strict=True)
        return np.stack([each.change(logits[:, block].astype(np.float32, order="C")) for each, block in by_block], axis=1)

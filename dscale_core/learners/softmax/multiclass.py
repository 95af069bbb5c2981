"""Softmax regression: exact contributions of all points from one fit of the coalition, for three classes or more.

The model minimises C sum_i cross-entropy_i + sum_a |w_a|^2 / 2 over the weight vectors of all classes with free intercepts
(scikit-learn's objective). The weights sum to zero over the classes, so the parameters are Theta of all classes but the last
(`softmax_fit`); let E = (I; -1') map their logits to those of all classes. At the coalition's optimum the gradient vanishes
and the Hessian is H = L L'. Adding z moves Theta by Delta with

    H Delta + C X_D' E'rho(E X_D Delta) + C x_z (x) sigma = 0,    sigma = E'(softmax(eta_z + E x_z'Delta) - e_y),

where rho(u) = softmax(eta + u) - softmax(eta) - W u is what the quadratic at Theta_D leaves out. With D~ = L'Delta and the
own directions v_a = L^-1 (x_z (x) e_a) this is the fixed point

    D~ = h(D~) - C sum_a sigma_a v_a,    h = -C L^-1 X_D' E'rho(E X_D L'^-1 D~),

solved for all candidates at once: a step is two triangular products and two products with X_D. sigma solves an equation in
classes - 1 unknowns, exactly in every step, so without curvature of D the first step is already the answer; the rest is
accelerated by Anderson's method in the metric of H. The base gradient is zero, so nothing cancels and float32 products lose
1e-6 of the *change*. (An explicit float32 H^-1 would take half the products and lose the condition number of H instead of
its square root.)

Where the coalition is small against d everything takes place in the span of its features: with x_z = Q Q'x_z + x_t the part
x_t meets the penalty alone, moves class a's weights by exactly -C s_a x_t, and adds |x_t|^2 (I - 11'/classes) to v_a'v_b.

A class that the coalition lacks has probability zero (its intercept runs off to minus infinity). A candidate that brings a
new class, and one whose iteration does not settle, is fitted in full by Newton's method; none is returned unconverged.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_blas_funcs, get_lapack_funcs
from scipy.special import log_softmax

from dscale_core.learners.base import blocks, loss_of_logs, require_two_classes, working_precision
from dscale_core.learners.compiled import logit_kernels, softmax_kernels, softmax_own
from dscale_core.learners.fixed_point import settle, slack
from dscale_core.learners.softmax.softmax_fit import SoftmaxProblem, fit_softmax, hessian, log_probabilities
from dscale_core.types import BlockContributions, Contributions, Dataset, FloatMatrix, FloatVector, IntVector, ValuationRows

__all__ = ["SoftmaxEngine"]

_ENTRIES = 300_000  # logit steps solved together: they stay in the second-level cache; speed alone
_FEWEST, _MOST = 8, 256  # candidates solved together, whatever that makes of the entries; speed alone
# Rows that need more are few, and Newton's method is safer for them; it costs a whole fit, so that four steps more than in
# `logistic` pay. Results do not depend on it: test_softmax.py::test_rows_that_do_not_settle_are_fitted_in_full
_MAX_STEPS = 14
# Log-probability of an absent class: no step makes up for it, and float32 still holds it.
# test_softmax.py::test_a_candidate_may_bring_a_class_that_the_coalition_lacks
_NEVER = -1e30
# Steps between two classes up to which the kernel is right, in float32 and float64. For log-loss and accuracy they end where
# e^-step leaves the normal numbers (e^-87, e^-708); for the others a class that falls from near one cancels e^step earlier.
# test_logistic_extremes.py::test_points_far_outside_may_cross_over_between_several_classes
_FARTHEST = {"log_loss": (80.0, 700.0), "accuracy": (80.0, 700.0), "brier": (8.0, 25.0), "paper_log_loss": (8.0, 25.0)}
# Members' mean chance of a miss below which all is worked in float64: the intercepts then have next to no curvature, their
# moves cancel those of the weights, and losses change by less than float32 can tell from certainty.
# test_extremes.py::test_contributions_are_those_of_tight_fits
_SURE = 1e-3
_START_POINTS = 2000  # pool points that the common start of all fits is fitted to; where a fit starts is speed alone


@dataclass(frozen=True)
class _Model:
    """A coalition's optimum in the span of its features."""

    present: IntVector  # codes of the classes that the coalition holds
    problem: SoftmaxProblem
    theta: FloatMatrix  # (present - 1, r)
    span: FloatMatrix | None  # (d, r - 1) orthonormal; None where the features span everything

    def features(self, X: FloatMatrix) -> FloatMatrix:
        """Rows of features (n, d) as the model's coordinates (n, r), the intercept's last."""
        return np.column_stack([X if self.span is None else X @ self.span, np.ones(X.shape[0])])

    def log_probabilities(self, X: FloatMatrix, classes: int) -> FloatMatrix:
        """(n, classes), as good as minus infinity for a class that the coalition lacks."""
        out = np.full((X.shape[0], classes), _NEVER)
        out[:, self.present] = log_probabilities(self.features(X), self.theta)
        return out

    def mean_miss(self) -> float:
        """What the members' own classes lack to probability one, on average."""
        logs = log_probabilities(self.problem.X, self.theta)
        return float(-np.expm1(logs[np.arange(self.problem.y.size), self.problem.y]).mean())

    def weights(self, classes: int) -> tuple[FloatMatrix, FloatVector]:
        """Weights (classes, d) and intercepts of all classes, zero for a class that the coalition lacks."""
        theta = np.vstack([self.theta, -self.theta.sum(axis=0)])
        own = theta[:, :-1] if self.span is None else theta[:, :-1] @ self.span.T
        weights, intercepts = np.zeros((classes, own.shape[1])), np.zeros(classes)
        weights[self.present], intercepts[self.present] = own, theta[:, -1]
        return weights, intercepts


class SoftmaxEngine:
    """Exact contributions for one dataset and utility."""

    def __init__(self, dataset: Dataset, utility: str, C: float) -> None:
        self._X, self._y = dataset.X_pool, dataset.y_pool
        self._rows = ValuationRows(dataset.X_valuation, dataset.y_valuation, np.zeros(1, dtype=np.int64))
        self._classes = len(dataset.class_names)
        self._utility, self._C, self._dtype = utility, C, working_precision(dataset)

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``; see `types.Contributions`. Raises ArgumentError for a coalition of one class."""
        found = self.by_block(coalition, points, self._rows)
        return Contributions(found.delta[:, 0], float(found.base_loss[0]))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        require_two_classes(self._y[coalition])
        model = self._fit(coalition, *self._start)
        dtype = self._dtype if model.mean_miss() >= _SURE else np.float64
        solver = _Solver(model, dtype)
        valuations = [
            _Valuation(model, rows.X[block], rows.y[block], self._classes, self._utility, dtype) for block in rows.slices
        ]
        base_loss = np.array([valuation.base_loss for valuation in valuations])
        delta = np.full((points.size, len(valuations)), np.nan)
        outside = ~np.isin(points, coalition)
        known = np.isin(self._y[points], model.present)
        left = [np.flatnonzero(outside & ~known)]
        for some in solver.blocks(np.flatnonzero(outside & known)):
            X, y = self._X[points[some]], np.searchsorted(model.present, self._y[points[some]])
            moves, settled = solver.add_one(X, y)
            for b, valuation in enumerate(valuations):
                delta[some, b] = -valuation.change(moves)
            left.append(some[~(settled & np.isfinite(delta[some]).all(axis=1))])
        start = model.weights(self._classes)
        for row in np.concatenate(left):
            grown = self._fit(np.append(coalition, points[row]), *start)
            delta[row] = base_loss - self._losses(grown, rows)
        return BlockContributions(delta, base_loss)

    def predict(self, coalition: IntVector, X: FloatMatrix) -> FloatMatrix:
        """Probabilities of all classes; see `types.PredictingEngine`."""
        require_two_classes(self._y[coalition])
        return np.exp(self._fit(coalition, *self._start).log_probabilities(X, self._classes))

    def left_out(self, coalition: IntVector, members: IntVector, rows: ValuationRows) -> BlockContributions:
        """The loss saved by leaving each of ``members`` out: a fit each, from the coalition's."""
        require_two_classes(self._y[coalition])
        model = self._fit(coalition, *self._start)
        start, base = model.weights(self._classes), self._losses(model, rows)
        delta = np.empty((members.size, base.size))
        for i, z in enumerate(members):
            rest = coalition[coalition != z]
            require_two_classes(self._y[rest])
            delta[i] = base - self._losses(self._fit(rest, *start), rows)
        return BlockContributions(delta, base)

    def _losses(self, model: _Model, rows: ValuationRows) -> FloatVector:
        logs = model.log_probabilities(rows.X, self._classes)
        return np.array([loss_of_logs(self._utility, logs[block], rows.y[block]) for block in rows.slices])

    @cached_property
    def _start(self) -> tuple[FloatMatrix, FloatVector]:
        """Weights and intercepts that every coalition's fit starts from: the optimum of (a fixed part of) the pool."""
        some = np.random.default_rng(0).permutation(self._y.size)[:_START_POINTS]
        zero = np.zeros((self._classes, self._X.shape[1])), np.zeros(self._classes)
        return zero if np.ptp(self._y[some]) == 0 else self._fit(some, *zero).weights(self._classes)

    def _fit(self, members: IntVector, weights: FloatMatrix, intercepts: FloatVector) -> _Model:
        present, codes = np.unique(self._y[members], return_inverse=True)
        X = self._X[members]
        span = np.linalg.qr(X.T)[0] if X.shape[0] < X.shape[1] else None
        own = weights[present] - weights[present].mean(axis=0)
        own = own if span is None else own @ span
        free = intercepts[present] - intercepts[present].mean()
        problem = SoftmaxProblem(np.column_stack([X if span is None else X @ span, np.ones(codes.size)]), codes, self._C)
        return _Model(present, problem, fit_softmax(problem, np.column_stack([own, free])[:-1]), span)


@dataclass(frozen=True)
class _Moves:
    """Displacements of the optimum, one row a candidate."""

    weights: NDArray[Any]  # (rows, n, r) Theta's, in the span
    own: FloatMatrix  # (rows, n) how far the classes' weights move along `beside`
    beside: FloatMatrix | None  # (rows, d) the part of the candidate's features that lies beside the span


@dataclass(frozen=True)
class _Candidates:
    """The candidates that are still iterated, one row each."""

    own: NDArray[Any]  # (rows, n, P) the own directions v_a
    curvature: NDArray[np.float64]  # (rows, n, n) v_a'v_b, with what lies beside the span
    pull: FloatVector  # (rows,) the most that the own weight can add to the Hessian, in its metric
    eta: FloatMatrix  # (rows, n + 1) logits at the base model
    y: IntVector
    sigma: FloatMatrix  # (rows, n) the own residual, improved in place

    def keep(self, rows: NDArray[np.bool_]) -> _Candidates:
        """The chosen rows alone."""
        return _Candidates(*(getattr(self, field.name)[rows] for field in fields(self)))


class _Solver:
    """The fixed point of the module's docstring for one coalition."""

    def __init__(self, model: _Model, dtype: type[np.floating[Any]]) -> None:
        problem = model.problem
        p = np.exp(log_probabilities(problem.X, model.theta))
        factorise: Any = get_lapack_funcs("potrf", dtype=np.float64)
        invert: Any = get_lapack_funcs("trtri", dtype=np.float64)
        factor, _ = factorise(hessian(problem, p, np.float64), lower=1, overwrite_a=1)
        inverse, _ = invert(factor, lower=1, overwrite_c=1)
        self._model, self._dtype, self._C = model, dtype, problem.C
        self._inverse = np.asfortranarray(inverse, dtype=dtype)  # L^-1, lower
        self._multiply = get_blas_funcs("trmm", dtype=dtype)
        self._members = problem.X.astype(dtype)
        self._p = np.ascontiguousarray(p.T.astype(dtype))
        self._n, self._r = model.theta.shape

    def blocks(self, rows: IntVector) -> list[IntVector]:
        """Rows to be solved together."""
        size = int(np.clip(_ENTRIES // (self._n * max(self._members.shape[0], self._n * self._r)), _FEWEST, _MOST))
        return blocks(rows, size)

    def _weights(self, moves: NDArray[Any]) -> NDArray[Any]:
        """Theta's displacement (rows, n, r) from D~ (rows, P)."""
        # a C-ordered matrix of rows is a Fortran-ordered one of columns
        moved = self._multiply(1.0, self._inverse, moves.T, lower=1, trans_a=1)
        return np.ascontiguousarray(moved.T).reshape(-1, self._n, self._r)

    def _beside(self, X: FloatMatrix) -> FloatMatrix | None:
        """The part of the features (rows, d) that lies beside the coalition's span."""
        span = self._model.span
        return None if span is None else X - (X @ span) @ span.T

    def add_one(self, X: FloatMatrix, y: IntVector) -> tuple[_Moves, NDArray[np.bool_]]:
        """The displacement by every candidate (rows, d) of class y, and whether it settled within tolerance."""
        iterated = _Iterated(self, self._candidates(X, y))
        settled = settle(iterated, iterated.start(), _MAX_STEPS)
        own = -self._C * (iterated.sigma - iterated.sigma.sum(axis=1, keepdims=True) / (self._n + 1))
        return _Moves(self._weights(iterated.moves), own, self._beside(X)), settled

    def _candidates(self, X: FloatMatrix, y: IntVector) -> _Candidates:
        x, beside = self._model.features(X), self._beside(X)
        single, r, n = x.astype(self._dtype), self._r, self._n
        own = np.zeros((y.size, n, n * r), dtype=self._dtype)
        for a in range(n):
            # L^-1 is lower triangular: class a's directions begin at its own coordinates
            own[:, a, a * r :] = single @ self._inverse[a * r :, a * r : (a + 1) * r].T
        curvature = np.matmul(own, own.transpose(0, 2, 1)).astype(np.float64)
        if beside is not None:
            extra = np.einsum("ij,ij->i", beside, beside)
            curvature += extra[:, None, None] * (np.eye(n) - 1 / (n + 1))
        eta = log_probabilities(x, self._model.theta)
        # p (1 - p) is a quarter at most
        pull = self._C * _widest(curvature) / 4
        return _Candidates(own, curvature, pull, eta, y, np.zeros((y.size, n)))

    def own_step(self, active: _Candidates, curved: NDArray[Any], out: NDArray[Any]) -> None:
        """Write the next state, which is ``curved`` and the own residual solved exactly, to ``out``."""
        a = active
        softmax_own.own_step(curved, a.own, a.curvature, a.eta, a.y, self._C, a.sigma, out)

    def curve(self, state: NDArray[Any]) -> tuple[NDArray[Any], FloatVector]:
        """h of the states and the largest range of logit steps over the members."""
        u = (self._weights(state).reshape(-1, self._r) @ self._members.T).reshape(state.shape[0], self._n, -1)
        largest = softmax_kernels.softmax_remainder(u, self._p)
        pulled = (u.reshape(-1, u.shape[2]) @ self._members).reshape(state.shape)
        h = self._multiply(-self._C, self._inverse, pulled.T, lower=1, overwrite_b=1)
        return np.ascontiguousarray(h.T), largest


class _Iterated:
    """Some candidates as rows of a fixed point (`fixed_point.Rows`), and what comes of them."""

    def __init__(self, solver: _Solver, candidates: _Candidates) -> None:
        self._solver, self._active = solver, candidates
        rows, n, P = candidates.own.shape
        self.moves, self.sigma = np.zeros((rows, P), dtype=candidates.own.dtype), np.zeros((rows, n))

    def start(self) -> NDArray[Any]:
        """The states without curvature of D."""
        state = np.empty_like(self.moves)
        self._solver.own_step(self._active, np.zeros_like(self.moves), state)
        return state

    def residual(self, state: NDArray[Any], out: NDArray[Any]) -> FloatVector:
        """See `fixed_point.Rows`."""
        curved, largest = self._solver.curve(state)
        self._solver.own_step(self._active, curved, out)
        out -= state
        return slack(largest, self._active.pull)

    def collect(self, places: IntVector, settled: NDArray[np.bool_], state: NDArray[Any]) -> None:
        """See `fixed_point.Rows`."""
        self.moves[places], self.sigma[places] = state, self._active.sigma[settled]

    def keep(self, left: NDArray[np.bool_]) -> None:
        """See `fixed_point.Rows`."""
        self._active = self._active.keep(left)


def _widest(curvature: NDArray[np.float64]) -> FloatVector:
    """Largest |v_a - v_b|^2 over pairs of classes, the last of which is minus the sum of the others."""
    last = -curvature.sum(axis=1)
    gram = np.concatenate([curvature, last[:, None, :]], axis=1)
    gram = np.concatenate([gram, -gram.sum(axis=2, keepdims=True)], axis=2)
    spine = np.einsum("iaa->ia", gram)
    widest: FloatVector = (spine[:, :, None] + spine[:, None, :] - 2 * gram).max(axis=(1, 2))
    return widest


class _Valuation:
    """Loss on the valuation set at the base model and its change by a displacement."""

    def __init__(
        self, model: _Model, X: FloatMatrix, y: IntVector, classes: int, utility: str, dtype: type[np.floating[Any]]
    ) -> None:
        present = model.present
        logs = model.log_probabilities(X, classes)
        p = np.exp(logs)
        self.base_loss = loss_of_logs(utility, logs, y)
        outer = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)
        own_log, hot = logs[np.arange(y.size), y], np.eye(classes)[y]
        # absent classes go first: they have no step, and the last class's step is minus the sum of the others
        order = np.concatenate([np.setdiff1d(np.arange(classes), present), present])
        self._absent = classes - present.size
        self._code = logit_kernels.UTILITY_CODES[utility]
        self._X, self._features = X, model.features(X).astype(dtype)
        by_class = (np.ascontiguousarray(a[:, order].T.astype(dtype)) for a in (p, hot, logs, outer))
        self._p, self._hot, self._logs, self._outer = by_class
        self._own_log = own_log.astype(dtype)
        self._utility, self._exact_logs, self._y = utility, logs[:, order].T, hot[:, order].argmax(axis=1)
        self._farthest = _FARTHEST[utility][0 if dtype == np.float32 else 1]

    def change(self, moves: _Moves) -> FloatVector:
        """Mean loss change on the valuation set, (rows,)."""
        rows, n, r = moves.weights.shape
        points = self._features.shape[0]
        u = np.zeros((rows, self._absent + n, points), dtype=moves.weights.dtype)
        u[:, self._absent :] = (moves.weights.reshape(-1, r) @ self._features.T).reshape(rows, n, points)
        if moves.beside is not None:
            u[:, self._absent :] += moves.own[:, :, None] * (moves.beside @ self._X.T)[:, None, :]
        total = softmax_kernels.loss_change(self._code, u, self._p, self._hot, self._logs, self._own_log, self._outer)
        mean: FloatVector = total / points
        # no two classes part by more than the steps add up to
        if 2 * u.shape[1] * max(u.max(initial=0.0), -u.min(initial=0.0)) > self._farthest:
            self._mend(mean, u)
        return mean

    def _mend(self, mean: FloatVector, u: NDArray[Any]) -> None:
        """Write out the losses of the rows in which some point crosses over."""
        closed = np.concatenate([u, -u.sum(axis=1, keepdims=True)], axis=1)
        for row in np.flatnonzero((closed.max(axis=1) - closed.min(axis=1)).max(axis=1) > self._farthest):
            after = log_softmax(self._exact_logs + closed[row], axis=0)
            mean[row] = loss_of_logs(self._utility, after.T, self._y) - self.base_loss

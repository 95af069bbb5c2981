"""Binary logistic regression: exact contributions of all points from one fit of the coalition.

The model minimises C sum_i loss_i(theta) + |w|^2 / 2 with a free intercept (scikit-learn's objective). At the coalition's
optimum theta_D the gradient vanishes and the Hessian is H = C X_D' W X_D + R. Adding z moves the optimum by Delta with

    H Delta + C X_D' rho(X_D Delta) + C s x_z = 0,    s = sigma(x_z'(theta_D + Delta)) - y_z,

where rho(u) = sigma(eta + u) - sigma(eta) - w u is what the quadratic at theta_D leaves out. With the Cholesky factor
H = L L', x~ = L^-1 x and D~ = L' Delta this is the fixed point

    D~ = -C X~_D' rho(X~_D D~) - C s x~_z,

solved for all candidates at once. s is found exactly in every step (one scalar equation a candidate), so without curvature
of D the first step is already the answer; the rest is accelerated by Anderson's method in the metric of H. Nothing cancels:
the base gradient is zero, so float32 products lose no more than 1e-6 of the *change*, where a float32 gradient of the whole
objective would stall near 1e-4. When the coalition is small against d the same iteration runs in u = X~_D D~ with the k x k
matrix C X~_D X~_D'. Candidates that do not settle are solved by damped Newton; none is returned unconverged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase, blocks, loss_of_logs, require_two_classes, working_precision
from dscale_core.learners.compiled import logit_kernels
from dscale_core.learners.logistic.coalition_fits import fits_of
from dscale_core.learners.logistic.newton import NewtonFit, add_one_newton, with_intercept
from dscale_core.learners.two_classes import AddOne, Candidates, Curved, LogitValuation, loss_of_logits
from dscale_core.types import (
    BlockContributions,
    BlockSurrogate,
    Contributions,
    Dataset,
    Engine,
    FloatMatrix,
    FloatVector,
    IntVector,
    Task,
    ValuationRows,
)

if TYPE_CHECKING:
    from dscale_core.learners.logistic.second_order import SecondOrderEngine

__all__ = ["Logistic"]

_ROWS = 256  # candidates solved together: their steps stay in the second-level cache; speed alone
# Rows that need more are few (3 % of a hardly regularised problem), and Newton's method is safer for them. Results do not
# depend on it: test_logistic.py::test_rows_that_do_not_settle_are_solved_by_newton
_MAX_STEPS = 10


@dataclass(frozen=True)
class Logistic(LearnerBase):
    """L2-regularised binary logistic regression with a free intercept; C as in scikit-learn."""

    name: ClassVar[str] = "logistic"
    task: ClassVar[Task] = "classification"
    exact: ClassVar[bool] = True

    C: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.C) and self.C > 0):
            raise ArgumentError("C", "be positive", self.C, "Use C=1.0; smaller values regularise more.")

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by scikit-learn's own Newton solver at a tolerance of 1e-10."""
        from sklearn.linear_model import LogisticRegression

        y = dataset.y_pool[coalition]
        # one weight vector a class: with two classes of several the pair +-w/2 is penalised half as much as the binary w
        C = 2 * self.C if np.unique(y).size < min(len(dataset.class_names), 3) else self.C
        model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10, max_iter=1000)
        model.fit(dataset.X_pool[coalition], y)
        score = model.decision_function(dataset.X_valuation)
        if len(dataset.class_names) == 2:
            return loss_of_logits(utility, score, dataset.y_valuation)
        logs = np.full((dataset.y_valuation.size, len(dataset.class_names)), -np.inf)
        logs[:, model.classes_] = log_softmax(score if score.ndim == 2 else np.column_stack([0 * score, score]), axis=1)
        return loss_of_logs(utility, logs, dataset.y_valuation)

    def surrogate(self, dataset: Dataset, utility: str) -> Engine | None:
        """S2 for two classes and a utility with derivatives; None otherwise."""
        return self._second_order(dataset, utility)

    def block_surrogate(self, dataset: Dataset, utility: str) -> BlockSurrogate | None:
        """The same on any rows."""
        return self._second_order(dataset, utility)

    def _second_order(self, dataset: Dataset, utility: str) -> SecondOrderEngine | None:
        from dscale_core.learners.logistic import second_order

        if len(dataset.class_names) != 2 or utility not in second_order.UTILITIES:
            return None
        return second_order.SecondOrderEngine(dataset, utility, self.C)

    def expected_contributions(
        self, dataset: Dataset, sizes: IntVector, points: IntVector, utility: str, equals: IntVector | None = None
    ) -> FloatMatrix | None:
        """The zero-draw formula, for two classes and log-loss; None otherwise."""
        if len(dataset.class_names) != 2 or utility != "log_loss":
            return None
        from dscale_core.learners.logistic.expansion import expected_contributions

        return expected_contributions(dataset, sizes, points, self.C, equals)

    def _build(self, dataset: Dataset, utility: str) -> Engine:
        if len(dataset.class_names) == 2:
            return LogisticEngine(dataset, utility, self.C)
        from dscale_core.learners.softmax import SoftmaxEngine

        return SoftmaxEngine(dataset, utility, self.C)


class LogisticEngine:
    """Exact contributions for one dataset and utility."""

    def __init__(self, dataset: Dataset, utility: str, C: float) -> None:
        self._fits = fits_of(dataset, C)
        self._X, self._y = self._fits.X, self._fits.y
        self._rows = ValuationRows(dataset.X_valuation, dataset.y_valuation, np.zeros(1, dtype=np.int64))
        self._utility, self._C, self._dtype = utility, C, working_precision(dataset)

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points``; see `types.Contributions`. Raises ArgumentError for a coalition of one class."""
        found = self.by_block(coalition, points, self._rows)
        return Contributions(found.delta[:, 0], float(found.base_loss[0]))

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """The same on any rows, block by block."""
        require_two_classes(self._y[coalition])
        base = self._fits.exact(coalition)
        members = base.whiten(self._X[coalition])
        kind = _Dual if coalition.size < 2 * members.shape[1] else _Primal
        solver = kind(members, base.eta, self._C, self._dtype)
        X = with_intercept(rows.X)
        valuations = [_Valuation(base, X[block], rows.y[block], self._utility, self._dtype) for block in rows.slices]
        delta = np.full((points.size, len(valuations)), np.nan)

        def value(some: IntVector, moves: NDArray[Any]) -> None:
            for b, valuation in enumerate(valuations):
                delta[some, b] = -valuation.change_by(moves)

        unsettled: list[IntVector] = []
        candidates = np.flatnonzero(~np.isin(points, coalition))
        for some in blocks(candidates, _ROWS):
            moves, settled = _add_one(solver, *self._candidates(base, points[some]))
            value(some, moves)
            unsettled.append(some[~settled])
        for some in blocks(np.concatenate([*unsettled, np.empty(0, dtype=np.int64)]), _ROWS):
            moves = add_one_newton(members, base.eta, self._C, *self._candidates(base, points[some]))
            value(some, moves.astype(self._dtype))
        return BlockContributions(delta, np.array([valuation.base_loss for valuation in valuations]))

    def predict(self, coalition: IntVector, X: FloatMatrix) -> FloatMatrix:
        """Probabilities of both classes; see `types.PredictingEngine`."""
        require_two_classes(self._y[coalition])
        eta = with_intercept(X) @ self._fits.exact(coalition).theta
        return np.column_stack([expit(-eta), expit(eta)])

    def _candidates(self, base: NewtonFit, points: IntVector) -> tuple[FloatMatrix, FloatVector, FloatVector]:
        """Whitened features, logits at the base model and labels of some points."""
        X = self._X[points]
        return base.whiten(X), X @ base.theta, self._y[points]


class _Primal:
    """The iteration in D~, of length d + 1: two products with X~_D a step."""

    def __init__(self, members: FloatMatrix, eta: FloatVector, C: float, dtype: type[np.floating[Any]]) -> None:
        self.members, self.C, self.dtype = members.astype(dtype), C, dtype
        self.p, self.q = expit(eta).astype(dtype), expit(-eta).astype(dtype)

    def own_direction(self, x: NDArray[Any]) -> NDArray[Any]:
        """x~_z in the space of the iteration, one row a candidate."""
        return x

    def curve(self, state: NDArray[Any], own: NDArray[Any]) -> Curved:
        """What D's curvature makes of a state, one row a candidate."""
        u = state @ self.members.T
        largest = logit_kernels.sigmoid_remainder(u, self.p, self.q)
        curved = (-self.C * u) @ self.members
        return Curved(curved, np.einsum("ij,ij->i", curved, own, dtype=np.float64), largest)

    def displacement(self, state: NDArray[Any], x: NDArray[Any], s: FloatVector) -> NDArray[Any]:  # noqa: ARG002
        """D~, one row a candidate: the state itself here."""
        return state


class _Dual(_Primal):
    """The iteration in u = X~_D D~, of length k: one product with C X~_D X~_D' a step."""

    def __init__(self, members: FloatMatrix, eta: FloatVector, C: float, dtype: type[np.floating[Any]]) -> None:
        super().__init__(members, eta, C, dtype)
        self.gram = (C * members @ members.T).astype(dtype)

    def own_direction(self, x: NDArray[Any]) -> NDArray[Any]:
        direction: NDArray[Any] = x @ self.members.T
        return direction

    def curve(self, state: NDArray[Any], own: NDArray[Any]) -> Curved:
        rho = state.copy()
        largest = logit_kernels.sigmoid_remainder(rho, self.p, self.q)
        return Curved(-(rho @ self.gram), -self.C * np.einsum("ij,ij->i", rho, own, dtype=np.float64), largest)

    def displacement(self, state: NDArray[Any], x: NDArray[Any], s: FloatVector) -> NDArray[Any]:
        rho = state.copy()
        logit_kernels.sigmoid_remainder(rho, self.p, self.q)
        moves: NDArray[Any] = (-self.C * rho) @ self.members - (self.C * s[:, None]).astype(self.dtype) * x
        return moves


def _add_one(solver: _Primal, x: FloatMatrix, eta: FloatVector, y: FloatVector) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Solve the add-one problem of every row of x (rows, d + 1); returns D~ and which rows settled within tolerance."""
    x_ = x.astype(solver.dtype)
    moves = np.zeros_like(x_)

    def take(places: IntVector, state: NDArray[Any], s: FloatVector) -> None:
        moves[places] = solver.displacement(state, x_[places], s)

    candidates = Candidates(solver.own_direction(x_), eta, y, solver.C * np.einsum("ij,ij->i", x, x))
    return moves, AddOne(solver, candidates, take).solve(_MAX_STEPS)


class _Valuation(LogitValuation):
    """Loss on the valuation set at the base model and its change by a displacement."""

    def __init__(
        self, base: NewtonFit, X: FloatMatrix, y: NDArray[Any], utility: str, dtype: type[np.floating[Any]]
    ) -> None:
        super().__init__(X @ base.theta, y, utility, dtype)
        self._X = base.whiten(X).astype(dtype)

    def change_by(self, moves: NDArray[Any]) -> FloatVector:
        """Mean loss change on the valuation set, (rows,)."""
        return self.change(moves @ self._X.T)

"""What all learners share: parameters, checks of a call, and engines kept per dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dscale_core.errors import ArgumentError
from dscale_core.learners.base.utility import loss, require_utility
from dscale_core.types import (
    BlockContributions,
    BlockEngine,
    BlockSurrogate,
    Contributions,
    Dataset,
    Engine,
    FloatMatrix,
    IntVector,
    PredictingEngine,
    Task,
    ValuationRows,
)

__all__ = ["LearnerBase", "require_settled", "require_two_classes"]

# an engine holds copies of the data in the form its algebra wants; it lives as long as its dataset does
_engines: WeakKeyDictionary[Dataset, dict[tuple[str, str], Engine]] = WeakKeyDictionary()


@runtime_checkable
class LeavingEngine(Protocol):
    """An engine that knows what leaving a member out saves without a fit from the start for each."""

    def left_out(self, coalition: IntVector, members: IntVector, rows: ValuationRows) -> BlockContributions:
        """L(f_D) - L(f_{D-z}) of each member z, (p, b), each block of rows on its own; arguments are trusted."""
        ...


def replace_valuation(dataset: Dataset, X: FloatMatrix, y: NDArray[Any]) -> Dataset:
    """The dataset with another valuation set, for engines that are used once and not kept."""
    return replace(dataset, X_valuation=X, y_valuation=y)


@dataclass(frozen=True)
class LearnerBase(ABC):
    """Base of all learners: a frozen dataclass whose fields are its parameters.

    A learner says how to build its engine and how to fit one model independently and tightly; the rest is here.
    """

    name: ClassVar[str]
    task: ClassVar[Task | Literal["any"]]
    exact: ClassVar[bool]

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters as plain values."""
        return asdict(self)

    def with_params(self, **changes: Any) -> Self:
        """The same learner with some parameters changed."""
        return replace(self, **changes)

    @abstractmethod
    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by one independent fit at tight tolerance."""

    @abstractmethod
    def _build(self, dataset: Dataset, utility: str) -> Engine:
        """Make the engine; task and utility fit together."""

    def bind(self, dataset: Dataset, utility: str) -> Engine:
        """The engine of this learner for one dataset and utility, made once.

        Raises ArgumentError where the learner does not serve the task or the utility does not measure it.
        """
        if self.task not in ("any", dataset.task):
            remedy = f"Choose a learner for {dataset.task}."
            raise ArgumentError("learner", f"serve {dataset.task}", f"{self.name!r}, which serves {self.task}", remedy)
        require_utility(utility, dataset.task)
        engines = _engines.setdefault(dataset, {})
        key = (repr(self), utility)
        if key not in engines:
            engines[key] = self._build(dataset, utility)
        return engines[key]

    def surrogate(self, dataset: Dataset, utility: str) -> Engine | None:  # noqa: ARG002
        """A cheap approximate engine for previews; None where the learner has none."""
        return None

    def block_surrogate(self, dataset: Dataset, utility: str) -> BlockSurrogate | None:  # noqa: ARG002
        """A cheap approximation on rows of the caller's, to screen many candidates by; None where the learner has none."""
        return None

    def expected_contributions(
        self,
        dataset: Dataset,  # noqa: ARG002
        sizes: IntVector,  # noqa: ARG002
        points: IntVector,  # noqa: ARG002
        utility: str,  # noqa: ARG002
        equals: IntVector | None = None,  # noqa: ARG002
    ) -> FloatMatrix | None:
        """psi_k at each size by a formula that needs no draws, (g, p); None where the learner has none.

        equals : (p,) valuation rows that equal each point, itself among them, where these are the pool and more: each
            coalition is then valued on the rows that are neither in it nor equal to the point
        """
        return None

    def block_contributions(
        self, dataset: Dataset, coalition: IntVector, points: IntVector, rows: ValuationRows, utility: str
    ) -> BlockContributions:
        """delta of ``points`` on ``rows`` instead of the dataset's valuation set, each block of rows on its own.

        Arguments are trusted. An engine that solves once for all blocks says so by a method ``by_block(coalition, points,
        rows)``; any other is built anew for each block.
        """
        engine = self.bind(dataset, utility)
        if isinstance(engine, BlockEngine):
            return engine.by_block(coalition, points, rows)
        parts = []
        for block in rows.slices:
            own = replace_valuation(dataset, rows.X[block], rows.y[block])
            parts.append(self._build(own, utility).contributions(coalition, points))
        return BlockContributions(
            np.stack([part.delta for part in parts], axis=1), np.array([part.base_loss for part in parts])
        )

    def left_out(
        self, dataset: Dataset, coalition: IntVector, members: IntVector, rows: ValuationRows, utility: str
    ) -> BlockContributions:
        """L(f_D) - L(f_{D-z}), the loss saved by leaving each z of ``members`` out, on ``rows``, block by block.

        Arguments are trusted. By a fit each, but where the engine has a shorter way that is exact too: a method
        ``left_out(coalition, members, rows)``.
        """
        engine = self.bind(dataset, utility)
        if isinstance(engine, LeavingEngine):
            return engine.left_out(coalition, members, rows)
        (base,) = self.block_losses(dataset, coalition, rows, (utility,))
        delta = np.empty((members.size, rows.starts.size))
        for i, z in enumerate(members):
            delta[i] = base - self.block_losses(dataset, coalition[coalition != z], rows, (utility,))[0]
        return BlockContributions(delta, base)

    def block_losses(
        self, dataset: Dataset, coalition: IntVector, rows: ValuationRows, utilities: Sequence[str]
    ) -> FloatMatrix:
        """L(f_D) by each utility on each block of rows, (u, b): the ``base_loss`` of `block_contributions`, by one fit.

        Arguments are trusted. An engine that can predict says so by a method ``predict(coalition, X)``; any other values
        the blocks by each utility anew.
        """
        engine = self.bind(dataset, utilities[0])
        if isinstance(engine, PredictingEngine):
            predicted = engine.predict(coalition, rows.X)
            return np.array([[loss(name, predicted[b], rows.y[b]) for b in rows.slices] for name in utilities])
        nobody = coalition[:0]
        return np.stack([self.block_contributions(dataset, coalition, nobody, rows, name).base_loss for name in utilities])

    def contributions(
        self, dataset: Dataset, coalition: IntVector, points: IntVector, utility: str = "log_loss"
    ) -> Contributions:
        """delta(z, D) of ``points`` for the coalition D, both given as pool indices.

        Returns Contributions: ``delta`` (p,) in the unit of the utility, positive helps, NaN exactly where z is in D; and
        ``base_loss`` = L(f_D). Raises ArgumentError for indices outside the pool or repeated in the coalition.
        """
        coalition = _checked_indices("coalition", coalition, dataset.n_points)
        points = _checked_indices("points", points, dataset.n_points)
        if coalition.size < 2 or np.unique(coalition).size != coalition.size:
            remedy = "Name each member once, two at least."
            raise ArgumentError("coalition", "be a set of two points or more", f"{coalition.size} indices", remedy)
        return self.bind(dataset, utility).contributions(coalition, points)


def require_two_classes(y: NDArray[Any]) -> None:
    """Raise ArgumentError where all labels of a coalition are the same: no classifier can be fitted to it."""
    if y.size == 0 or (y == y[0]).all():
        raise ArgumentError("coalition", "hold two classes", "members of one class", "Use larger, stratified coalitions.")


def require_settled(settled: bool, C: float) -> None:
    """Raise ArgumentError where a solver has not come to its end: no number is better than a wrong one."""
    if not settled:
        raise ArgumentError("C", "be one the solver settles for", C, "Lower C, or standardise the features.")


def _checked_indices(argument: str, indices: IntVector, n_points: int) -> IntVector:
    indices = np.asarray(indices)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        got = f"an array of shape {indices.shape} and type {indices.dtype}"
        raise ArgumentError(argument, "be a vector of pool indices", got, "Pass integers.")
    indices = indices.astype(np.int64, copy=False)
    if indices.size and (indices.min() < 0 or indices.max() >= n_points):
        got = f"indices from {indices.min()} to {indices.max()}"
        raise ArgumentError(argument, f"lie in the pool of {n_points} points", got, "Count from 0.")
    return indices

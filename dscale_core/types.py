"""Records that the layers hand to each other.

Notation (design, section 2): pool of n points with d features; coalition D, a subset of the pool of size k; contribution
delta(z, D) = L(f_D) - L(f_{D+z}) for z not in D, **positive helps**, in the unit of the loss L; law psi_k = c k^(-alpha).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dscale_core.arrays import Float32Matrix, FloatMatrix, FloatVector, IntVector
from dscale_core.errors import ArgumentError
from dscale_core.fitted_laws import Laws
from dscale_core.point_values import Values
from dscale_core.row_deviation import RowDeviation
from dscale_core.statuses import LawStatus

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BlockContributions",
    "BlockEngine",
    "BlockSurrogate",
    "Contributions",
    "Dataset",
    "Draws",
    "Engine",
    "Float32Matrix",
    "FloatMatrix",
    "FloatVector",
    "IntVector",
    "LawStatus",
    "Laws",
    "Learner",
    "RowDeviation",
    "SamplingPlan",
    "SurrogateDraws",
    "Task",
    "ValuationRows",
    "Values",
    "default_utility",
]

Task: TypeAlias = Literal["classification", "regression"]


def default_utility(task: Task) -> str:
    """The utility taken where none is named: ``log_loss`` or ``mse``."""
    return "log_loss" if task == "classification" else "mse"


@dataclass(frozen=True, eq=False)
class Dataset:
    """What is learned from what, split three ways.

    Features are float64 and C-ordered; labels are int64 codes into ``class_names`` (classification) or float64
    (regression). Only the pool is ever trained on and valued; L is measured on the valuation set; the test set serves
    the verification of picks alone.
    """

    name: str
    task: Task
    X_pool: FloatMatrix  # (n, d)
    y_pool: NDArray[Any]  # (n,)
    X_valuation: FloatMatrix  # (v, d)
    y_valuation: NDArray[Any]  # (v,)
    X_test: FloatMatrix  # (t, d)
    y_test: NDArray[Any]  # (t,)
    feature_names: tuple[str, ...]  # d names
    class_names: tuple[str, ...]  # empty for regression
    records: pd.DataFrame  # (n, columns) the original rows of the pool; index "row": row number in the source
    fingerprint: str  # sha256 of everything above
    label_name: str = "label"
    notes: tuple[str, ...] = ()  # what reading and encoding did, one sentence each
    image_shape: tuple[int, int] | None = None  # height, width where a record's first columns are pixels

    @property
    def n_points(self) -> int:
        """Number of pool points n."""
        return int(self.X_pool.shape[0])

    @property
    def n_features(self) -> int:
        """Number of encoded features d."""
        return int(self.X_pool.shape[1])

    def labels(self, points: IntVector | None = None) -> NDArray[Any]:
        """Labels of pool points as a person reads them: class names, or the regression target. Shape (p,)."""
        y = self.y_pool if points is None else self.y_pool[points]
        return np.asarray(self.class_names, dtype=object)[y] if self.task == "classification" else y


@dataclass(frozen=True)
class SamplingPlan:
    """Which coalitions are drawn and which points are valued; everything about coalition j follows from (seed, j).

    points : ``"all"`` or a tuple of pool indices
    sizes : ``"log_uniform"`` | ``"uniform"`` over [min_size, max_size], both ends included, or a tuple of sizes
        (``draws`` then counts per size)
    draws : number of coalitions (per size where sizes are listed)
    stratify : coalitions keep the pool's class proportions (ignored for regression)
    valuation : the rows that a coalition is valued on. ``"fresh"``: ``valuation_rows`` rows drawn anew for each, from the
        valuation set and the pool outside it; a point that is among them, or equals one of them, is not valued in that
        draw. ``"fixed"``: the dataset's valuation set, the same for all. ``"auto"``: fresh wherever the pool leaves enough
        rows (`sampling.resolve_plan`)

    >>> SamplingPlan(draws=200).n_coalitions, SamplingPlan(sizes=(100, 300), draws=50).n_coalitions
    (200, 100)
    """

    points: Literal["all"] | tuple[int, ...] = "all"
    sizes: Literal["log_uniform", "uniform"] | tuple[int, ...] = "log_uniform"
    min_size: int = 100
    max_size: int = 1000
    draws: int = 200
    stratify: bool = True
    seed: int = 0
    valuation: Literal["auto", "fresh", "fixed"] = "auto"
    valuation_rows: int = 1000

    def __post_init__(self) -> None:
        if not isinstance(self.points, str):
            object.__setattr__(self, "points", tuple(int(i) for i in self.points))
        elif self.points != "all":
            raise ArgumentError("points", 'be "all" or a list of pool indices', repr(self.points), 'Use "all".')
        if not isinstance(self.sizes, str):
            listed = tuple(int(k) for k in self.sizes)
            if not listed:
                raise ArgumentError("sizes", "name at least one size", "an empty list", "List sizes such as [100, 300].")
            object.__setattr__(self, "sizes", listed)
            object.__setattr__(self, "min_size", min(listed))
            object.__setattr__(self, "max_size", max(listed))
        elif self.sizes not in ("log_uniform", "uniform"):
            required = 'be "log_uniform", "uniform" or a list of sizes'
            raise ArgumentError("sizes", required, repr(self.sizes), 'Use "log_uniform".')
        if self.min_size < 2:
            raise ArgumentError("min_size", "be at least 2", self.min_size, "Raise the smallest size.")
        if self.max_size < self.min_size:
            got = f"min_size={self.min_size}, max_size={self.max_size}"
            raise ArgumentError("max_size", "be at least min_size", got, "Raise max_size or lower min_size.")
        if self.draws < 1:
            raise ArgumentError("draws", "be at least 1", self.draws, "Ask for one draw or more.")
        if self.seed < 0:
            raise ArgumentError("seed", "be zero or positive", self.seed, "Use a seed such as 0.")
        if self.valuation not in ("auto", "fresh", "fixed"):
            raise ArgumentError("valuation", 'be "auto", "fresh" or "fixed"', repr(self.valuation), 'Use "auto".')
        if self.valuation_rows < 1:
            raise ArgumentError("valuation_rows", "be at least 1", self.valuation_rows, "Use 1000.")

    @property
    def valued_on(self) -> str:
        """What its coalitions are valued on, in a few words."""
        if self.valuation == "fixed":
            return "one fixed valuation set"
        fresh = f"{self.valuation_rows:,} fresh valuation rows a coalition"
        return fresh if self.valuation == "fresh" else f"{fresh} where the pool leaves enough"

    @property
    def n_coalitions(self) -> int:
        """Number m of coalitions that the plan draws."""
        return self.draws if isinstance(self.sizes, str) else self.draws * len(self.sizes)


@dataclass(frozen=True, eq=False)
class Contributions:
    """delta(z, D) of many points for one coalition.

    delta : (p,) L(f_D) - L(f_{D+z}); NaN exactly where z is in D, or among its valuation rows; positive helps; unit of the
        utility
    base_loss : L(f_D), the loss on the valuation rows of the model trained on D alone
    """

    delta: FloatVector
    base_loss: float


@dataclass(frozen=True, eq=False)
class ValuationRows:
    """Labelled rows that the loss is measured on instead of the dataset's valuation set, in blocks of consecutive rows.

    X (v, d), y (v,) as in a `Dataset`; starts (b,): where each block begins, ascending from 0. Raises ArgumentError where
    that does not go together or a block is empty.
    """

    X: FloatMatrix
    y: NDArray[Any]
    starts: IntVector

    def __post_init__(self) -> None:
        if self.X.shape[0] != self.y.shape[0]:
            raise ArgumentError("y", f"label all {self.X.shape[0]} rows", self.y.shape[0], "Pass one label a row.")
        ends = np.append(self.starts, self.y.shape[0])
        if self.starts.size == 0 or self.starts[0] != 0 or np.any(np.diff(ends) < 1):
            got = f"{self.starts.tolist()} of {self.y.shape[0]} rows"
            raise ArgumentError("starts", "begin each block of one row or more, the first at 0", got, "Use fewer blocks.")

    @property
    def slices(self) -> list[slice]:
        """Each block's rows."""
        ends = [*self.starts[1:].tolist(), int(self.y.shape[0])]
        return [slice(start, end) for start, end in zip(self.starts.tolist(), ends, strict=True)]

    @property
    def shares(self) -> FloatVector:
        """Each block's share of the rows, (b,): mean losses of blocks add up with these weights."""
        return np.asarray(np.diff(np.append(self.starts, self.y.shape[0])) / self.y.shape[0], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class BlockContributions:
    """delta(z, D) of many points for one coalition, each block of valuation rows on its own.

    delta : (p, b) as in `Contributions`; base_loss : (b,)
    """

    delta: FloatMatrix
    base_loss: FloatVector


@dataclass(frozen=True, eq=False)
class Draws:
    """A matrix of contributions: one row a coalition, one column a point.

    NaN only where the point is in the coalition or, under a plan of fresh valuation rows, equals one of these.
    Raises ArgumentError where the arrays' lengths differ: draws are never numbered anew.
    """

    delta: Float32Matrix  # (m, p)
    sizes: IntVector  # (m,) size k of each coalition
    passes: IntVector  # (m,) the pass each coalition belongs to: the unit of resampling
    points: IntVector  # (p,) pool indices of the columns
    base_loss: FloatVector  # (m,) L(f_D)
    coalitions: IntVector = None  # type: ignore[assignment]  # (m,) their numbers in the plan; counted from 0 where none are given
    plan: SamplingPlan | None = None  # what they were drawn under, where that is known
    utility: str | None = None  # likewise

    def __post_init__(self) -> None:
        if self.coalitions is None:
            object.__setattr__(self, "coalitions", np.arange(self.sizes.size, dtype=np.int64))
        if self.delta.ndim != 2:
            required = "be a matrix, one row a coalition and one column a point"
            raise ArgumentError("delta", required, f"shape {self.delta.shape}", "Give a single point a column of its own.")
        m, p = self.delta.shape
        for name, length in (("sizes", m), ("passes", m), ("base_loss", m), ("coalitions", m), ("points", p)):
            got = getattr(self, name).shape
            if got != (length,):
                raise ArgumentError(
                    name, f"have shape ({length},) beside draws of {m} x {p}", got, "Pass one entry for each."
                )

    @property
    def valuation(self) -> Literal["auto", "fresh", "fixed"] | None:
        """``"fresh"``: valued on rows drawn anew for each coalition; ``"fixed"``: on one set; None without a plan."""
        return None if self.plan is None else self.plan.valuation

    def rows(self, rows: IntVector) -> Draws:
        """The draws of some coalitions, by position."""
        small = {name: getattr(self, name)[rows] for name in ("sizes", "passes", "base_loss", "coalitions")}
        return replace(self, delta=self.delta[rows], **small)

    def columns(self, columns: IntVector) -> Draws:
        """The draws of some points, by position."""
        return replace(self, delta=self.delta[:, columns], points=self.points[columns])


@dataclass(frozen=True, eq=False)
class SurrogateDraws:
    """own (m, p): a learner's surrogate of exact draws, row by row; many: its draws of further coalitions of the plan.

    rows : what other valuation rows would change, where these are drawn anew for each coalition
    """

    own: Float32Matrix
    many: Draws
    rows: RowDeviation | None = None


class Engine(Protocol):
    """A learner bound to one dataset and utility, with all that is prepared once per dataset."""

    def contributions(self, coalition: IntVector, points: IntVector) -> Contributions:
        """delta of ``points`` for one coalition; arguments are trusted (the learner has checked them)."""
        ...


@runtime_checkable
class BlockEngine(Protocol):
    """An engine that solves a coalition's candidates once and values them on any rows, block by block."""

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """delta of ``points``, each block of rows on its own; arguments are trusted."""
        ...


@runtime_checkable
class PredictingEngine(Protocol):
    """An engine that can say what a coalition's model predicts."""

    def predict(self, coalition: IntVector, X: FloatMatrix) -> NDArray[np.float64]:
        """Probabilities (v, classes) or values (v,) of rows X (v, d) by the coalition's model; arguments are trusted."""
        ...


class BlockSurrogate(Protocol):
    """A learner's cheap approximation of contributions, valued on any rows, block by block."""

    def by_block(self, coalition: IntVector, points: IntVector, rows: ValuationRows) -> BlockContributions:
        """About delta of ``points``, (p, b)."""
        ...

    def left_out(self, coalition: IntVector, members: IntVector, rows: ValuationRows) -> BlockContributions:
        """About the loss that leaving each of ``members`` out of the coalition saves, (p, b)."""
        ...


class Learner(Protocol):
    """A configured learner; immutable, cheap to pickle."""

    @property
    def name(self) -> str: ...
    @property
    def task(self) -> Task | Literal["any"]: ...
    @property
    def params(self) -> Mapping[str, Any]: ...
    @property
    def exact(self) -> bool:
        """True where an engine shares the coalition's fit among all points; False where every delta is a refit."""
        ...

    def bind(self, dataset: Dataset, utility: str) -> Engine:
        """Prepare the engine for one dataset. Raises ArgumentError where learner, task and utility do not go together."""
        ...

    def contributions(
        self, dataset: Dataset, coalition: IntVector, points: IntVector, utility: str = "log_loss"
    ) -> Contributions:
        """delta of ``points`` for one coalition, arguments checked."""
        ...

    def block_contributions(
        self, dataset: Dataset, coalition: IntVector, points: IntVector, rows: ValuationRows, utility: str
    ) -> BlockContributions:
        """The same on rows of the caller's, block by block."""
        ...

    def block_losses(
        self, dataset: Dataset, coalition: IntVector, rows: ValuationRows, utilities: Sequence[str]
    ) -> FloatMatrix:
        """L(f_D) by each utility on each block of rows, (u, b), by one fit where the engine can predict."""

    def left_out(
        self, dataset: Dataset, coalition: IntVector, members: IntVector, rows: ValuationRows, utility: str
    ) -> BlockContributions:
        """The loss saved by leaving each member out, on rows of the caller's, block by block."""

    def reference_loss(self, dataset: Dataset, coalition: IntVector, utility: str) -> float:
        """L(f_D) by one independent fit at tight tolerance: what the audit holds the engine against."""
        ...

    def surrogate(self, dataset: Dataset, utility: str) -> Engine | None:
        """A cheap approximate engine for previews; None where the learner has none."""
        ...

    def block_surrogate(self, dataset: Dataset, utility: str) -> BlockSurrogate | None:
        """A cheap approximation on rows of the caller's, to screen many candidates by; None where the learner has none."""
        ...

    def expected_contributions(
        self, dataset: Dataset, sizes: IntVector, points: IntVector, utility: str, equals: IntVector | None = None
    ) -> FloatMatrix | None:
        """psi_k at each size by a formula that needs no draws, (g, p); None where the learner has none.

        equals : (p,) where the valuation rows hold the pool: how many of them equal each point (see `BaseLearner`)
        """
        ...

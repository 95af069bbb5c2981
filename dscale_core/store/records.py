"""What the catalogue knows about studies, draws and fits, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from dscale_core.types import Float32Matrix, FloatVector, IntVector, SamplingPlan, Task

__all__ = [
    "AdditionRecord",
    "ChoiceRecord",
    "CurrentSet",
    "FitRecord",
    "Kept",
    "SampleSet",
    "Selection",
    "Shard",
    "ShardDamage",
    "ShardRead",
    "StudyRow",
    "StudySummary",
    "ValueRecord",
    "VerificationRecord",
]


@dataclass(frozen=True)
class StudyRow:
    """A study as the catalogue holds it: everything but its draws."""

    id: str
    name: str
    fingerprint: str
    dataset_name: str
    task: Task
    n_points: int
    learner: str
    learner_params: dict[str, Any]
    utility: str
    created: str  # ISO 8601, UTC
    learner_entry: dict[str, Any] | None  # a learner from outside as its registry writes it down


@dataclass(frozen=True)
class SampleSet:
    """Draws made under one plan."""

    id: str
    study_id: str
    role: str
    plan: SamplingPlan


@dataclass(frozen=True)
class StudySummary:
    """A study in one line, read without loading its data. ``done`` of ``total`` coalitions of the role ``fit`` are drawn."""

    id: str
    name: str
    dataset_name: str
    task: Task
    learner: str
    learner_params: dict[str, Any]
    utility: str
    n_points: int
    n_valued: int
    min_size: int
    max_size: int
    valuation: str  # "fresh" or "fixed", as in the plan
    valued_on: str  # the same in words
    created: str  # ISO 8601, UTC
    done: int
    total: int
    fits: tuple[str, ...]  # methods fitted


@dataclass(frozen=True)
class Shard:
    """A registered chunk of draws: coalitions ``start`` to ``stop`` (exclusive)."""

    id: int
    start: int
    stop: int
    file: str
    sha256: str


@dataclass(frozen=True)
class ShardDamage:
    """A chunk that was registered and could not be read back; its coalitions are drawn again with the next sampling."""

    start: int
    stop: int
    reason: str
    found: str  # ISO 8601, UTC

    def __str__(self) -> str:
        return f"Coalitions {self.start} to {self.stop - 1} were set aside: {self.reason}. Sample again to redraw them."


@dataclass(frozen=True, eq=False)
class ShardRead:
    """All registered draws of a sample set, in coalition order, and what had to be set aside on the way.

    delta : (m, p) float32; sizes, passes, coalitions : (m,) int64; base_loss : (m,) float64
    """

    delta: Float32Matrix
    sizes: IntVector
    passes: IntVector
    base_loss: FloatVector
    coalitions: IntVector
    damage: tuple[ShardDamage, ...]


@dataclass(frozen=True)
class FitRecord:
    """How one fit went: which estimator, on how many coalitions, and how many points ended in which status."""

    id: str
    method: str
    role: str
    created: str  # ISO 8601, UTC
    n_coalitions: int
    status_counts: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class ValueRecord:
    """What one kept value was computed from, and how long it took."""

    id: str
    name: str
    created: str  # ISO 8601, UTC
    fit_id: str | None  # of the laws that it was given, and their method
    method: str | None
    n_coalitions: int  # that it, or these laws, rest on; 0 where it needs no draws
    min_size: int  # the sizes that it is about
    max_size: int
    seed: int
    seconds: float


@dataclass(frozen=True)
class Selection:
    """A set of pool indices, and the one of them that the inspector shows."""

    points: tuple[int, ...]
    primary: int | None


@dataclass(frozen=True, eq=False)
class CurrentSet:
    """The training set that a study's lists are for.

    points : (s,) pool indices, sorted; source : where it comes from, a sentence
    """

    id: str
    points: IntVector
    source: str
    created: str  # ISO 8601, UTC


@dataclass(frozen=True)
class ChoiceRecord:
    """What one kept list was asked for, and for which set."""

    id: str
    created: str  # ISO 8601, UTC
    goal: str
    asked: int  # points asked for
    n_points: int  # points on the list
    shares: str
    seed: int
    source: str  # of the current set, a sentence
    current_size: int
    seconds: float
    version: str  # of dscale


@dataclass(frozen=True)
class VerificationRecord:
    """How one kept verification of a list was made, and its verdict."""

    id: str
    choice_id: str
    created: str  # ISO 8601, UTC
    fit_id: str | None  # of the laws that arms ranked by
    repeats: int
    seed: int
    verdict: str
    seconds: float
    version: str  # of dscale


@dataclass(frozen=True)
class AdditionRecord:
    """How one kept addition experiment was made, and its verdict."""

    id: str
    created: str  # ISO 8601, UTC
    fit_id: str  # of the laws that points were ranked by
    n: int  # points added
    small: int  # sizes of the random sets
    large: int
    repeats: int
    seed: int
    verdict: str
    seconds: float
    version: str  # of dscale


@dataclass(frozen=True, eq=False)
class Kept:
    """A result as it lies on disk: its arrays and its plain facts, by name."""

    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]

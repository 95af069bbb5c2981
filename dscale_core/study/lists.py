"""The part of a `Study` that is about lists: the set trained on today, lists chosen for it, their proof on the test set."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dscale_core import curation
from dscale_core.curation import Choice, RandomWorth, Verification
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.store import ChoiceRecord, CurrentSet, Store, VerificationRecord
from dscale_core.study.keeping import put_together, taken_apart
from dscale_core.types import Dataset, IntVector, Laws, Learner, SamplingPlan

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.store import FitRecord

__all__ = ["ChoiceRecord", "CurrentSet", "StudyLists", "VerificationRecord"]

_ARMS = ("list", "random", "top", "shapley", "diverse")
_WORTH: Mapping[str, type] = {"worth": RandomWorth}
CurrentPoints = CurrentSet | Sequence[int] | IntVector | Sequence[IntVector]


class _Study(Protocol):
    """What lists need of their study."""

    id: str
    name: str
    utility: str
    _store: Store

    @property
    def dataset(self) -> Dataset: ...
    @property
    def learner(self) -> Learner: ...
    @property
    def plan(self) -> SamplingPlan: ...
    def fits(self) -> list[FitRecord]: ...
    def laws(self, method: str | None = None, fit_id: str | None = None) -> Laws: ...
    def current(self, set_id: str | None = None) -> CurrentSet | None: ...
    def choices(self) -> list[ChoiceRecord]: ...
    def load_choice(self, choice_id: str | None = None) -> Choice: ...


class StudyLists:
    """Methods of `Study`."""

    def set_current(self: _Study, points: Sequence[int] | IntVector, source: str = "Points named by hand.") -> CurrentSet:
        """Say which pool points are trained on today; ``source`` is a sentence on where they come from. Kept.

        Raises ArgumentError for points outside the pool, fewer than two, or all of one class.
        """
        found = np.unique(np.asarray(points))
        n, dataset = self.dataset.n_points, self.dataset
        if found.size and (found.dtype.kind not in "iu" or found[0] < 0 or found[-1] >= n):
            wrong = [str(point) for point in found if found.dtype.kind not in "iu" or not 0 <= point < n][:5]
            raise ArgumentError("points", f"be pool indices from 0 to {n - 1}", ", ".join(wrong), "Leave the others out.")
        curation.require_trainable("points", found, dataset)
        return self._store.lists.save_current(self.id, found.astype(np.int64), source)

    def current(self: _Study, set_id: str | None = None) -> CurrentSet | None:
        """The training set of today, or the earlier one of that id; None where none was named."""
        return self._store.lists.current(self.id, set_id)

    def choose(
        self: _Study,
        goal: curation.Goal = "add",
        n: int = 100,
        current: CurrentPoints | None = None,
        candidates: Sequence[int] | IntVector | None = None,
        shares: curation.Shares = "proportional",
        seed: int = 0,
        k: int | None = None,
        n_sets: int = 1,
        on_progress: Callable[[float], object] | None = None,
    ) -> Choice:
        """The list of at most ``n`` points to add to a set, to drop from it or to exchange (`curation.choose`), kept.

        current : the set, as `current` returns it or as pool indices. None: the study's own; where it has none, or where
            ``k`` is given, ``n_sets`` random sets of ``k`` points by ``seed`` (k: the geometric mean of the plan's sizes),
            and the list is the best for their mean

        Raises ArgumentError as `curation.choose`.
        """
        sets, source = _sets_and_source(self, current, k, n_sets, seed)
        started = perf_counter()
        found = curation.choose(
            self.dataset, self.learner, sets, candidates, goal, n, shares, seed, on_progress, self.utility
        )
        _keep(self, found, source, perf_counter() - started)
        return found

    def choices(self: _Study) -> builtins.list[ChoiceRecord]:
        """Records of all lists, newest first; `load_choice` loads any by its id."""
        return self._store.lists.choices(self.id)

    def load_choice(self: _Study, choice_id: str | None = None) -> Choice:
        """The newest list, or the one of that id. Raises NotFoundError."""
        wanted = _record(self, choice_id).id
        return put_together(Choice, self._store.lists.load_choice(self.id, wanted), _WORTH)

    def verify(
        self: _Study,
        choice: Choice | str | None = None,
        arms: tuple[str, ...] = _ARMS,
        repeats: int = 30,
        seed: int = 0,
        on_progress: Callable[[float], object] | None = None,
    ) -> Verification:
        """Train on the list and on other lists of its length, and measure on the test set (`curation.verify`); kept with it.

        choice : a list, or the id of one; None: the newest. Arms that rank by laws use the newest fit, and are left out
            where there is none.
        """
        chosen = _kept_id(self, choice) if isinstance(choice, Choice) else _record(self, choice).id
        fit = next(iter(self.fits()), None)
        started = perf_counter()
        found = curation.verify(
            self.dataset, self.learner, self.load_choice(chosen), None if fit is None else self.laws(fit_id=fit.id), arms,
            repeats, seed, on_progress,
        )  # fmt: skip
        self._store.lists.save_verification(
            self.id, taken_apart(found), choice_id=chosen, fit_id=None if fit is None else fit.id, repeats=repeats,
            seed=seed, verdict=found.verdict, seconds=perf_counter() - started, version=_version(),
        )  # fmt: skip
        return found

    def verifications(self: _Study, choice_id: str | None = None) -> builtins.list[VerificationRecord]:
        """Records of a list's verifications, newest first; of the newest list where none is named."""
        return self._store.lists.verifications(_record(self, choice_id).id)

    def load_verification(self: _Study, choice_id: str | None = None) -> Verification:
        """The newest verification of a list, of the newest where none is named. Raises NotFoundError."""
        kept = self._store.lists.load_verification(self.id, _record(self, choice_id).id)
        return put_together(Verification, kept, _WORTH)

    def choice_table(self: _Study, choice_id: str | None = None) -> pd.DataFrame:
        """A kept list as a table (`curation.list_table`), with the laws of the newest fit where there is one."""
        laws = self.laws() if self.fits() else None
        return curation.list_table(self.load_choice(choice_id), self.dataset, laws)

    def describe_choice(self: _Study, choice_id: str | None = None) -> dict[str, Any]:
        """How a list was made and what is known of it, as plain facts: what goes out beside its table."""
        record = _record(self, choice_id)
        choice, dataset = self.load_choice(record.id), self.dataset
        verified = next(iter(self._store.lists.verifications(record.id)), None)
        return {
            "list": record.id, "created": record.created, "dscale": record.version, "study": self.id,
            "study_name": self.name, "dataset": dataset.name, "fingerprint": dataset.fingerprint,
            "learner": self.learner.name, "parameters": dict(self.learner.params), "utility": choice.utility,
            "goal": choice.goal, "n_asked": choice.asked, "n_points": int(choice.points.size), "stop": choice.stop,
            "shares": choice.shares, "class_shortfall": choice.class_shortfall, "seed": choice.seed,
            "current_set": {"source": record.source, "size": record.current_size, "sets": len(choice.sets)},
            "candidates": int(choice.candidates.size),
            "rows_that_chose": choice.n_rows, "blocks": choice.n_blocks, "promise": _promise(choice),
            "verification": "none: this list was not verified" if verified is None else asdict(verified),
        }  # fmt: skip


def _sets_and_source(
    study: _Study, current: CurrentPoints | None, k: int | None, n_sets: int, seed: int
) -> tuple[Sequence[IntVector] | IntVector | Sequence[int], str]:
    named = study.current() if current is None and k is None else current
    if isinstance(named, CurrentSet):
        return named.points, named.source
    if named is not None:
        return named, "Points that the call named."
    size = round(float(np.sqrt(study.plan.min_size * study.plan.max_size))) if k is None else int(k)
    if n_sets < 1:
        raise ArgumentError("n_sets", "be at least 1", n_sets, "Leave it out for one random set.")
    sets = curation.random_sets(study.dataset, size, n_sets, seed)
    what = "A random set" if n_sets == 1 else f"{n_sets} random sets"
    return sets, f"{what} of {size:,} points of the pool by seed {seed}, as no current set was named."


def _keep(study: _Study, choice: Choice, source: str, seconds: float) -> ChoiceRecord:
    return study._store.lists.save_choice(
        study.id, taken_apart(choice), goal=choice.goal, asked=choice.asked, n_points=int(choice.points.size),
        shares=choice.shares, seed=choice.seed, source=source, current_size=int(choice.sets[0].size), seconds=seconds,
        version=_version(),
    )  # fmt: skip


def _kept_id(study: _Study, choice: Choice) -> str:
    """The id under which a list is kept; one that came from elsewhere is kept now."""
    for record in study.choices():
        if record.n_points == choice.points.size and record.goal == choice.goal:
            kept = study.load_choice(record.id)
            pairs = ((kept.points, choice.points), (kept.promise, choice.promise), (kept.candidates, choice.candidates))
            if all(map(np.array_equal, kept.sets, choice.sets)) and all(np.array_equal(*pair) for pair in pairs):
                return record.id
    return _keep(study, choice, "A list that was chosen outside this study.", 0.0).id


def _record(study: _Study, choice_id: str | None) -> ChoiceRecord:
    for record in study.choices():
        if choice_id in (None, record.id):
            return record
    if choice_id is None:
        raise NotFoundError("This study has no list yet. Have one chosen first.")
    raise NotFoundError(f"This study has no list {choice_id!r}. Choose one from its lists, or have one chosen.")


def _promise(choice: Choice) -> dict[str, Any] | None:
    if choice.points.size == 0:
        return None
    ends = {"mean": choice.promise, "low": choice.promise_low, "high": choice.promise_high}
    said: dict[str, Any] = {name: float(values[-1]) for name, values in ends.items()} | {"level": 0.9}
    if choice.worth is not None:
        said["random_points_worth"] = {name: getattr(choice.worth, name) for name in ("number", "low", "high")}
    return said


def _version() -> str:
    from dscale_core import __version__

    return __version__

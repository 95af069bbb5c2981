"""What a study knows of lists, `Study.lists`: the set trained on today, lists chosen for it, their proof on the test set."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from dscale_core import curation
from dscale_core.curation import Choice, RandomWorth, Verification
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.store import ChoiceRecord, CurrentSet, Lists, VerificationRecord
from dscale_core.study.begun import KeptCheckpoint
from dscale_core.study.keeping import put_together, taken_apart
from dscale_core.types import Dataset, IntVector, Laws, Learner

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ARMS", "ChoiceRecord", "CurrentPoints", "CurrentSet", "StudyLists", "VerificationRecord"]

ARMS = ("list", "random", "top", "shapley", "diverse")
_WORTH: Mapping[str, type] = {"worth": RandomWorth}
CurrentPoints = CurrentSet | Sequence[int] | IntVector | Sequence[IntVector]


class StudyLists:
    """The lists of one study, on disk. `Study.lists` is one; the constructor is not for callers.

    store : where current sets, lists and verifications are kept
    study_id, name, utility : the study's own
    dataset, learner : the study's, asked for when they are needed
    newest_fit : id and laws of the newest fit; None where there is none
    middle_size : the size of a random set where none is named
    """

    def __init__(
        self,
        store: Lists,
        study_id: str,
        name: str,
        utility: str,
        dataset: Callable[[], Dataset],
        learner: Callable[[], Learner],
        newest_fit: Callable[[], tuple[str, Laws] | None],
        middle_size: Callable[[], int],
    ) -> None:
        self._store, self._study_id, self._name, self._utility = store, study_id, name, utility
        self._dataset, self._learner, self._newest_fit, self._middle_size = dataset, learner, newest_fit, middle_size

    def set_current(self, points: Sequence[int] | IntVector, source: str = "Points named by hand.") -> CurrentSet:
        """Say which pool points are trained on today; ``source`` is a sentence on where they come from. Kept.

        Raises ArgumentError for points outside the pool, fewer than two, or all of one class.
        """
        found, dataset = np.unique(np.asarray(points)), self._dataset()
        n = dataset.n_points
        if found.size and (found.dtype.kind not in "iu" or found[0] < 0 or found[-1] >= n):
            wrong = [str(point) for point in found if found.dtype.kind not in "iu" or not 0 <= point < n][:5]
            raise ArgumentError("points", f"be pool indices from 0 to {n - 1}", ", ".join(wrong), "Leave the others out.")
        curation.require_trainable("points", found, dataset)
        return self._store.save_current(self._study_id, found.astype(np.int64), source)

    def current(self, set_id: str | None = None) -> CurrentSet | None:
        """The training set of today, or the earlier one of that id; None where none was named."""
        return self._store.current(self._study_id, set_id)

    def choose(
        self,
        goal: curation.Goal = "add",
        n: int = 100,
        current: CurrentPoints | None = None,
        candidates: Sequence[int] | IntVector | None = None,
        shares: curation.Shares = "proportional",
        seed: int = 0,
        k: int | None = None,
        n_sets: int = 1,
        on_progress: Callable[[float], object] | None = None,
        n_jobs: int = 1,
        most_candidates: int | None = None,
    ) -> Choice:
        """The list of at most ``n`` points to add to a set, to drop from it or to exchange (`curation.choose`), kept.

        current : the set, as `current` returns it or as pool indices. None: the study's own, unless ``k`` is given
        k, n_sets : ask for ``n_sets`` random sets of ``k`` points by ``seed`` instead, whether or not the study has a set of
            its own; the list is the best for their mean. Where it has none, k is the geometric mean of the plan's sizes

        A list that was stopped on its way goes on from there when it is asked for again, to the same list.
        What the list was made for, the study's own set or a random one, is said in its record's ``source``. Raises
        ArgumentError as `curation.choose`, and for a set that is both named and to be random.
        """
        sets, source = self._sets_and_source(current, k, n_sets, seed)
        started = perf_counter()
        checkpoint = self._checkpoint(sets, candidates, goal, n, shares, seed, most_candidates)
        found = curation.choose(
            self._dataset(), self._learner(), sets, candidates, goal, n, shares, seed, on_progress, self._utility, n_jobs,
            most_candidates, checkpoint,
        )  # fmt: skip
        self._keep(found, source, perf_counter() - started)
        checkpoint.remove()
        return found

    def estimate(
        self,
        goal: curation.Goal = "add",
        n: int = 100,
        current: CurrentPoints | None = None,
        candidates: Sequence[int] | IntVector | None = None,
        seed: int = 0,
        k: int | None = None,
        n_sets: int = 1,
        n_jobs: int = 1,
        most_candidates: int | None = None,
    ) -> curation.ChoosingEstimate:
        """What `choose` takes on this machine with the same arguments (`curation.estimate_choosing`); errors as there."""
        sets, _ = self._sets_and_source(current, k, n_sets, seed)
        return curation.estimate_choosing(
            self._dataset(), self._learner(), sets, candidates, goal, n, n_jobs, self._utility, most_candidates
        )

    def _checkpoint(
        self,
        sets: Sequence[IntVector] | IntVector | Sequence[int],
        candidates: Sequence[int] | IntVector | None,
        goal: str,
        n: int,
        shares: str,
        seed: int,
        most_candidates: int | None,
    ) -> KeptCheckpoint:
        dataset, learner = self._dataset(), self._learner()
        several = len(sets) > 0 and np.ndim(sets[0]) > 0
        named = {f"set {i}": np.unique(np.asarray(own)) for i, own in enumerate(sets if several else (sets,))}
        question = {
            "fingerprint": dataset.fingerprint, "learner": learner.name, "params": dict(learner.params),
            "utility": self._utility, "goal": goal, "n": n, "shares": shares, "seed": seed,
            "candidates": None if candidates is None else np.unique(np.asarray(candidates)),
            "most_candidates": most_candidates, **named,
        }  # fmt: skip
        return KeptCheckpoint(self._store.begun, self._study_id, question)

    def records(self) -> builtins.list[ChoiceRecord]:
        """Records of all lists, newest first; `load` loads any by its id."""
        return self._store.choices(self._study_id)

    def record(self, choice_id: str | None = None) -> ChoiceRecord:
        """The record of the newest list, or of the one of that id. Raises NotFoundError."""
        for record in self.records():
            if choice_id in (None, record.id):
                return record
        if choice_id is None:
            raise NotFoundError("This study has no list yet. Have one chosen first.")
        raise NotFoundError(f"This study has no list {choice_id!r}. Choose one from its lists, or have one chosen.")

    def load(self, choice_id: str | None = None) -> Choice:
        """The newest list, or the one of that id. Raises NotFoundError."""
        return put_together(Choice, self._store.load_choice(self._study_id, self.record(choice_id).id), _WORTH)

    def verify(
        self,
        choice: Choice | str | None = None,
        arms: tuple[str, ...] = ARMS,
        repeats: int = 30,
        seed: int = 0,
        on_progress: Callable[[float], object] | None = None,
        n_jobs: int = 1,
    ) -> Verification:
        """Train on the list and on other lists of its length, and measure on the test set (`curation.verify`); kept with it.

        choice : a list, or the id of one; None: the newest. Arms that rank by laws use the newest fit, and are left out
            where there is none.
        """
        chosen = self._kept_id(choice) if isinstance(choice, Choice) else self.record(choice).id
        fit_id, laws = self._newest_fit() or (None, None)
        started = perf_counter()
        found = curation.verify(
            self._dataset(), self._learner(), self.load(chosen), laws, arms, repeats, seed, on_progress, n_jobs
        )
        self._store.save_verification(
            self._study_id, taken_apart(found), choice_id=chosen, fit_id=fit_id, repeats=repeats,
            seed=seed, verdict=found.verdict, seconds=perf_counter() - started, version=_version(),
        )  # fmt: skip
        return found

    def verifications(self, choice_id: str | None = None) -> builtins.list[VerificationRecord]:
        """Records of a list's verifications, newest first; of the newest list where none is named."""
        return self._store.verifications(self.record(choice_id).id)

    def verification(self, choice_id: str | None = None) -> Verification:
        """The newest verification of a list, of the newest where none is named. Raises NotFoundError."""
        kept = self._store.load_verification(self._study_id, self.record(choice_id).id)
        return put_together(Verification, kept, _WORTH)

    def table(self, choice_id: str | None = None) -> pd.DataFrame:
        """A kept list as a table (`curation.list_table`), with the laws of the newest fit where there is one."""
        _, laws = self._newest_fit() or (None, None)
        return curation.list_table(self.load(choice_id), self._dataset(), laws)

    def describe(self, choice_id: str | None = None) -> dict[str, Any]:
        """How a list was made and what is known of it, as plain facts: what goes out beside its table."""
        record = self.record(choice_id)
        choice, dataset, learner = self.load(record.id), self._dataset(), self._learner()
        verified = next(iter(self._store.verifications(record.id)), None)
        return {
            "list": record.id, "created": record.created, "dscale": record.version, "study": self._study_id,
            "study_name": self._name, "dataset": dataset.name, "fingerprint": dataset.fingerprint,
            "learner": learner.name, "parameters": dict(learner.params), "utility": choice.utility,
            "goal": choice.goal, "n_asked": choice.asked, "n_points": int(choice.points.size), "stop": choice.stop,
            "shares": choice.shares, "class_shortfall": choice.class_shortfall, "seed": choice.seed,
            "current_set": {"source": record.source, "size": record.current_size, "sets": len(choice.sets)},
            "candidates": int(choice.candidates.size),
            "rows_that_chose": choice.n_rows, "blocks": choice.n_blocks, "promise": _promise(choice),
            "verification": "none: this list was not verified" if verified is None else asdict(verified),
        }  # fmt: skip

    def _sets_and_source(
        self, current: CurrentPoints | None, k: int | None, n_sets: int, seed: int
    ) -> tuple[Sequence[IntVector] | IntVector | Sequence[int], str]:
        if current is not None and k is not None:
            remedy = "Leave k out, or current for a random set."
            raise ArgumentError("k", "be left out where current names the set", k, remedy)
        own = self.current()
        named = own if current is None and k is None else current
        if named is not None and n_sets != 1:
            raise ArgumentError("n_sets", "be 1 where the set is named", n_sets, "Give k for so many random sets.")
        if isinstance(named, CurrentSet):
            return named.points, named.source
        if named is not None:
            return named, "Points that the call named."
        if n_sets < 1:
            raise ArgumentError("n_sets", "be at least 1", n_sets, "Leave it out for one random set.")
        size = self._middle_size() if k is None else int(k)
        sets = curation.random_sets(self._dataset(), size, n_sets, seed)
        what = "A random set" if n_sets == 1 else f"{n_sets} random sets"
        why = "as no current set was named" if own is None else "as was asked for, not the current set that was named"
        return sets, f"{what} of {size:,} points of the pool by seed {seed}, {why}."

    def _keep(self, choice: Choice, source: str, seconds: float) -> ChoiceRecord:
        return self._store.save_choice(
            self._study_id, taken_apart(choice), goal=choice.goal, asked=choice.asked, n_points=int(choice.points.size),
            shares=choice.shares, seed=choice.seed, source=source, current_size=int(choice.sets[0].size), seconds=seconds,
            version=_version(),
        )  # fmt: skip

    def _kept_id(self, choice: Choice) -> str:
        """The id under which a list is kept; one that came from elsewhere is kept now."""
        for record in self.records():
            if record.n_points == choice.points.size and record.goal == choice.goal:
                kept = self.load(record.id)
                pairs = ((kept.points, choice.points), (kept.promise, choice.promise), (kept.candidates, choice.candidates))
                if all(map(np.array_equal, kept.sets, choice.sets)) and all(np.array_equal(*pair) for pair in pairs):
                    return record.id
        return self._keep(choice, "A list that was chosen outside this study.", 0.0).id


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

"""`Study`: one dataset, learner and utility with everything drawn, fitted and picked for them, kept on disk.

Pages, notebooks and the command line all work through this facade. Whatever it computes it also keeps, so a study that is
opened again, here or in another process, goes on where it stopped: every finished chunk of draws counts at once.
"""

from __future__ import annotations

import builtins
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from dscale_core import curation, laws, learners, sampling, validation
from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.store import FitRecord, SampleSet, Selection, ShardDamage, Store, StudySummary, ValueRecord
from dscale_core.study import evidence, judging, worth
from dscale_core.study.additions import StudyAdditions
from dscale_core.study.further_sets import check_further, with_own_rows
from dscale_core.study.keeping import storable
from dscale_core.study.lists import ARMS, CurrentPoints, CurrentSet, StudyLists
from dscale_core.study.progress import Progress
from dscale_core.types import Dataset, Draws, FloatVector, IntVector, Laws, Learner, SamplingPlan, Values, default_utility
from dscale_core.values import compute_value, describe_value

if TYPE_CHECKING:
    import pandas as pd

    from dscale_core.laws import AggregateLaw
    from dscale_core.validation import AccuracyBySize, Convergence, Coverage, Extrapolation, FormChoice, Reliability

__all__ = ["FitRecord", "Progress", "Selection", "ShardDamage", "Study", "StudySummary", "ValueRecord"]

_log = logging.getLogger(__name__)
_COMPARED = ("shrinkage", "likelihood")  # the default estimator and the published one


class Study:
    """A study on disk. Make one with `create`, come back to it with `open`; the constructor is not for callers."""

    def __init__(self, study_id: str, store: Store) -> None:
        row = store.studies.get(study_id)
        self._store, self._row = store, row
        self.id, self.name, self.utility, self.created = row.id, row.name, row.utility, row.created
        self.cache: Path = store.folder
        self.lists = StudyLists(
            store.lists, row.id, row.name, row.utility, lambda: self.dataset, lambda: self.learner, self._newest_fit,
            lambda: round(float(np.sqrt(self.plan.min_size * self.plan.max_size))),
        )  # fmt: skip
        self.additions = StudyAdditions(
            store.lists, row.id, row.utility, lambda: self.dataset, lambda: self.learner, self._newest_fit
        )

    @classmethod
    def create(
        cls,
        dataset: Dataset,
        learner: Learner,
        plan: SamplingPlan,
        cache: str | Path | None = None,
        utility: str | None = None,
        name: str | None = None,
    ) -> Study:
        """A new study, on disk before it is returned; nothing is drawn yet. A utility of None follows the task.

        Raises ArgumentError where data, learner, plan and utility do not go together, StoreError where it cannot be kept.

        >>> import dscale_core as ds
        >>> plan = ds.SamplingPlan(points=range(30), min_size=20, max_size=80, draws=10)
        >>> study = Study.create(ds.load_dataset("breast_cancer"), ds.make_learner("logistic"), plan)
        >>> draws = study.sample()  # resumes where it stopped
        >>> study.progress()
        Progress(done=10, total=10)
        >>> laws = study.fit("likelihood")
        >>> [record.method for record in Study.open(study.id).fits()]
        ['likelihood']
        """
        utility = default_utility(dataset.task) if utility is None else utility
        sampling.check_plan(dataset, learner, plan, utility)
        plan = sampling.resolve_plan(dataset, learner, plan, utility)  # it stays, whatever a later version chooses
        params = storable(learner.params)
        # a learner that could not be made again from its name would leave a study that cannot go on
        learners.make_learner(learner.name, **params)
        entry = learners.LEARNERS.written(learner.name)
        title = (name or "").strip() or f"{dataset.name}, {learner.name}"
        store = Store(cache)
        kept = None if entry is None else storable(entry)
        return cls(store.studies.create(dataset, learner.name, params, utility, title, plan, kept), store)

    @classmethod
    def open(cls, study_id: str, cache: str | Path | None = None) -> Study:
        """The study of that id. Raises NotFoundError."""
        return cls(study_id, Store(cache))

    @staticmethod
    def list(cache: str | Path | None = None) -> list[StudySummary]:
        """All studies in the cache folder, newest first; no data is loaded."""
        return Store(cache).studies.summaries()

    def summary(self) -> StudySummary:
        """This study in one line, as it stands now. Raises NotFoundError where it was deleted meanwhile."""
        found = self._store.studies.summaries(self.id)
        if not found:
            raise NotFoundError(f"Study {self.id} was deleted. Choose another one from the list.")
        return found[0]

    def delete(self) -> None:
        """Remove the study, its draws, fits and jobs. Raises StoreError while one of its jobs runs."""
        self._store.studies.delete(self.id)

    @cached_property
    def dataset(self) -> Dataset:
        """The data, read from the cache folder on first use. Raises StoreError where its files are damaged."""
        return self._store.datasets.load(self._row.fingerprint)

    @cached_property
    def learner(self) -> Learner:
        """The learner, made again from its name and parameters; one that was registered elsewhere is imported first.

        Raises NotFoundError where it is not here, ArgumentError where what is kept of it is not to be trusted.
        """
        if self._row.learner_entry is not None:
            return learners.learner_from(self._row.learner_entry, self._row.learner_params)
        return learners.make_learner(self._row.learner, **self._row.learner_params)

    @property
    def plan(self) -> SamplingPlan:
        """The plan of the role ``fit``."""
        return self.plan_of("fit")

    def roles(self) -> tuple[str, ...]:
        """Roles of the sample sets: ``fit``, and ``validation`` where it was added."""
        return tuple(samples.role for samples in self._store.studies.sets(self.id))

    def plan_of(self, role: str) -> SamplingPlan:
        """The plan of one sample set. Raises NotFoundError."""
        return self._set(role).plan

    def add_samples(self, plan: SamplingPlan, role: str = "validation") -> None:
        """Add a sample set, or more draws to the one that has this role: then the plan may differ in ``draws`` alone.

        A further set values the same points and has a seed of its own, so that its draws are ones the fit never saw. A
        valuation of "auto" takes rows of the study's own kind.
        Raises ArgumentError otherwise.
        """
        known = {samples.role: samples.plan for samples in self._store.studies.sets(self.id)}
        plan = with_own_rows(known, role, plan)
        sampling.check_plan(self.dataset, self.learner, plan, self.utility)
        check_further(known, role, plan)
        self._store.studies.add_set(self.id, role, plan)

    def progress(self, role: str = "fit") -> Progress:
        """Coalitions drawn so far, of all that the plan asks for."""
        samples = self._set(role)
        return Progress(self._store.shards.n_done(samples), samples.plan.n_coalitions)

    def sample(
        self,
        n_jobs: int = 1,
        role: str = "fit",
        on_progress: Callable[[Progress], object] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Draws:
        """Draw what is missing and return all draws; arguments and errors as in `sample_missing` and `draws`."""
        self.sample_missing(n_jobs, role, on_progress, should_stop)
        return self.draws(role)

    def sample_missing(
        self,
        n_jobs: int = 1,
        role: str = "fit",
        on_progress: Callable[[Progress], object] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Progress:
        """Draw the coalitions that are missing; each finished chunk is on disk and counted before the next is asked for.

        ``on_progress`` is called at the start and after every chunk; between chunks ``should_stop`` may end the work
        early. Chunks that turn out damaged are set aside and drawn again. Raises StoreError where the disk refuses or
        another process is sampling the same set.
        """
        samples, shards = self._set(role), self._store.shards
        total = samples.plan.n_coalitions
        with shards.exclusively(samples):
            self._report(shards.verify(samples))
            spans = sampling.missing_ranges([sampling.Span(s.start, s.stop) for s in shards.registered(samples)], total)
            progress = self.progress(role)
            if on_progress:
                on_progress(progress)
            if not spans or (should_stop and should_stop()):
                return progress
            chunks = sampling.sample_spans(self.dataset, self.learner, samples.plan, self.utility, spans, n_jobs)
            # closing it stops the workers where the loop ends early
            with closing(cast("Generator[sampling.SampledSpan]", chunks)) as finished:
                for chunk in finished:
                    shards.add(samples, chunk.span.start, chunk.span.stop, chunk.draws)
                    progress = self.progress(role)
                    if on_progress:
                        on_progress(progress)
                    if should_stop and should_stop():
                        break
        return progress

    def draws(self, role: str = "fit") -> Draws:
        """All draws registered so far, in coalition order: delta (m, p) float32, in the unit of the utility; positive helps.

        Raises NotFoundError where there are none yet.
        """
        samples = self._set(role)
        points = self._points(samples.plan)
        read = self._store.shards.read(samples, points.size)
        self._report(read.damage)
        if not read.sizes.size:
            raise NotFoundError(f'Study "{self.name}" has no draws of the role {role!r} yet. Sample it first.')
        return Draws(
            read.delta, read.sizes, read.passes, points, read.base_loss, read.coalitions, samples.plan, self.utility
        )

    def damage(self, role: str = "fit") -> tuple[ShardDamage, ...]:
        """Every chunk of draws that ever failed its checksum or went missing, oldest first."""
        return self._store.shards.damage(self._set(role))

    def fit(self, method: str = "shrinkage", on_progress: Callable[[float], object] | None = None) -> Laws:
        """Fit one law a point to the draws there are (`evidence.fit`), and keep it. Raises NotFoundError without draws."""
        draws, started = self.draws(), perf_counter()
        fitted = evidence.fit(self.dataset, self.learner, draws, method, on_progress)
        self._store.fits.save(self.id, "fit", fitted, draws.sizes.size, perf_counter() - started)
        return fitted

    def laws(self, method: str | None = None, fit_id: str | None = None) -> Laws:
        """The newest fit, of one method where it is named, or the one of `fits` with that id. Raises NotFoundError."""
        return self._store.fits.load(self.id, method, fit_id)

    def fits(self) -> builtins.list[FitRecord]:
        """Records of all fits, newest first; all are kept, and `laws` loads any by its id."""
        return self._store.fits.records(self.id)

    def predict_laws(
        self, points: Sequence[int] | None = None, on_progress: Callable[[float], object] | None = None
    ) -> Laws:
        """Laws of any pool points (None: all), sampled or not, by the amortised estimator; nothing is kept."""
        return evidence.predict_laws(self.dataset, self.learner, self.draws(), points, on_progress)

    def aggregate(self, role: str = "fit") -> AggregateLaw:
        """The law of the loss itself, from the losses of the coalitions drawn so far. Raises NotFoundError without draws."""
        draws = self.draws(role)
        return laws.fit_aggregate(draws.base_loss, draws.sizes)

    def choose_form(self, n_folds: int = 2) -> FormChoice:
        """Power or two-term law, per point and for the study, by held-out likelihood over whole passes."""
        return judging.choose_form(self.dataset, self.learner, self.draws(), n_folds)

    def accuracy(self, method: str | None = None, role: str = "validation") -> AccuracyBySize:
        """The newest fit held against draws that it never saw. Raises NotFoundError without a fit or draws of the role."""
        draws = self.draws(role)
        return validation.accuracy_by_size(self.laws(method), draws.delta, draws.sizes)

    def coverage(self, method: str | None = None, role: str = "validation", level: float = 0.9) -> Coverage:
        """How often the newest fit's intervals hold the means of draws that it never saw, at each size."""
        return validation.measure_coverage(self.laws(method), self.draws(role), level)

    def convergence(self, methods: Sequence[str] = _COMPARED, role: str = "validation", **options: Any) -> Convergence:
        """Accuracy of estimators on the first 5 to 500 draws; options: counts, max_points, on_progress."""
        return judging.convergence(self.dataset, self.learner, self.draws(), self.draws(role), methods, **options)

    def extrapolation(self, methods: Sequence[str] = _COMPARED, role: str = "validation", **options: Any) -> Extrapolation:
        """Laws fitted below a size, judged above it; options: limit, max_points."""
        return judging.extrapolation(self.dataset, self.learner, self.draws(), self.draws(role), methods, **options)

    def reliability(self, method: str = "shrinkage", **options: Any) -> Reliability | None:
        """Whether ψ_k measured again would be the same (`judging.reliability`); options: max_points, on_progress."""
        return judging.reliability(self.dataset, self.learner, self.draws(), method, **options)

    def estimate_cost(self, n_jobs: int = 1) -> sampling.CostEstimate:
        """What sampling the whole plan takes on this machine, measured on a few coalitions."""
        return sampling.estimate_cost(self.dataset, self.learner, self.plan, self.utility, n_jobs)

    def audit(self, pairs: int = 24) -> sampling.AuditReport:
        """Refit ``pairs`` random (point, coalition) pairs independently, compare, and keep the report."""
        report = sampling.audit(self.dataset, self.learner, self.plan, self.utility, pairs=pairs)
        self._store.studies.save_audit(self.id, storable(asdict(report)))
        return report

    def last_audit(self) -> sampling.AuditReport | None:
        """The newest audit's report, or None."""
        kept = self._store.studies.last_audit(self.id)
        return None if kept is None else sampling.AuditReport(**kept)

    def boundary_distance(self) -> FloatVector:
        """Signed distance (n,) of the pool's points to a logistic decision boundary, computed once per dataset."""
        kept = self._store.datasets.load_boundary(self._row.fingerprint)
        if kept is not None and kept.shape == (self._row.n_points,):
            return kept
        distance = learners.boundary_distance(self.dataset)
        self._store.datasets.save_boundary(self._row.fingerprint, distance)
        return distance

    def pick(self, k: float, n: int, method: str | None = None, fit_id: str | None = None, **options: Any) -> pd.DataFrame:
        """The top ``n`` of the ranking at size ``k`` by the laws that `laws` returns; options are those of `curation.pick`.

        A view, not a list to train on: single values ignore redundancy. `choose` makes such a list.
        """
        return curation.pick(self.laws(method, fit_id), self.dataset, k=k, n=n, **options)

    def set_current(self, points: Sequence[int] | IntVector, source: str = "Points named by hand.") -> CurrentSet:
        """Say which pool points are trained on today (`StudyLists.set_current`)."""
        return self.lists.set_current(points, source)

    def current(self, set_id: str | None = None) -> CurrentSet | None:
        """The training set of today, or the earlier one of that id; None where none was named."""
        return self.lists.current(set_id)

    def choose(
        self, goal: curation.Goal = "add", n: int = 100, current: CurrentPoints | None = None, **options: Any
    ) -> curation.Choice:
        """The list of at most ``n`` points to add, to drop or to exchange, kept in `lists`; options: `StudyLists.choose`."""
        return self.lists.choose(goal, n, current, **options)

    def verify(
        self, choice: curation.Choice | str | None = None, arms: tuple[str, ...] = ARMS, repeats: int = 30, **options: Any
    ) -> curation.Verification:
        """A list beside others of its length on the test set, kept in `lists`; options: `StudyLists.verify`."""
        return self.lists.verify(choice, arms, repeats, **options)

    def value(
        self,
        name: str,
        method: str | None = None,
        fit_id: str | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        seed: int = 0,
        on_progress: Callable[[float], object] | None = None,
    ) -> Values:
        """One value a point over a range of sizes (`worth.value`), from this study's draws or laws, and keep it.

        method, fit_id : the fit whose laws are taken, as in `laws`, where the value needs laws

        Raises NotFoundError for an unknown name, and where the value needs draws or laws that are not there yet.
        """
        needs = describe_value(name).needs
        draws = self.draws() if "draws" in needs else None
        fit = self._store.fits.record(self.id, method, fit_id) if "laws" in needs else None
        fitted = None if fit is None else self.laws(fit_id=fit.id)
        given = worth.inputs_of_value(
            name, self.dataset, self.learner, draws, fitted, self.utility, min_size, max_size, seed, on_progress
        )
        found = compute_value(name, given)
        rests_on = draws.sizes.size if draws is not None else 0 if fit is None else fit.n_coalitions
        self._store.values.save(self.id, found, fit, rests_on, given.min_size, given.max_size, seed)
        return found

    def values(self) -> builtins.list[ValueRecord]:
        """Records of all values computed so far, newest first; `load_value` loads any by its id."""
        return self._store.values.records(self.id)

    def load_value(self, name: str | None = None, value_id: str | None = None) -> Values:
        """The newest value, of one name where it is given, or the one of `values` with that id. Raises NotFoundError."""
        return self._store.values.load(self.id, name, value_id)

    def save_selection(self, points: Sequence[int], primary: int | None) -> str:
        """Keep a set of pool indices, for a link that shows exactly it; returns its id."""
        chosen = tuple(dict.fromkeys(int(point) for point in points))
        for point in chosen if primary is None else (*chosen, int(primary)):
            if not 0 <= point < self._row.n_points:
                remedy = "Select points of this study's pool."
                raise ArgumentError("points", f"lie between 0 and {self._row.n_points - 1}", point, remedy)
        return self._store.studies.save_selection(self.id, Selection(chosen, None if primary is None else int(primary)))

    def load_selection(self, selection_id: str) -> Selection:
        """A kept selection of this study. Raises NotFoundError."""
        return self._store.studies.load_selection(self.id, selection_id)

    def _set(self, role: str) -> SampleSet:
        for samples in self._store.studies.sets(self.id):
            if samples.role == role:
                return samples
        raise NotFoundError(f"Study {self.id} has no sample set of the role {role!r}. Add one with add_samples.")

    def _newest_fit(self) -> tuple[str, Laws] | None:
        newest = next(iter(self.fits()), None)
        return None if newest is None else (newest.id, self.laws(fit_id=newest.id))

    def _points(self, plan: SamplingPlan) -> IntVector:
        return np.arange(self._row.n_points) if isinstance(plan.points, str) else np.asarray(plan.points, dtype=np.int64)

    def _report(self, damage: tuple[ShardDamage, ...]) -> None:
        for shard in damage:
            _log.warning("Study %s: %s", self.id, shard)

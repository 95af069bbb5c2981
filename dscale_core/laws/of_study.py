"""What a study can say about its laws beyond fitting them; `Study` inherits these methods.

Each one gathers the draws, and what an estimator needs beside them, and hands over to the functions of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dscale_core.errors import ArgumentError
from dscale_core.laws import GUIDED
from dscale_core.types import Dataset, Draws, IntVector, Laws, Learner, SurrogateDraws

if TYPE_CHECKING:
    from dscale_core.laws.aggregate import AggregateLaw
    from dscale_core.laws.choice import FormChoice
    from dscale_core.laws.guide import Guide
    from dscale_core.laws.metrics import AccuracyBySize
    from dscale_core.laws.validation import Convergence, Coverage, Extrapolation

__all__ = ["StudyLaws"]

_GUIDE_SIZES = 8
_DEFAULT = ("shrinkage", "likelihood")


class StudyLaws:
    """Methods that need only a study's data, learner, draws and fits."""

    utility: str

    if TYPE_CHECKING:

        @property
        def dataset(self) -> Dataset: ...
        @property
        def learner(self) -> Learner: ...
        def draws(self, role: str = "fit") -> Draws: ...
        def _surrogate(
            self, draws: Draws, on_progress: Callable[[float], object] | None = None
        ) -> SurrogateDraws | None: ...
        def laws(self, method: str | None = None) -> Laws: ...

    def aggregate(self, role: str = "fit") -> AggregateLaw:
        """The law of the loss itself, from the losses of the coalitions drawn so far. Raises NotFoundError without draws."""
        from dscale_core.laws.aggregate import fit_aggregate

        draws = self.draws(role)
        return fit_aggregate(draws.base_loss, draws.sizes)

    def choose_form(self, n_folds: int = 2) -> FormChoice:
        """Power or two-term law, per point and for the study, by held-out likelihood over whole passes."""
        from dscale_core.laws.choice import choose_form

        draws = self.draws()
        groups = self._inputs(draws, ())["groups"]
        return choose_form(draws.delta, draws.sizes, draws.passes, groups, draws.points, n_folds)

    def accuracy(self, method: str | None = None, role: str = "validation") -> AccuracyBySize:
        """The newest fit held against draws that it never saw. Raises NotFoundError without a fit or draws of the role."""
        from dscale_core.laws.metrics import accuracy_by_size

        draws = self.draws(role)
        return accuracy_by_size(self.laws(method), draws.delta, draws.sizes)

    def coverage(self, method: str | None = None, role: str = "validation", level: float = 0.9) -> Coverage:
        """How often the newest fit's intervals hold the means of draws that it never saw, at each size."""
        from dscale_core.laws.validation import coverage

        return coverage(self.laws(method), self.draws(role), level)

    def convergence(self, methods: Sequence[str] = _DEFAULT, role: str = "validation", **options: Any) -> Convergence:
        """Accuracy of estimators on the first 5 to 500 draws; options: counts, max_points, on_progress."""
        from dscale_core.laws.validation import convergence

        draws, held, n_all = self._thinned(role, options.pop("max_points", None))
        few = draws.points.size  # thinned already
        found = convergence(draws, held, methods, max_points=few, **options, **self._inputs(draws, methods))
        return replace(found, n_points_in_all=n_all)

    def extrapolation(self, methods: Sequence[str] = _DEFAULT, role: str = "validation", **options: Any) -> Extrapolation:
        """Laws fitted below a size, judged above it; options: limit, max_points."""
        from dscale_core.laws.validation import default_limit, extrapolation

        draws, held, n_all = self._thinned(role, options.pop("max_points", None))
        limit = options.pop("limit", None)
        limit = default_limit(draws.sizes) if limit is None else limit
        below = np.flatnonzero(draws.sizes <= limit)
        if below.size:  # else the limit is refused by the call below
            draws = draws.rows(below)
        inputs = self._inputs(draws, methods if below.size else ())
        found = extrapolation(draws, held, methods, limit, draws.points.size, **options, **inputs)
        return replace(found, n_points_in_all=n_all)

    def _thinned(self, role: str, max_points: int | None) -> tuple[Draws, Draws, int]:
        """Draws to fit and to judge by at so many points, and how many there are: what is not used need not be guided."""
        from dscale_core.laws.halving import evenly_spaced
        from dscale_core.laws.validation import MAX_POINTS

        draws, held = self.draws(), self.draws(role)
        p = draws.points.size
        chosen = evenly_spaced(p, MAX_POINTS if max_points is None else max_points)
        return draws.columns(chosen), held.columns(chosen), p

    def predict_laws(
        self, points: Sequence[int] | None = None, on_progress: Callable[[float], object] | None = None
    ) -> Laws:
        """Laws of any pool points (None: all), sampled or not, by the amortised estimator; nothing is kept."""
        from dscale_core.laws.amortized import fit_amortized

        draws, dataset = self.draws(), self.dataset
        inputs = self._inputs(draws, ("amortized",))
        model = fit_amortized(draws.delta, draws.sizes, on_progress=on_progress, passes=draws.passes, **inputs)
        at = np.arange(dataset.n_points) if points is None else np.asarray(points, dtype=np.int64)
        if at.size == 0 or not 0 <= at.min() <= at.max() < dataset.n_points:
            raise ArgumentError("points", f"lie between 0 and {dataset.n_points - 1}", at, "Ask for points of the pool.")
        groups = dataset.y_pool[at] if dataset.task == "classification" else None
        guide = self._guide(replace(draws, points=at, delta=draws.delta[:, :0])) if model.guided else None
        return model.predict_laws(dataset.X_pool[at], groups, at, guide)

    def _inputs(
        self, draws: Draws, methods: Sequence[str], on_progress: Callable[[float], object] | None = None
    ) -> dict[str, Any]:
        """What the estimators need beside the draws, by the names of `fit_laws`."""
        classes = self.dataset.task == "classification"
        labels = self.dataset.y_pool[draws.points]
        inputs: dict[str, Any] = {"groups": labels if classes else None}
        if "amortized" in methods:
            inputs["features"] = self.dataset.X_pool[draws.points]
            inputs["targets"] = None if classes else labels
        if not set(GUIDED).isdisjoint(methods):
            inputs["guide"] = self._guide(draws, on_progress)
        return inputs

    def _guide(self, draws: Draws, on_progress: Callable[[float], object] | None = None) -> Guide | None:
        """What is known of these points' ψ_k beside the draws: by the learner's surrogate, its formula, or both; or None."""
        from dscale_core.laws.surrogate import LEAST_DRAWS, guide_from_surrogate

        low, high = int(draws.sizes.min()), int(draws.sizes.max())
        sizes = np.unique(np.rint(np.geomspace(low, high, _GUIDE_SIZES)).astype(np.int64))
        formula = self._formula(sizes, draws.points)
        found = self._surrogate(draws, on_progress)
        if found is None or np.isinf(found.many.delta).any() or np.isinf(found.own).any():
            return formula
        # laws of some sizes are to know nothing of others
        within = np.flatnonzero((found.many.sizes >= low) & (found.many.sizes <= high))
        if within.size < LEAST_DRAWS:
            return formula
        return guide_from_surrogate(replace(found, many=found.many.rows(within)), sizes.astype(np.float64), formula)

    def _formula(self, sizes: IntVector, points: IntVector) -> Guide | None:
        """What the learner's formula expects of these points; None where it has none."""
        from dscale_core.laws.guide import Guide

        expected = self.learner.expected_contributions(self.dataset, sizes, points, self.utility)
        if expected is None or not np.all(np.isfinite(expected)):
            return None
        return Guide(sizes.astype(np.float64), expected)

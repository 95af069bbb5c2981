"""What laws are fitted to beside the draws: classes, features, and what the learner itself expects of each point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dscale_core import laws as law_methods
from dscale_core import sampling
from dscale_core.errors import ArgumentError
from dscale_core.laws import LEAST_DRAWS, Guide, guide_from_surrogate
from dscale_core.types import Dataset, Draws, IntVector, Laws, Learner, SamplingPlan, default_utility
from dscale_core.validation import halves_by_size

__all__ = ["fit", "fit_halves", "inputs_of", "predict_laws"]

_GUIDE_SIZES = 8  # of a smooth curve between the smallest and the largest size
# Beyond the largest size: how far, in it, and at how many more sizes. There only the guide speaks, its formula above all.
_REACH, _SIZES_BEYOND = 4, 5
Reporter = Callable[[float], object]


def fit(
    dataset: Dataset,
    learner: Learner,
    draws: Draws,
    method: str = "shrinkage",
    on_progress: Reporter | None = None,
) -> Laws:
    """Fit one law a point to ``draws`` of this learner on this dataset, guided by what the learner itself can say.

    `Study.fit` calls this, so a notebook gets the same laws as a study, bit for bit. `fit_laws` takes arrays alone: it knows
    no learner, and with few draws its laws are much less accurate.

    draws : as `sample` or `Study.draws` return them: they know the plan and the utility they were made under. Draws put
        together by hand without a plan are guided by the learner's formula alone, where it has one.
    on_progress : receives the share done, in [0, 1], from the methods that take long: those that are guided

    Raises ArgumentError for an unknown method and for draws of other points than the dataset's, MissingPackageError where
    the method needs a package that is not installed.

    >>> import dscale_core as ds
    >>> dataset, learner = ds.load_dataset("breast_cancer"), ds.make_learner("logistic")
    >>> draws = ds.sample(dataset, learner, ds.SamplingPlan(points=range(40), min_size=20, max_size=80, draws=12))
    >>> laws = fit(dataset, learner, draws)
    >>> laws.guided, laws.psi(60).shape  # contributions at size 60, in nats
    (True, (40,))
    """
    law_methods.check_method(method)
    guiding, rest = _halves_of(on_progress)
    fitting, comparing = _halves_of(rest)
    inputs = inputs_of(dataset, learner, draws, (method,), guiding)
    fitted = law_methods.fit_laws(
        draws.delta, draws.sizes, method=method, passes=draws.passes, on_progress=fitting, **inputs
    )
    return _for_other_rows(replace(fitted, points=draws.points), dataset, learner, draws, comparing)


def fit_halves(
    dataset: Dataset, learner: Learner, draws: Draws, method: str, on_progress: Reporter | None = None
) -> tuple[Laws, Laws]:
    """Laws of either half of the draws, and of either half of what guides them: two measurements with half the material."""
    first, second = (draws.rows(rows) for rows in halves_by_size(draws.sizes))

    def of_half(half: Draws, number: int, report: Reporter | None) -> Laws:
        inputs = inputs_of(dataset, learner, half, (method,), report, number)
        return law_methods.fit_laws(half.delta, half.sizes, method=method, passes=half.passes, **inputs)

    one, other = _halves_of(on_progress)
    return of_half(first, 0, one), of_half(second, 1, other)


def predict_laws(
    dataset: Dataset,
    learner: Learner,
    draws: Draws,
    points: Sequence[int] | IntVector | None = None,
    on_progress: Reporter | None = None,
) -> Laws:
    """Laws of any pool points (None: all), sampled or not, by the amortised estimator. Raises ArgumentError for others."""
    inputs = inputs_of(dataset, learner, draws, ("amortized",))
    model = law_methods.fit_amortized(draws.delta, draws.sizes, on_progress=on_progress, passes=draws.passes, **inputs)
    at = np.arange(dataset.n_points) if points is None else np.asarray(points, dtype=np.int64)
    if at.size == 0 or not 0 <= at.min() <= at.max() < dataset.n_points:
        raise ArgumentError("points", f"lie between 0 and {dataset.n_points - 1}", at, "Ask for points of the pool.")
    groups = dataset.y_pool[at] if dataset.task == "classification" else None
    guide = _guide(dataset, learner, draws, at) if model.guided else None
    laws = model.predict_laws(dataset.X_pool[at], groups, at, guide)
    laws = replace(laws, rows=None if guide is None else guide.rows)
    return _for_other_rows(laws, dataset, learner, draws)


def _for_other_rows(
    laws: Laws, dataset: Dataset, learner: Learner, draws: Draws, on_progress: Reporter | None = None
) -> Laws:
    """The laws with what other valuation rows would change, where the guide has not told it and the learner can."""
    if laws.rows is not None or draws.plan is None:
        return laws
    utility = draws.utility or default_utility(dataset.task)
    found = sampling.row_deviation(dataset, learner, draws.plan, utility, draws.coalitions, laws.points, on_progress)
    return laws if found is None else law_methods.with_other_rows(laws, *found)


def inputs_of(
    dataset: Dataset,
    learner: Learner,
    draws: Draws,
    methods: Sequence[str],
    on_progress: Reporter | None = None,
    half: int | None = None,
) -> dict[str, Any]:
    """What the estimators need beside the draws, by the names of `fit_laws`; by one ``half`` (0, 1) of the surrogate's."""
    if draws.points.size and draws.points.max() >= dataset.n_points:
        got = f"point {int(draws.points.max())} with a pool of {dataset.n_points}"
        raise ArgumentError("draws", "be of this dataset's pool", got, "Pass the dataset that was sampled.")
    classes = dataset.task == "classification"
    labels = dataset.y_pool[draws.points]
    inputs: dict[str, Any] = {"groups": labels if classes else None}
    about = [law_methods.describe_method(method) for method in methods]
    if any(info.featured for info in about):
        inputs["features"] = dataset.X_pool[draws.points]
        inputs["targets"] = None if classes else labels
    if any(info.guided for info in about):
        inputs["guide"] = _guide(dataset, learner, draws, draws.points, on_progress, half)
    return inputs


def _guide(
    dataset: Dataset,
    learner: Learner,
    draws: Draws,
    points: IntVector,
    on_progress: Reporter | None = None,
    half: int | None = None,
) -> Guide | None:
    """What is known of these points' ψ_k beside the draws: by the learner's surrogate, its formula, or both; or None."""
    utility = draws.utility or default_utility(dataset.task)
    low, high = int(draws.sizes.min()), int(draws.sizes.max())
    reach = max(high, min(_REACH * high, dataset.n_points - 1))
    known = [np.geomspace(low, high, _GUIDE_SIZES), np.geomspace(high, reach, _SIZES_BEYOND)]
    sizes = np.unique(np.rint(np.concatenate(known)).astype(np.int64))
    formula = _formula(dataset, learner, draws.plan, sizes, points, utility)
    if draws.plan is None:
        return formula
    found = sampling.surrogate_draws(dataset, learner, draws.plan, utility, draws.coalitions, points, on_progress)
    if found is None:
        return formula
    if np.isinf(found.many.delta).any() or np.isinf(found.own).any():
        return None  # nothing says where the formula is wrong
    # laws of some sizes are to know nothing of others
    within = np.flatnonzero((found.many.sizes >= low) & (found.many.sizes <= high))
    if half is not None:
        within = within[halves_by_size(found.many.sizes[within])[half]]
    if within.size < LEAST_DRAWS:
        return None
    found = replace(found, many=found.many.rows(within))
    return guide_from_surrogate(found, sizes.astype(np.float64), formula, draws.sizes)


def _formula(
    dataset: Dataset, learner: Learner, plan: SamplingPlan | None, sizes: IntVector, points: IntVector, utility: str
) -> Guide | None:
    """What the learner's formula expects of these points, on the rows of the plan's kind; None where it has none."""
    if plan is None:
        expected = learner.expected_contributions(dataset, sizes, points, utility)
    else:
        expected = sampling.expected_under(dataset, learner, plan, sizes, points, utility)
    if expected is None or not np.all(np.isfinite(expected)):
        return None
    return Guide(sizes.astype(np.float64), expected)


def _halves_of(on_progress: Reporter | None) -> tuple[Reporter | None, Reporter | None]:
    """Two reporters that fill one: the first its first half, the second what is left when it begins."""
    if on_progress is None:
        return None, None
    reached = 0.0

    def first(share: float) -> None:
        nonlocal reached
        reached = 0.5 * share
        on_progress(reached)

    return first, lambda share: on_progress(reached + (1 - reached) * share)

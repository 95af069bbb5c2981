"""The amortised estimator of the publication: one network that reads a point's features and says its law.

It learns from all points' draws together, so it needs few draws of each, and it answers for points that were never sampled.
Where draws share coalitions it also learns what these coalitions have in common: the error shrinks with the number of
*coalitions*, not of points, however many points there are.

Where the learner has a surrogate or a formula for ψ_k the network learns the draws' deviations from its mean (`guided`),
which need fewer draws.

The network gives no uncertainty of its own. Its intervals come from the points it was not trained on: how far their means
are from its prediction beyond their own noise, in units of each point's noise, at the centre and at the ends of the sizes.
What the coalitions have in common does not show there; networks trained on half of the passes tell it (`misfit`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dscale_core.errors import ArgumentError
from dscale_core.extras import require
from dscale_core.laws.amortized.model import LARGEST_LOG_EXPONENT, METHOD, AmortizedModel
from dscale_core.laws.deviations import around_by_share, with_helpful_guide
from dscale_core.laws.misfit import measure_misfit
from dscale_core.laws.problem import Fitted, Guide, Problem, Screen, finish, make_problem, screen
from dscale_core.laws.shrinkage import fit_draws
from dscale_core.types import FloatMatrix, IntVector, Laws

if TYPE_CHECKING:
    from dscale_core.laws.amortized.network import Examples, Settings

__all__ = ["fit", "fit_amortized"]

# Fewer measure no error: all points do then, though the network has seen them.
# test_learning.py::test_the_model_knows_its_units_and_is_judged_by_points_it_did_not_see
_FEW_HELD_OUT = 20
# That halves are trained on: the misfit is one number for all points, and more of them only take longer.
_HALVES_POINTS = 2_000
# Mean of a square standard normal below its 95 % point:
# test_learning.py::test_the_excess_of_many_points_is_the_variance_of_their_means
_TRIMMED_SHARE = 0.76
Progress = Callable[[float], object]


def fit(problem: Problem) -> Laws:
    """Train on the usable points and predict their laws; needs features, and groups or (regression) targets."""
    _require(problem)
    return _learn(problem, None)[1]


def fit_amortized(
    delta: ArrayLike,
    sizes: ArrayLike,
    features: ArrayLike,
    groups: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    settings: Settings | None = None,
    on_progress: Progress | None = None,
    guide: Guide | None = None,
    passes: ArrayLike | None = None,
) -> AmortizedModel:
    """Train on draws delta (m, p) and keep the model, whose `predict_laws` answers for points that were never sampled.

    groups (p,) class labels, or targets (p,) for regression. Raises ArgumentError where features or both of these are
    missing, or no point can be fitted.
    """
    problem = make_problem(delta, sizes, passes, features, groups, targets, on_progress, guide)
    _require(problem)
    if screen(problem).usable.size == 0:
        raise ArgumentError("delta", "hold a point with draws of several sizes", "none", "Sample first.")
    model = _learn(problem, settings)[0]
    assert model is not None
    return model if groups is None else replace(model, labels=np.unique(np.asarray(groups)))


def _learn(problem: Problem, settings: Settings | None) -> tuple[AmortizedModel | None, Laws]:
    """The network trained on all draws, and the laws of the points it learned from; None without usable points."""
    problem = with_helpful_guide(problem, fit_draws)
    if problem.guide is not None:
        # without a control, so that the noise it learns is that of draws
        problem = replace(problem, guide=replace(problem.guide, control=None))
    models: list[AmortizedModel] = []

    def report(share: float) -> None:
        if problem.on_progress:  # one training on all draws and two on half of them
            problem.on_progress(min((len(models) + share) / 3, 1.0))

    def fit_alone(part: Problem) -> Laws:
        screened = screen(part)
        fitted = Fitted.empty(part.n_points)
        if screened.usable.size:
            model = _train(part, screened.usable, settings, report)
            models.append(model)
            _write(model, part, screened, fitted)
        return finish(METHOD, part, screened, fitted)

    if problem.guide is not None:
        laws, share = around_by_share(problem, fit_alone, _HALVES_POINTS)
        # the network trained on all draws comes last
        model = replace(models[-1], guided=True, share=share, misfit=laws.misfit) if models else None
    else:
        laws = fit_alone(problem)
        misfit = measure_misfit(problem, screen(problem), laws, fit_alone, _HALVES_POINTS, splits=1)
        laws = replace(laws, misfit=misfit)
        model = replace(models[0], misfit=misfit) if models else None
    report(3.0)
    return model, laws


def _write(model: AmortizedModel, problem: Problem, screened: Screen, fitted: Fitted) -> None:
    """Predictions for the usable points, in the scaled units of ``fitted``."""
    assert problem.features is not None
    usable = screened.usable
    codes = np.zeros(usable.size, dtype=np.int64) if problem.groups is None else problem.groups[usable]
    own = model.fitted(problem.features[usable], codes)
    scale = screened.scale[usable]
    for name in ("alpha", "beta", "alpha_low", "alpha_high"):
        getattr(fitted, name)[usable] = getattr(own, name)
    fitted.amplitude[usable], fitted.sigma[usable] = own.amplitude / scale, own.sigma / scale
    fitted.covariance[usable] = own.covariance
    fitted.covariance[usable, 0, 0] /= scale
    fitted.covariance[usable, 0, 0] /= scale


def _require(problem: Problem) -> None:
    require("torch", f'The method "{METHOD}"')
    if problem.features is None:
        raise ArgumentError("features", 'be given for the method "amortized"', "None", "Pass one row of features a point.")
    if problem.groups is None and problem.targets is None:
        remedy = "Pass the class of each point as groups, or the regression target as targets."
        raise ArgumentError("groups", 'be given for the method "amortized"', "None", remedy)


def _train(problem: Problem, usable: IntVector, settings: Settings | None, on_progress: Progress | None) -> AmortizedModel:
    from dscale_core.laws.amortized.network import Settings, train

    assert problem.features is not None
    X = problem.features[usable]
    shift, spread = X.mean(axis=0), X.std(axis=0)
    spread[spread == 0] = 1.0
    y = problem.delta[:, usable].T.astype(np.float64)
    seen = np.isfinite(y)
    each = np.sqrt((np.where(seen, y, 0.0) ** 2).sum(axis=1) / seen.sum(axis=1))
    unit = float(np.median(each))
    model = AmortizedModel(
        network=None,
        shift=shift,
        spread=spread,
        labels=None if problem.groups is None else np.arange(int(problem.groups.max()) + 1),
        unit=unit,
        center=problem.center,
        min_size=int(np.floor(problem.sizes.min())),
        max_size=int(np.ceil(problem.sizes.max())),
        amplitude_error=0.0,
        alpha_error=0.0,
    )
    examples = _examples(problem, usable, model, y, seen)
    network, held = train(examples, settings or Settings(), on_progress)
    return _calibrated(model, network, examples, held if held.size >= _FEW_HELD_OUT else np.arange(usable.size))


def _examples(
    problem: Problem, usable: IntVector, model: AmortizedModel, y: FloatMatrix, seen: NDArray[np.bool_]
) -> Examples:
    from dscale_core.laws.amortized.network import Examples

    assert problem.features is not None
    target = np.zeros(usable.size) if problem.targets is None else problem.targets[usable]
    deviation = float(target.std()) or 1.0
    x = problem.x[:, usable].T if problem.x.ndim == 2 else problem.x
    return Examples(
        X=model.standardised(problem.features[usable]),
        code=np.zeros(usable.size, dtype=np.int64) if problem.groups is None else problem.groups[usable],
        target=((target - target.mean()) / deviation).astype(np.float32),
        n_classes=1 if problem.groups is None else int(problem.groups.max()) + 1,
        # one wild point must not set the pace for all: test_learning.py::test_examples_are_scaled_clipped_and_standardised
        y=np.clip(np.where(seen, y, 0.0) / model.unit, -1e4, 1e4).astype(np.float32),
        present=seen,
        x=np.ascontiguousarray(x, dtype=np.float32),
    )


def _calibrated(model: AmortizedModel, network: Any, examples: Examples, rows: IntVector) -> AmortizedModel:
    """The model with its error measured on ``rows``: mean squared standardised misfit, less what noise explains."""
    from dscale_core.laws.amortized.network import predict

    sign, log_a, log_alpha, log_s, log_beta = (v[:, None] for v in predict(network, examples.X[rows], examples.code[rows]).T)
    x = np.broadcast_to(examples.x if examples.x.ndim == 1 else examples.x[rows], examples.y[rows].shape).astype(np.float64)
    alpha, beta = (np.exp(np.clip(v, -5.0, LARGEST_LOG_EXPONENT)) for v in (log_alpha, log_beta))
    psi = np.where(sign >= 0, 1.0, -1.0) * np.exp(np.clip(log_a, -60, 60) - alpha * x)
    unit = np.exp(-np.clip(log_s, -60, 60) + 0.5 * beta * x)
    z = np.where(examples.present[rows], (examples.y[rows] - psi) * unit, np.nan)
    low, high = np.quantile(examples.x, [1 / 3, 2 / 3])
    outer = (x <= low) | (x >= high)
    whole, ends = _excess(z), _excess(np.where(outer, z, np.nan))
    lever = float(np.mean(((psi * unit * x) ** 2)[outer])) if outer.any() else 0.0
    of_alpha = max(ends - whole, 0.0) / lever if lever > 0 else 0.0
    # an error of 0.01 is hardly one, one of 1 says nothing: test_learning.py::test_errors_are_held_between_a_trifle_and_one
    error = float(np.clip(of_alpha, 1e-4, 1.0))
    return replace(model, network=network, amplitude_error=max(whole, 1e-4), alpha_error=error)


def _excess(z: FloatMatrix) -> float:
    """Mean square of the points' mean residuals beyond that of their noise alone, which alternating signs show.

    Both means leave out the largest twentieth, whose share of a square normal's mean is given back.
    """
    seen = np.isfinite(z)
    n = seen.sum(axis=1)
    z, n = np.where(seen, z, 0.0)[n > 1], n[n > 1]
    if n.size == 0:
        return 0.0
    alternating = np.where(np.arange(z.shape[1]) % 2 == 0, 1.0, -1.0)
    of_mean, of_noise = ((z @ sign / n) ** 2 for sign in (np.ones(z.shape[1]), alternating))
    kept = max(int(0.95 * n.size), 1)
    trimmed = [float(np.sort(values)[:kept].mean()) for values in (of_mean, of_noise)]
    return (trimmed[0] - trimmed[1]) / _TRIMMED_SHARE

"""`fit_laws` and the registry of estimators.

To add an estimator: one module with ``fit(problem: Problem) -> Laws`` and one line in ``_METHODS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from dscale_core.errors import ArgumentError
from dscale_core.extras import missing, require
from dscale_core.types import Laws

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from dscale_core.laws.problem import Guide

__all__ = ["GUIDED", "MethodInfo", "check_method", "describe_method", "fit_laws", "list_methods"]


@dataclass(frozen=True)
class MethodInfo:
    """An estimator's name and one sentence on what it does and when to use it.

    missing : what to install before it can run here, as a sentence; empty where it can
    """

    name: str
    summary: str
    missing: str = ""


_METHODS: dict[str, tuple[str, str]] = {  # name -> (module with `fit`, summary)
    "shrinkage": (
        "shrinkage",
        "Empirical Bayes: exponents and noise learn from all points, and from the learner's own surrogate where draws agree "
        "with it. Best with few draws; the default.",
    ),
    "likelihood": ("likelihood", "Maximum likelihood, each point on its own, as published. Needs about 100 draws or more."),
    "two_term": (
        "two_term",
        "ψ_k = a/k + b/k², each point on its own, linear and free to change sign: for points that no power law can follow.",
    ),
    "amortized": (
        "amortized",
        "One network from features to laws, as published: for many points with few draws, and for points never sampled.",
    ),
    "log_linear": ("log_linear", "Straight line through log|mean| at each size, as published. Needs many draws a size."),
}


_NEEDS = {"amortized": "torch"}  # packages beyond those that dscale itself needs
GUIDED = ("shrinkage", "amortized")  # methods that can fit deviations from what a learner's surrogate or formula says


def list_methods() -> list[str]:
    """Names that `fit_laws` accepts, the default first."""
    return list(_METHODS)


def describe_method(name: str) -> MethodInfo:
    """What one estimator does; raises ArgumentError for an unknown name."""
    summary = _lookup(name)[1]
    return MethodInfo(name, summary, missing(_NEEDS[name]) if name in _NEEDS else "")


def check_method(name: str) -> None:
    """Raise ArgumentError for an unknown name, and MissingPackageError where its package is not installed."""
    _lookup(name)
    if name in _NEEDS:
        require(_NEEDS[name], f'The method "{name}"')


def fit_laws(
    delta: ArrayLike,
    sizes: ArrayLike,
    method: str = "shrinkage",
    passes: ArrayLike | None = None,
    features: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    on_progress: Callable[[float], object] | None = None,
    guide: Guide | None = None,
) -> Laws:
    """Fit ψ_k = c k^(−α) and Var δ = σ² k^(−β) to every point.

    Parameters
    ----------
    delta : (m, p) contributions δ, one row a coalition, one column a point; positive helps; unit of the loss. NaN where the
        point is in the coalition. Infinite entries give that point the status ``not_finite``.
    sizes : (m,) or (m, p) training-set size k of each draw
    method : one of `list_methods`
    passes : (m,) pass of each draw, the unit of resampling for intervals; None takes draws as independent
    features : (p, d) features of the points, for the methods that use them
    groups : (p,) labels such as classes, for the methods that share strength within groups
    targets : (p,) regression targets, for ``amortized`` where there are no classes
    guide : what the learner's surrogate or formula says, for the methods in `GUIDED`, which use it where draws agree with it
    on_progress : receives the share done, in [0, 1], from the methods that take long, those in `GUIDED`

    A point that cannot be fitted gets a status and NaN parameters; the others are unaffected. Raises ArgumentError for an
    unknown method and for arrays whose shapes do not go together.
    """
    from dscale_core.laws.problem import make_problem

    module = import_module(f"dscale_core.laws.{_lookup(method)[0]}")
    return cast(Laws, module.fit(make_problem(delta, sizes, passes, features, groups, targets, on_progress, guide)))


def _lookup(name: str) -> tuple[str, str]:
    if name not in _METHODS:
        raise ArgumentError("method", f"be one of {', '.join(_METHODS)}", repr(name), 'Use "shrinkage", the default.')
    return _METHODS[name]

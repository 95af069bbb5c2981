"""`fit_laws` and the registry of estimators.

To add an estimator: one module with ``fit(problem: Problem) -> Laws`` and one line below; from outside, `register_method`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.extras import missing, require
from dscale_core.registry import Entry, Registry, accepts
from dscale_core.types import Laws

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from dscale_core.laws.problem import Guide

__all__ = [
    "METHODS",
    "MethodInfo",
    "check_method",
    "describe_method",
    "fit_laws",
    "guided_methods",
    "list_methods",
    "register_method",
]


@dataclass(frozen=True)
class MethodInfo:
    """An estimator's name and one sentence on what it does and when to use it.

    missing : what to install before it can run here, as a sentence; empty where it can
    guided : whether it can fit deviations from what a learner's surrogate or formula says, and so is given a guide
    featured : whether it is given the points' features and regression targets
    needs : a package beyond those that dscale itself needs
    """

    name: str
    summary: str
    missing: str = ""
    guided: bool = False
    featured: bool = False
    needs: str = ""


def _fault(loaded: Any, info: MethodInfo) -> str:
    return "" if accepts(loaded, info) else "be a function of one argument, the Problem"


METHODS = Registry(
    "method",
    [
        Entry(
            "dscale_core.laws.shrinkage:fit",
            MethodInfo(
                "shrinkage",
                "Empirical Bayes: exponents and noise learn from all points, and from the learner's own surrogate where "
                "draws agree with it. Best with few draws; the default.",
                guided=True,
            ),
        ),
        Entry(
            "dscale_core.laws.likelihood:fit",
            MethodInfo(
                "likelihood", "Maximum likelihood, each point on its own, as published. Needs about 100 draws or more."
            ),
        ),
        Entry(
            "dscale_core.laws.two_term:fit",
            MethodInfo(
                "two_term",
                "ψ_k = a/k + b/k², each point on its own, linear and free to change sign: for points that no power law can "
                "follow.",
            ),
        ),
        Entry(
            "dscale_core.laws.amortized:fit",
            MethodInfo(
                "amortized",
                "One network from features to laws, as published: for many points with few draws, and for points never "
                "sampled.",
                guided=True,
                featured=True,
                needs="torch",
            ),
        ),
        Entry(
            "dscale_core.laws.log_linear:fit",
            MethodInfo("log_linear", "Straight line through log|mean| at each size, as published. Needs many draws a size."),
        ),
    ],
    lambda plain: MethodInfo(**plain),
    _fault,
)


def list_methods() -> list[str]:
    """Names that `fit_laws` accepts, the default first."""
    return METHODS.names()


def guided_methods() -> list[str]:
    """Those of `list_methods` that can fit deviations from what a learner's surrogate or formula says."""
    return [name for name in METHODS.names() if METHODS.entry(name).info.guided]


def describe_method(name: str) -> MethodInfo:
    """What one estimator does; raises ArgumentError for an unknown name."""
    info = _entry(name).info
    return replace(info, missing=missing(info.needs)) if info.needs else info


def check_method(name: str) -> None:
    """Raise ArgumentError for an unknown name, and MissingPackageError where its package is not installed."""
    needed = _entry(name).info.needs
    if needed:
        require(needed, f'The method "{name}"')


def register_method(
    name: str, home: str | Callable[..., Any], *, summary: str, guided: bool = False, featured: bool = False
) -> None:
    """Add an estimator of one's own, ``fit(problem: Problem) -> Laws``; background jobs find it too.

    home : ``"module:function"``, or the function itself
    guided, featured : as in `MethodInfo`

    Raises ArgumentError where the name is taken.
    """
    METHODS.add(home, MethodInfo(name, summary, guided=guided, featured=featured))


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
        point is in the coalition or among its valuation rows. Infinite entries give that point the status ``not_finite``.
    sizes : (m,) or (m, p) training-set size k of each draw
    method : one of `list_methods`
    passes : (m,) pass of each draw, the unit of resampling for intervals; None takes draws as independent
    features : (p, d) features of the points, for the methods that use them
    groups : (p,) labels such as classes, for the methods that share strength within groups
    targets : (p,) regression targets, for ``amortized`` where there are no classes
    guide : what the learner's surrogate or formula says, for the methods that are guided, which use it where draws agree;
        what it knows of other valuation rows is added to intervals in any case
    on_progress : receives the share done, in [0, 1], from the methods that take long, those that are guided

    >>> import numpy as np
    >>> k = np.geomspace(50, 500, 40)
    >>> delta = np.outer(k**-1.2, [0.3, -0.1]) + np.random.default_rng(0).normal(0, 1e-6, (40, 2))
    >>> laws = fit_laws(delta, k, method="likelihood")
    >>> laws.alpha.round(1).tolist(), laws.psi(100).round(4).tolist()
    ([1.2, 1.2], [0.0012, -0.0004])

    A point that cannot be fitted gets a status and NaN parameters; the others are unaffected. Raises ArgumentError for an
    unknown method and for arrays whose shapes do not go together.
    """
    from dscale_core.laws.problem import make_problem

    entry = _entry(method)
    problem = make_problem(delta, sizes, passes, features, groups, targets, on_progress, guide)
    fitted = METHODS.load(entry)(problem)
    if not isinstance(fitted, Laws) or fitted.c.size != problem.n_points:
        required = f"return Laws of {problem.n_points} points"
        raise ArgumentError(entry.home, required, type(fitted).__name__, "Correct the function.")
    if guide is not None and guide.rows is not None:
        fitted = replace(fitted, rows=guide.rows)
    return replace(fitted, method=method) if entry.foreign else fitted


def _entry(name: str) -> Entry[MethodInfo]:
    try:
        return METHODS.entry(name)
    except NotFoundError:
        remedy = f'{METHODS.hint(name)} "shrinkage" is the default.'
        raise ArgumentError("method", f"be one of {', '.join(METHODS.names())}", repr(name), remedy) from None

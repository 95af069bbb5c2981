"""The registry of learners: what can be chosen by name, without loading any of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.learners.refit import EstimatorSpec, Refit
from dscale_core.types import Learner, Task

__all__ = ["LearnerInfo", "describe_learner", "list_learners", "make_learner", "register_estimator"]


@dataclass(frozen=True)
class LearnerInfo:
    """A learner as a person reads it."""

    name: str
    task: Task | Literal["any"]
    exact: bool
    summary: str
    params: Mapping[str, Any]  # parameter -> default


@dataclass(frozen=True)
class _Engine:
    """A learner with an engine of its own: the class, loaded when it is first made."""

    home: str  # "module:class"
    task: Task | Literal["any"]
    summary: str
    params: Mapping[str, Any]


_ESTIMATORS = "dscale_core.learners.refit.estimators"
_LEARNERS: dict[str, _Engine | EstimatorSpec] = {
    "logistic": _Engine(
        "dscale_core.learners.logistic:Logistic",
        "classification",
        "logistic regression, two classes or more; all contributions of a coalition from one exact fit",
        {"C": 1.0},
    ),
    "kernel_logistic": _Engine(
        "dscale_core.learners.kernel_logistic:KernelLogistic",
        "classification",
        "binary logistic regression with an RBF kernel; all contributions of a coalition from one exact fit",
        {"C": 5.0, "gamma": "scale"},
    ),
    "svm": _Engine(
        "dscale_core.learners.svm:Svm",
        "classification",
        "binary RBF support vector machine, deterministic sigmoid; warm-started from one exact fit",
        {"C": 1.0, "gamma": "scale"},
    ),
    "svm_sklearn": EstimatorSpec(
        f"{_ESTIMATORS}:svm", "any", "RBF support vector machine, deterministic sigmoid", {"C": 1.0, "gamma": "scale"}
    ),
    "mlp": _Engine(
        "dscale_core.learners.mlp:Mlp",
        "any",
        "one hidden layer, full batch; every candidate trained by a compiled kernel",
        {
            "hidden": 32,
            "steps": 200,
            "activation": "tanh",
            "alpha": 0.01,
            "learning_rate": 0.01,
            "seed": 0,
            "device": "cpu",
        },
    ),
    "mlp_sklearn": EstimatorSpec(
        f"{_ESTIMATORS}:mlp", "any", "one hidden layer, full batch", {"hidden": 32, "steps": 200, "alpha": 0.01, "seed": 0}
    ),
    "tree": EstimatorSpec(
        f"{_ESTIMATORS}:tree",
        "any",
        "decision tree",
        {"max_depth": None, "min_samples_leaf": 5, "seed": 0},
        engine="dscale_core.learners.refit.forests:TreeEngine",
    ),
    "random_forest": EstimatorSpec(
        f"{_ESTIMATORS}:random_forest",
        "any",
        "random forest; noisy contributions",
        {"n_estimators": 50, "seed": 0},
        engine="dscale_core.learners.refit.forests:ForestEngine",
    ),
    "gradient_boosting": EstimatorSpec(
        f"{_ESTIMATORS}:gradient_boosting",
        "any",
        "gradient boosting; noisy contributions",
        {"n_estimators": 50, "learning_rate": 0.1, "seed": 0},
    ),
    "ridge": _Engine(
        "dscale_core.learners.ridge:Ridge",
        "regression",
        "L2-regularised least squares; all contributions of a coalition in closed form",
        {"alpha": 1.0},
    ),
    "linear": _Engine(
        "dscale_core.learners.ridge:Linear",
        "regression",
        "ordinary least squares; all contributions of a coalition in closed form",
        {},
    ),
    "knn": _Engine(
        "dscale_core.learners.knn:KNN",
        "any",
        "nearest neighbours, smoothed; all contributions of a coalition from one walk",
        {"n_neighbors": 50, "weights": "distance", "smoothing": 0.5},
    ),
    "knn_sklearn": EstimatorSpec(
        f"{_ESTIMATORS}:knn", "any", "nearest neighbours", {"n_neighbors": 50, "weights": "distance"}
    ),
}


def list_learners() -> list[str]:
    """Names of all learners, the exact engines first."""
    return sorted(_LEARNERS, key=lambda name: isinstance(_LEARNERS[name], EstimatorSpec))


def describe_learner(name: str) -> LearnerInfo:
    """What a learner is and which parameters it takes. Raises NotFoundError for an unknown name."""
    entry = _entry(name)
    return LearnerInfo(name, entry.task, isinstance(entry, _Engine), entry.summary, dict(entry.params))


def make_learner(name: str, **params: Any) -> Learner:
    """A learner by name; parameters not given take their defaults.

    Raises NotFoundError for an unknown name and ArgumentError for an unknown parameter.
    """
    entry = _entry(name)
    unknown = sorted(set(params) - set(entry.params))
    if unknown:
        remedy = f"Its parameters are {', '.join(entry.params)}."
        raise ArgumentError(unknown[0], f"be a parameter of {name!r}", "a name it does not know", remedy)
    options = {**entry.params, **params}
    if isinstance(entry, EstimatorSpec):
        return Refit(spec=entry, label=name, options=options)
    from importlib import import_module

    module, _, kind = entry.home.partition(":")
    learner: Learner = getattr(import_module(module), kind)(**options)
    return learner


def register_estimator(name: str, spec: EstimatorSpec) -> None:
    """Add a scikit-learn estimator of one's own as a refit learner. Raises ArgumentError where the name is taken."""
    if name in _LEARNERS:
        raise ArgumentError("name", "be new", repr(name), "Choose another name.")
    _LEARNERS[name] = spec


def _entry(name: str) -> _Engine | EstimatorSpec:
    if name not in _LEARNERS:
        raise NotFoundError(f"There is no learner {name!r}. Choose one of {', '.join(list_learners())}.")
    return _LEARNERS[name]

"""The registry of learners: what can be chosen by name, without loading any of it.

To add a learner: one file with a subclass of `LearnerBase`, and one line below; from outside, `register_learner`, or
`register_estimator` for any scikit-learn estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from dscale_core.errors import ArgumentError
from dscale_core.learners.base import LearnerBase, Param, as_param
from dscale_core.learners.refit import EstimatorSpec, Refit, RefitEngine
from dscale_core.registry import Entry, Registry, accepts, load_home
from dscale_core.types import Learner, Task

__all__ = [
    "LEARNERS",
    "LearnerInfo",
    "describe_learner",
    "learner_from",
    "list_learners",
    "make_learner",
    "register_estimator",
    "register_learner",
]


@dataclass(frozen=True)
class LearnerInfo:
    """A learner as a person reads it."""

    name: str
    task: Task | Literal["any"]
    exact: bool
    summary: str
    params: Mapping[str, Param]
    engine: str = ""  # of an estimator that is refitted: the class that does it, as "module:class"


_POSITIVE_C = Param(1.0, above=0, summary="smaller values regularise more")
_SEED = Param(0, low=0, high=2**32 - 1, summary="of its random numbers, the same in every fit")
_NEIGHBOURS = Param(50, low=1, summary="how many neighbours vote")
_WEIGHTS = Param("distance", choices=("distance", "uniform"), summary="whether nearer neighbours count for more")
_TREES = Param(50, low=1, summary="number of trees")
_WIDTH = "the kernel's width; scale is 1 / (features × variance)"


def _engine(home: str, name: str, task: Task | Literal["any"], summary: str, params: dict[str, Param]) -> Entry[LearnerInfo]:
    """A learner with an exact engine of its own."""
    return Entry(f"dscale_core.learners.{home}", LearnerInfo(name, task, True, summary, params))


def _refit(
    name: str, summary: str, params: dict[str, Param], engine: str = "any_estimator:RefitEngine"
) -> Entry[LearnerInfo]:
    """A scikit-learn estimator, refitted for every contribution."""
    refit = "dscale_core.learners.refit"
    home = f"{refit}.estimators:{name.removesuffix('_sklearn')}"
    return Entry(home, LearnerInfo(name, "any", False, summary, params, f"{refit}.{engine}"))


def _fault(loaded: Any, info: LearnerInfo) -> str:
    if info.engine:
        engine = load_home(info.engine, f"the learner {info.name!r}")
        if not (isinstance(engine, type) and issubclass(engine, RefitEngine)):
            return f"be refitted by a subclass of RefitEngine, not by {info.engine}"
        takes = accepts(loaded, "classification", **dict.fromkeys(info.params))
        return "" if takes else f"be a function of the task and {', '.join(info.params) or 'nothing else'}"
    if not (isinstance(loaded, type) and issubclass(loaded, LearnerBase)):
        return "be a subclass of LearnerBase"
    found = (loaded.name, loaded.task, loaded.exact)
    if found != (info.name, info.task, info.exact):
        return f"have the name {info.name!r}, the task {info.task!r} and exact={info.exact}, not {found}"
    own = [field.name for field in fields(loaded)]
    return "" if set(own) == set(info.params) else f"have the fields {', '.join(info.params) or 'none'}, not {own}"


def _vetted(entry: Entry[LearnerInfo]) -> dict[str, str | None]:
    # parameters of an estimator are handed on to its factory: only a function that is meant for it may get them
    return {entry.home: "task", entry.info.engine: None} if entry.info.engine else {entry.home: None}


def _read(plain: Mapping[str, Any]) -> LearnerInfo:
    params = {str(name): Param(**{**param, "default": _tuple(param["default"])}) for name, param in plain["params"].items()}
    return LearnerInfo(**{**plain, "params": params})


def _tuple(value: Any) -> Any:
    # JSON knows no tuples; a parameter is immutable, so a list was one
    return tuple(value) if isinstance(value, list) else value


LEARNERS = Registry(
    "learner",
    [
        _engine(
            "logistic:Logistic",
            "logistic",
            "classification",
            "logistic regression, two classes or more; all contributions of a coalition from one exact fit",
            {"C": _POSITIVE_C},
        ),
        _engine(
            "kernel_logistic:KernelLogistic",
            "kernel_logistic",
            "classification",
            "binary logistic regression with an RBF kernel; all contributions of a coalition from one exact fit",
            {
                "C": Param(5.0, above=0, summary="smaller values regularise more"),
                "gamma": Param("scale", choices=("scale",), above=0, summary=_WIDTH),
            },
        ),
        _engine(
            "svm:Svm",
            "svm",
            "classification",
            "binary RBF support vector machine, deterministic sigmoid; warm-started from one exact fit",
            {"C": _POSITIVE_C, "gamma": Param("scale", choices=("scale",), above=0, summary=_WIDTH)},
        ),
        _engine(
            "mlp:Mlp",
            "mlp",
            "any",
            "one hidden layer, full batch; every candidate trained by a compiled kernel",
            {
                "hidden": Param(32, low=1, summary="units of the hidden layer"),
                "steps": Param(200, low=1, summary="steps of Adam on all of the data"),
                "activation": Param("tanh", choices=("tanh", "gelu", "relu"), summary="of the hidden units"),
                "alpha": Param(0.01, low=0, summary="larger values regularise more"),
                "learning_rate": Param(0.01, above=0, summary="of Adam"),
                "seed": Param(0, low=0, summary="of its first weights, the same in every fit"),
                "device": Param("cpu", choices=("cpu", "cuda", "auto"), summary="auto is cuda where there is one"),
            },
        ),
        _engine(
            "ridge:Ridge",
            "ridge",
            "regression",
            "L2-regularised least squares; all contributions of a coalition in closed form",
            {"alpha": Param(1.0, above=0, summary="larger values regularise more")},
        ),
        _engine(
            "ridge:Linear",
            "linear",
            "regression",
            "ordinary least squares; all contributions of a coalition in closed form",
            {},
        ),
        _engine(
            "knn:KNN",
            "knn",
            "any",
            "nearest neighbours, smoothed; all contributions of a coalition from one walk",
            {
                "n_neighbors": _NEIGHBOURS,
                "weights": _WEIGHTS,
                "smoothing": Param(0.5, low=0, summary="added to the votes of every class; 0 takes none"),
            },
        ),
        _refit(
            "svm_sklearn",
            "RBF support vector machine, deterministic sigmoid",
            {"C": _POSITIVE_C, "gamma": Param("scale", choices=("scale", "auto"), low=0, summary=_WIDTH)},
        ),
        _refit(
            "mlp_sklearn",
            "one hidden layer, full batch",
            {
                "hidden": Param(32, low=1, summary="units of the hidden layer"),
                "steps": Param(200, low=1, summary="steps of Adam on all of the data"),
                "alpha": Param(0.01, low=0, summary="larger values regularise more"),
                "seed": _SEED,
            },
        ),
        _refit(
            "tree",
            "decision tree",
            {
                "max_depth": Param(None, choices=(None,), low=1, kind="whole", summary="levels; none is no limit"),
                # scikit-learn takes a share of the points too, below 1
                "min_samples_leaf": Param(5, above=0, kind="number", summary="fewest points in a leaf"),
                "seed": _SEED,
            },
            "forests:TreeEngine",
        ),
        _refit(
            "random_forest",
            "random forest; noisy contributions",
            {"n_estimators": _TREES, "seed": _SEED},
            "forests:ForestEngine",
        ),
        _refit(
            "gradient_boosting",
            "gradient boosting; noisy contributions",
            {
                "n_estimators": _TREES,
                "learning_rate": Param(0.1, low=0, summary="how much each tree counts"),
                "seed": _SEED,
            },
        ),
        _refit("knn_sklearn", "nearest neighbours", {"n_neighbors": _NEIGHBOURS, "weights": _WEIGHTS}),
    ],
    _read,
    _fault,
    _vetted,
)


def list_learners() -> list[str]:
    """Names of all learners, the exact engines first."""
    return sorted(LEARNERS.names(), key=lambda name: not describe_learner(name).exact)


def describe_learner(name: str) -> LearnerInfo:
    """What a learner is and which parameters it takes. Raises NotFoundError for an unknown name."""
    return LEARNERS.entry(name).info


def make_learner(name: str, **params: Any) -> Learner:
    """A learner by name; parameters not given take their defaults.

    Raises NotFoundError for an unknown name, and ArgumentError for an unknown parameter and for a value it may not be.

    >>> learner = make_learner("knn", n_neighbors=20)
    >>> learner.exact, dict(learner.params)
    (True, {'n_neighbors': 20, 'weights': 'distance', 'smoothing': 0.5})
    """
    return _make(LEARNERS.entry(name), params)


def learner_from(written: Mapping[str, Any], params: Mapping[str, Any]) -> Learner:
    """A learner of an entry that another process wrote down. Raises as `Registry.adopt` and `make_learner`."""
    return _make(LEARNERS.adopt(written), params)


def register_learner(
    name: str,
    home: str | Callable[..., Any],
    *,
    task: Task | Literal["any"],
    summary: str,
    params: Mapping[str, Any] | None = None,
    exact: bool = True,
) -> None:
    """Add a learner of one's own, a subclass of `LearnerBase`; background jobs find it too.

    home : ``"module:class"``, or the class itself
    params : its fields, each with its default or a `Param` that says what else it may be
    exact : whether one fit serves all contributions of a coalition

    Raises ArgumentError where the name is taken.
    """
    LEARNERS.add(home, LearnerInfo(name, task, exact, summary, _declared(params or {})))


def register_estimator(name: str, spec: EstimatorSpec) -> None:
    """Add a scikit-learn estimator of one's own as a refit learner. Raises ArgumentError where the name is taken."""
    LEARNERS.add(spec.factory, LearnerInfo(name, spec.task, False, spec.summary, _declared(spec.params), spec.engine))


def _declared(params: Mapping[str, Any]) -> dict[str, Param]:
    return {name: as_param(value) for name, value in params.items()}


def _make(entry: Entry[LearnerInfo], params: Mapping[str, Any]) -> Learner:
    info = entry.info
    for name, value in params.items():
        if name not in info.params:
            remedy = f"Its parameters are {', '.join(info.params)}." if info.params else "It has none."
            raise ArgumentError(name, f"be a parameter of {info.name!r}", "a name it does not know", remedy)
        info.params[name].check(name, value)
    defaults = {name: param.default for name, param in info.params.items()}
    options = defaults | dict(params)
    if info.engine:
        spec = EstimatorSpec(entry.home, info.task, info.summary, defaults, info.engine)
        return Refit(spec=spec, label=info.name, options=options)
    learner: Learner = LEARNERS.load(entry)(**options)
    return learner

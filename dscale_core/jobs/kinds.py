"""What a job can be: a function of the study and its parameters. A new kind is one function and one line in `KINDS`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from dscale_core.errors import ArgumentError, JobError

if TYPE_CHECKING:
    from dscale_core.study import Progress, Study

__all__ = ["KINDS", "Kind", "Report", "check_job"]

ShouldStop: TypeAlias = Callable[[], bool]
_ASK_EVERY = 1.0  # seconds between two looks at whether a job is to stop


class Report(Protocol):
    """How a job says how far it is."""

    def __call__(self, done: int, total: int, message: str = "") -> None:
        """``done`` of ``total`` steps, and a sentence for the page."""
        ...


class _CancelledError(Exception):
    """Ends a fit or a value in the midst of its work."""


Kind: TypeAlias = "Callable[[Study, Mapping[str, Any], Report, ShouldStop], None]"


def _sample(study: Study, params: Mapping[str, Any], report: Report, should_stop: ShouldStop) -> None:
    """Draw the missing coalitions of one role."""

    def on_progress(progress: Progress) -> None:
        report(progress.done, progress.total, f"Drew {progress.done} of {progress.total} coalitions.")

    study.sample_missing(int(params.get("n_jobs", 1)), params.get("role", "fit"), on_progress, should_stop)


def _fit(study: Study, params: Mapping[str, Any], report: Report, should_stop: ShouldStop) -> None:
    """Fit laws to the draws there are."""
    method = params.get("method", "shrinkage")
    progress = study.progress()
    if not progress.done:
        raise JobError("There are no draws to fit yet. Sample the study first, then fit.")
    doing = f"Fitting by {method} on {progress.done} of {progress.total} coalitions."
    if should_stop():
        return
    report(0, 100, doing)
    try:
        study.fit(method, _percents(report, should_stop, doing))
    except _CancelledError:
        return
    report(100, 100, f"Fitted by {method} on {progress.done} of {progress.total} coalitions.")


def _percents(report: Report, should_stop: ShouldStop, doing: str) -> Callable[[float], None]:
    """Says each whole percent once, and ends the work where it is to stop: asked then, and every second or so between."""
    percent, asked = 0, time.monotonic()

    def on_progress(share: float) -> None:
        nonlocal percent, asked
        risen, now = int(100 * share) > percent, time.monotonic()
        if risen or now - asked > _ASK_EVERY:
            asked = now
            if should_stop():
                raise _CancelledError
        if risen:
            percent = int(100 * share)
            report(min(percent, 99), 100, doing)

    return on_progress


def _value(study: Study, params: Mapping[str, Any], report: Report, should_stop: ShouldStop) -> None:
    """Compute one value of all points."""
    name, doing = params["name"], f"Computing {params['name']}."
    if should_stop():
        return
    report(0, 100, doing)
    try:
        study.value(**params, on_progress=_percents(report, should_stop, doing))
    except _CancelledError:
        return
    report(100, 100, f"Computed {name}.")


def _choose(study: Study, params: Mapping[str, Any], report: Report, should_stop: ShouldStop) -> None:
    """Choose a list, from where the same list was stopped before; it counts as one only once it is whole."""
    asked = {name: value for name, value in params.items() if name != "current_id"}
    if "current_id" in params:
        asked["current"] = study.current(params["current_id"])
    doing = f"Choosing up to {params.get('n', 100)} points to {params.get('goal', 'add')}."
    if should_stop():
        return
    report(0, 100, doing)
    try:
        found = study.choose(**asked, on_progress=_percents(report, should_stop, doing))
    except _CancelledError:
        return
    report(100, 100, f"Chose {found.points.size} points to {found.goal}.")


def _verify(study: Study, params: Mapping[str, Any], report: Report, should_stop: ShouldStop) -> None:
    """Verify a list on the test set."""
    doing = "Training on the list and on its rivals, measuring on the test set."
    if should_stop():
        return
    report(0, 100, doing)
    try:
        found = study.verify(**params, on_progress=_percents(report, should_stop, doing))
    except _CancelledError:
        return
    report(100, 100, found.verdict)


def _addition(study: Study, params: Mapping[str, Any], report: Report, should_stop: ShouldStop) -> None:
    """Add the best by the laws to random sets."""
    doing = "Training on random sets and what joins them, measuring on the test set."
    if should_stop():
        return
    report(0, 100, doing)
    try:
        found = study.additions.measure(**params, on_progress=_percents(report, should_stop, doing))
    except _CancelledError:
        return
    report(100, 100, found.verdict)


def _audit(study: Study, params: Mapping[str, Any], report: Report, should_stop: ShouldStop) -> None:
    """Refit random pairs independently."""
    if should_stop():
        return
    pairs = int(params.get("pairs", 24))
    report(0, 1, f"Refitting {pairs} pairs.")
    report(1, 1, study.audit(pairs).verdict)


KINDS: dict[str, Kind] = {
    "sample": _sample,
    "fit": _fit,
    "audit": _audit,
    "value": _value,
    "choose": _choose,
    "verify": _verify,
    "addition": _addition,
}
_PARAMS: dict[str, frozenset[str]] = {
    "sample": frozenset({"role", "n_jobs"}),
    "fit": frozenset({"method"}),
    "audit": frozenset({"pairs"}),
    "value": frozenset({"name", "method", "fit_id", "min_size", "max_size", "seed"}),
    "choose": frozenset({"goal", "n", "shares", "seed", "k", "n_sets", "current_id", "n_jobs", "most_candidates"}),
    "verify": frozenset({"choice", "repeats", "seed", "n_jobs"}),
    "addition": frozenset({"n", "small", "large", "repeats", "seed", "n_jobs"}),
}
_LEAST = {
    "n_jobs": 1, "pairs": 1, "min_size": 1, "max_size": 1, "seed": 0, "n": 1, "k": 2, "n_sets": 1, "repeats": 2,
    "most_candidates": 1, "small": 2, "large": 3,
}  # fmt: skip


def check_job(study: Study, kind: str, params: Mapping[str, Any]) -> None:
    """Refuse, before it is queued, a job that could not run.

    Raises ArgumentError, NotFoundError, and MissingPackageError where a package is not installed that it needs.
    """
    if kind not in KINDS:
        raise ArgumentError("kind", f"be one of {', '.join(KINDS)}", repr(kind), "Choose one of them.")
    unknown = set(params) - _PARAMS.get(kind, frozenset(params))
    if unknown:
        allowed = ", ".join(sorted(_PARAMS[kind]))
        raise ArgumentError("params", f"hold only {allowed}", ", ".join(sorted(unknown)), "Leave the others out.")
    for name, least in _LEAST.items():
        value = params.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ArgumentError(name, f"be a whole number of at least {least}", repr(value), "Use a number such as 2.")
    _check_names(study, kind, params)


def _check_names(study: Study, kind: str, params: Mapping[str, Any]) -> None:
    """Whatever a job names must be there."""
    if kind == "sample":
        study.plan_of(params.get("role", "fit"))
    if kind == "fit":
        from dscale_core.laws import check_method

        check_method(params.get("method", "shrinkage"))
    if kind == "value":
        from dscale_core.values import describe_value

        describe_value(params.get("name", ""))
    if kind == "choose":
        from dscale_core.curation import GOALS_OF_CHOOSING, SHARES

        for name, allowed in (("goal", GOALS_OF_CHOOSING), ("shares", SHARES)):
            if params.get(name, allowed[0]) not in allowed:
                raise ArgumentError(name, f"be one of {', '.join(allowed)}", repr(params[name]), f'Use "{allowed[0]}".')
        study.current(params.get("current_id"))
    if kind == "verify":
        study.lists.load(params.get("choice"))
    if kind == "addition":
        study.laws()

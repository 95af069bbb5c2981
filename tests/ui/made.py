"""Studies on disk that pages open, and jobs that they show without anything running."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from dscale_core import SamplingPlan, Study, load_dataset, make_learner
from dscale_core.jobs import Job
from dscale_core.types import Learner

_MADE = {
    "study_id": "study",
    "params": {},
    "done": 0,
    "total": 1,
    "rate": 0.0,
    "pace": 0.0,
    "message": "",
    "error": "",
    "created": "2026-01-01T00:00:00+00:00",
    "started": "2026-01-01T00:00:01+00:00",
    "finished": None,
    "heartbeat": "2026-01-01T00:00:09+00:00",
    "cancel_requested": False,
    "process": None,
}


def made_job(number: int, kind: str, state: str, **fields: Any) -> Job:
    """A job of that id, kind and state; whatever else is said of it."""
    return Job(**_MADE | {"id": number, "kind": kind, "state": state} | fields)


def made_study(
    folder: Path,
    dataset: str = "breast_cancer",
    learner: str | Learner = "logistic",
    fits: tuple[str, ...] = (),
    validation: dict[str, Any] | None = None,
    name: str | None = None,
    **plan: Any,
) -> Study:
    """A study of a built-in data set, sampled and fitted; ``validation`` is what its validation draws have of their own."""
    made = make_learner(learner) if isinstance(learner, str) else learner
    study = Study.create(load_dataset(dataset), made, SamplingPlan(**plan), folder, name=name)
    study.sample()
    for method in fits:
        study.fit(method)
    if validation is not None:
        study.add_samples(replace(study.plan, **{"seed": study.plan.seed + 1} | validation))
        study.sample(role="validation")
    return study

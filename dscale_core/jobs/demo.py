"""One call to a finished example: a study of handwritten digits, sampled and fitted in the background."""

from __future__ import annotations

import os
from pathlib import Path

from dscale_core.jobs.queue import submit

__all__ = ["DEMO_NAME", "start_demo"]

_METHOD = "shrinkage"
_VALIDATION, _SIZES = "validation", (100, 200, 400, 800)
DEMO_NAME = "Demo: digits 0–4 against 5–9"


def start_demo(cache: str | Path | None = None) -> str:
    """Create the demo study and queue its sampling, its fit and its validation draws; returns the study's id.

    Called again, it returns the study that is there and queues only what is missing.
    """
    from dscale_core.datasets import load_dataset
    from dscale_core.learners import make_learner
    from dscale_core.sampling import validation_plan
    from dscale_core.study import Study
    from dscale_core.types import SamplingPlan

    known = [summary.id for summary in Study.list(cache) if summary.name == DEMO_NAME]
    if known:
        study = Study.open(known[0], cache)
    else:
        plan = SamplingPlan(min_size=100, max_size=1000, draws=200)
        study = Study.create(load_dataset("digits_low_high"), make_learner("logistic"), plan, cache, name=DEMO_NAME)
    if _VALIDATION not in study.roles():
        study.add_samples(validation_plan(study.plan, _SIZES), _VALIDATION)
    n_jobs = min(os.cpu_count() or 1, 4)
    progress = study.progress()
    if progress.done < progress.total:
        submit(study, "sample", {"role": "fit", "n_jobs": n_jobs})
    if not any(fit.method == _METHOD and fit.n_coalitions == progress.total for fit in study.fits()):
        submit(study, "fit", {"method": _METHOD})
    held_out = study.progress(_VALIDATION)
    if held_out.done < held_out.total:
        submit(study, "sample", {"role": _VALIDATION, "n_jobs": n_jobs})
    return study.id

"""One call, one study, three jobs; called again, nothing is doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from dscale_core import jobs
from dscale_core.study import Study


@pytest.mark.usefixtures("cache")
def test_the_demo_is_started_once(started: list[Path]) -> None:
    study_id = jobs.start_demo()
    assert jobs.start_demo() == study_id
    study = Study.open(study_id)
    assert (study.dataset.name, study.learner.name, study.utility) == ("digits_low_high", "logistic", "log_loss")
    assert (study.plan.min_size, study.plan.max_size, study.plan.draws) == (100, 1000, 200)
    queued = jobs.list_jobs()[::-1]
    assert [(job.kind, job.state) for job in queued] == [("sample", "queued"), ("fit", "queued"), ("sample", "queued")]
    assert [job.params.get("role") for job in queued] == ["fit", None, "validation"]
    assert queued[1].params == {"method": "shrinkage"}
    validation = study.plan_of("validation")
    assert (validation.sizes, validation.draws) == ((100, 200, 400, 800), 60)
    assert validation.seed != study.plan.seed
    assert len(started) == 1

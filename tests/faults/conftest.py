"""Studies that take long enough to be disturbed, and what they give when nobody disturbs them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from dscale_core import datasets, jobs, learners, sampling
from dscale_core.jobs import Job
from dscale_core.study import Study
from dscale_core.types import Draws, SamplingPlan

# every contribution is a refit of a tree: slow on purpose
PLAN = SamplingPlan(points=tuple(range(60)), min_size=20, max_size=60, draws=60)


@pytest.fixture
def make_study(cache: Path) -> Callable[..., Study]:
    def make(**changes: int) -> Study:
        plan = replace(PLAN, **changes)  # type: ignore[arg-type]
        return Study.create(datasets.load_dataset("breast_cancer"), learners.make_learner("tree"), plan, cache)

    return make


@pytest.fixture(scope="session")
def undisturbed() -> Draws:
    return sampling.sample(datasets.load_dataset("breast_cancer"), learners.make_learner("tree"), PLAN, "log_loss")


@pytest.fixture
def same_draws() -> Callable[[Draws, Draws], None]:
    def compare(found: Draws, expected: Draws) -> None:
        for field in fields(Draws):
            np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name))

    return compare


@pytest.fixture
def first_draws() -> Callable[[Draws, int], Draws]:
    """The first rows of draws: what a plan with fewer of them gives."""

    def cut(draws: Draws, rows: int) -> Draws:
        assert draws.plan is not None
        return replace(draws.rows(np.arange(rows)), plan=replace(draws.plan, draws=rows))

    return cut


@pytest.fixture
def wait_until() -> Callable[[int, Callable[[Job], bool]], Job]:
    """Look at a job until something holds of it."""

    def wait(job_id: int, holds: Callable[[Job], bool]) -> Job:
        deadline = time.monotonic() + 60
        while not holds(job := jobs.get_job(job_id)):
            assert time.monotonic() < deadline, f"{job}\n{jobs.job_log(job_id)}"
            time.sleep(0.05)
        return job

    return wait

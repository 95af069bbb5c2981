"""Studies that exist in the catalogue alone, and workers that are counted instead of started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dscale_core.jobs import launcher
from dscale_core.store import Store
from dscale_core.store.jobs import Process
from dscale_core.types import Dataset, SamplingPlan


@pytest.fixture
def store(cache: Path) -> Store:
    return Store(cache)


@pytest.fixture
def bare_study(store: Store) -> Any:
    """What submit needs of a study: an id that the catalogue knows, the cache folder, its plans."""
    rows, labels = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    records, names = pd.DataFrame({"a": range(4)}), (("a", "b"), ("no", "yes"))
    dataset = Dataset("tiny", "classification", rows, labels, rows, labels, rows, labels, *names, records, "cd" * 32)
    plan = SamplingPlan(min_size=2, max_size=3)
    study_id = store.studies.create(dataset, "logistic", {}, "log_loss", "tiny", plan)
    return SimpleNamespace(id=study_id, cache=store.folder, plan_of=lambda _role: plan)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The workers that would have been started; each of them passes for this very process, so it lives."""
    workers: list[Path] = []

    def start(cache: Path) -> Process:
        workers.append(cache)
        return launcher.this_process()

    monkeypatch.setattr(launcher, "_start", start)
    return workers


@pytest.fixture
def make_job(store: Store, bare_study: Any) -> Callable[[str], int]:
    """A job brought into a state by the same steps that real ones take."""

    def make(state: str) -> int:
        job = store.jobs.enqueue(bare_study.id, "audit", {"pairs": 1})
        if state == "queued":
            return job.id
        owner = launcher.this_process()
        assert store.jobs.claim(owner) is not None
        if state != "running":
            assert store.jobs.finish(job.id, owner, state, "why" if state == "failed" else "")  # type: ignore[arg-type]
        return job.id

    return make

"""A fit job says how far it is, in whole percents, and ends where it is cancelled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dscale_core.errors import JobError
from dscale_core.jobs.kinds import KINDS


class Fitting:
    """A study whose fit takes a thousand steps."""

    def __init__(self, done: int = 40) -> None:
        self.progress = lambda: SimpleNamespace(done=done, total=40)
        self.steps = 0

    def fit(self, method: str, on_progress: Any) -> None:
        assert method == "amortized"
        for step in range(1000):
            self.steps = step + 1
            on_progress(self.steps / 1000)


def test_progress_is_said_once_a_percent_and_ends_whole() -> None:
    said: list[tuple[int, int]] = []
    KINDS["fit"](Fitting(), {"method": "amortized"}, lambda done, total, _text="": said.append((done, total)), lambda: False)
    assert said == [*((percent, 100) for percent in range(100)), (99, 100), (100, 100)]


def test_a_cancelled_fit_ends_in_its_midst() -> None:
    study, said = Fitting(), []
    KINDS["fit"](study, {"method": "amortized"}, lambda done, *_: said.append(done), lambda: len(said) > 30)
    assert study.steps < 400
    assert max(said) < 100


def test_a_fit_without_draws_says_what_to_do() -> None:
    with pytest.raises(JobError, match="Sample the study first"):
        KINDS["fit"](Fitting(done=0), {"method": "amortized"}, lambda *_: None, lambda: False)

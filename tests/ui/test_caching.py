"""What sessions share: computed once, found by what it was computed from, computed anew where that is something else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
import pandas as pd
import pytest
from toy import toy_dataset

from dscale_core import SamplingPlan, Study, make_learner
from dscale_core.study import FitRecord
from pages._ui.caching import shared

NUMBERS = count()
FIT = FitRecord("fit1", "likelihood", "fit", "2026-01-01T00:00:00+00:00", 10, {"ok": 3}, 1.0)


class Counted:
    """A loader under a name of its own, and the arguments it was really called with."""

    def __init__(self, most: int = 8, error: Exception | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []

        def load(study: Any, fit: Any = None, role: str = "fit", k: Any = 100) -> object:
            self.calls.append((study, fit, role, k))
            if error is not None:
                raise error
            return object()

        load.__qualname__ = f"load_{next(NUMBERS)}"
        self.load = shared(False, most=most)(load)


def create(folder: Path, draws: int = 4) -> Study:
    plan = SamplingPlan(points=(0, 1, 2), min_size=10, max_size=20, draws=draws)
    return Study.create(toy_dataset(n=60, d=3), make_learner("logistic"), plan, folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return create(tmp_path_factory.mktemp("shared"))


def test_one_call_computes_once_however_it_is_written(study: Study) -> None:
    counted = Counted()
    first = counted.load(study, FIT, "fit", 100)
    assert counted.load(study, FIT) is first
    assert counted.load(fit=FIT, study=study, k=100) is first
    assert len(counted.calls) == 1


def test_a_study_counts_as_its_folder_and_id_not_as_the_object(study: Study) -> None:
    counted = Counted()
    assert counted.load(study) is counted.load(Study.open(study.id, study.cache))
    assert counted.calls == [(study, None, "fit", 100)]


def test_the_same_fit_read_again_is_the_same(study: Study) -> None:
    counted = Counted()
    assert counted.load(study, FIT) is counted.load(study, replace(FIT))


OTHERS = {
    "fit": {"fit": replace(FIT, id="fit2")},
    "no fit": {"fit": None},
    "role": {"role": "validation"},
    "number": {"k": 101},
    "text": {"k": "100"},
    "list": {"k": [100]},
    "longer list": {"k": (100, 101)},
    "list of fits": {"k": [FIT, replace(FIT, id="fit2")]},
    "flag": {"k": True},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_anything_else_computes_anew(study: Study, other: dict[str, Any]) -> None:
    counted = Counted()
    usual = {"fit": FIT, "role": "fit", "k": 100}
    first, second = counted.load(study, **usual), counted.load(study, **usual | other)
    assert first is not second
    assert counted.load(study, **usual) is first
    assert counted.load(study, **usual | other) is second
    assert len(counted.calls) == 2


def test_another_study_computes_anew(study: Study, tmp_path: Path) -> None:
    counted, beside, elsewhere = Counted(), create(study.cache), create(tmp_path)
    assert len({id(counted.load(one)) for one in (study, beside, elsewhere)}) == 3


def test_the_same_id_in_another_folder_is_another_study(study: Study, tmp_path: Path) -> None:
    counted, elsewhere = Counted(), create(tmp_path)
    elsewhere.id = study.id  # as in a copied folder
    elsewhere.roles = lambda: ()  # type: ignore[method-assign]
    assert counted.load(study) is not counted.load(elsewhere)


def test_more_draws_of_the_role_compute_anew_and_draws_of_another_do_not(tmp_path: Path) -> None:
    study, counted = create(tmp_path), Counted()
    none = counted.load(study)
    study.sample()
    some = counted.load(study)
    assert some is not none
    study.add_samples(replace(study.plan, draws=2, seed=1))
    study.sample(role="validation")
    assert counted.load(study) is some
    unseen = counted.load(study, role="validation")
    study.add_samples(replace(study.plan_of("validation"), draws=3), role="validation")
    study.sample(role="validation")
    assert counted.load(study, role="validation") is not unseen
    assert counted.load(study) is some
    study.add_samples(replace(study.plan, draws=6), role="fit")
    assert counted.load(study) is some  # asked for, not drawn yet
    study.sample()
    assert counted.load(study) is not some


def test_two_loaders_do_not_share(study: Study) -> None:
    one, other = Counted(), Counted()
    assert one.load(study) is not other.load(study)
    assert len(one.calls) == len(other.calls) == 1


def test_only_so_many_are_kept(study: Study) -> None:
    counted = Counted(most=2)
    oldest = counted.load(study, k=1)
    for k in (2, 3):
        counted.load(study, k=k)
    assert counted.load(study, k=1) is not oldest
    assert len(counted.calls) == 4


def test_an_error_is_not_kept(study: Study) -> None:
    counted = Counted(error=ValueError("not this time"))
    for _ in range(2):
        with pytest.raises(ValueError, match="not this time"):
            counted.load(study)
    assert len(counted.calls) == 2


@pytest.mark.parametrize("value", [np.arange(3), pd.DataFrame({"a": [1]}), {"a": 1}, [np.arange(3)]], ids=type)
def test_neither_an_array_nor_a_frame_is_ever_a_key(study: Study, value: Any) -> None:
    counted = Counted()
    with pytest.raises(TypeError, match=r"by k, which is a (ndarray|DataFrame|dict)"):
        counted.load(study, k=value)
    assert counted.calls == []


def test_two_threads_that_ask_at_once_compute_once(study: Study) -> None:
    meeting, calls = Barrier(2), []

    def load(study: Study, k: int) -> object:
        calls.append((study, k))
        # both come here only where both compute; one alone waits in vain
        try:
            meeting.wait(0.3)
        except BrokenBarrierError:
            return object()
        return object()

    load.__qualname__ = f"load_{next(NUMBERS)}"
    found = shared(False, most=8)(load)
    with ThreadPoolExecutor(2) as pool:
        one, other = (pool.submit(found, study, 5) for _ in range(2))
    assert one.result() is other.result()
    assert calls == [(study, 5)]


def test_a_loader_keeps_its_name_and_docstring() -> None:
    @shared("Counting", most=1)
    def count_points(study: Study) -> int:
        """Number of points."""
        return study.dataset.n_points

    assert count_points.__name__ == "count_points"
    assert count_points.__doc__ == "Number of points."

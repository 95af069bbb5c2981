"""Lists that are cancelled and asked for again: the same as without a pause, here and by workers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.curation import Choice, choose
from dscale_core.curation.parts import Begun
from dscale_core.errors import ArgumentError


class _InMemory:
    """A checkpoint that remembers what it was given."""

    def __init__(self) -> None:
        self.kept: dict[int, Begun] = {}
        self.saved = 0

    def load(self, part: int) -> Begun | None:
        return self.kept.get(part)

    def save(self, part: int, begun: Begun) -> None:
        self.kept[part] = begun
        self.saved += 1


class _CancelledError(Exception):
    pass


@pytest.fixture
def one_step_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that lists of a few steps pause after each."""
    monkeypatch.setattr("dscale_core.curation.crew._SLICE", 0.0)


@pytest.fixture
def screened(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few candidates are looked at between two looks at all, as where candidates are many."""
    for name, value in {"FEW": 20, "MANY": 40, "SHORTLIST": 10, "ROUND": 3}.items():
        monkeypatch.setattr(f"dscale_core.curation.scoring.{name}", value)


def _asked(name: str, **options: Any) -> Choice:
    classes = name != "ridge"
    dataset = toy_dataset(n=110, d=3, task="classification" if classes else "regression", noise=0.5, seed=4)
    return choose(dataset, ds.make_learner(name), np.arange(25), n=7, shares="equal" if classes else "free", **options)


def _same(one: Choice, other: Choice) -> None:
    for name in ("points", "dropped", "gain", "promise", "promise_low", "promise_high"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    if one.worth is not None and other.worth is not None:
        np.testing.assert_array_equal(one.worth.gains, other.worth.gains)
    assert (one.worth is None) == (other.worth is None)


@pytest.mark.usefixtures("screened")
@pytest.mark.parametrize(("name", "goal"), [("logistic", "add"), ("logistic", "swap"), ("ridge", "add"), ("knn", "add")])
def test_a_list_cancelled_anywhere_goes_on_to_the_same_list(name: str, goal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _asked(name, goal=goal)
    assert whole.points.size > 4
    monkeypatch.setattr("dscale_core.curation.crew._SLICE", 0.0)
    checkpoint = _InMemory()
    pauses = 0
    for last in (1, 9, 14, 23, 31, 47):  # calls until the next cancel
        told: list[float] = []

        def tell(share: float, told: list[float] = told, last: int = last) -> None:
            told.append(share)
            if len(told) == last:
                raise _CancelledError

        try:
            _same(_asked(name, goal=goal, checkpoint=checkpoint, on_progress=tell), whole)
        except _CancelledError:
            pauses += 1
        assert told == sorted(told)
    assert pauses > 3
    assert any(not begun.ended for begun in checkpoint.kept.values()) or checkpoint.saved > 6
    _same(_asked(name, goal=goal, checkpoint=checkpoint), whole)


@pytest.mark.usefixtures("one_step_a_slice", "screened")
def test_what_is_kept_is_not_chosen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = _InMemory()
    whole = _asked("logistic", checkpoint=checkpoint)
    assert all(begun.ended for begun in checkpoint.kept.values())
    assert len(checkpoint.kept) == 6

    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("dscale_core.curation.scoring.Scorer.added", never)
    _same(_asked("logistic", checkpoint=checkpoint), whole)


def test_workers_go_on_where_another_number_of_workers_stopped() -> None:
    whole, checkpoint = _asked("logistic"), _InMemory()

    def tell(share: float) -> None:
        if share > 0.3:
            raise _CancelledError

    with pytest.raises(_CancelledError):
        _asked("logistic", checkpoint=checkpoint, on_progress=tell, n_jobs=2)
    assert checkpoint.saved > 0
    _same(_asked("logistic", checkpoint=checkpoint), whole)
    half = {part: begun for part, begun in checkpoint.kept.items() if part % 2}
    checkpoint.kept = half
    _same(_asked("logistic", checkpoint=checkpoint, n_jobs=2), whole)


def test_a_wish_to_cancel_is_seen_between_refits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each candidate is a fit, nobody waits for the end of a step."""
    monkeypatch.setattr("dscale_core.curation.scoring._FITS", 4)
    fits = 0
    dataset = toy_dataset(n=90, d=3, seed=4)
    from dscale_core.learners.refit.any_estimator import RefitEngine

    by_block = RefitEngine.by_block

    def counted(self: Any, coalition: Any, points: Any, rows: Any) -> Any:
        nonlocal fits
        fits += points.size
        return by_block(self, coalition, points, rows)

    monkeypatch.setattr(RefitEngine, "by_block", counted)
    told = 0

    def tell(_: float) -> None:
        nonlocal told
        told += 1
        if told == 6:
            raise _CancelledError

    with pytest.raises(_CancelledError):
        choose(dataset, ds.make_learner("tree"), np.arange(20), n=3, on_progress=tell)
    assert fits <= 24


def test_refits_in_turn_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, learner = toy_dataset(n=45, d=3, seed=4), ds.make_learner("random_forest", n_estimators=2)
    at_once = choose(dataset, learner, np.arange(20), n=1)
    monkeypatch.setattr("dscale_core.curation.scoring._FITS", 7)
    _same(choose(dataset, learner, np.arange(20), n=1, on_progress=lambda _: None), at_once)


def test_a_number_of_workers_is_checked() -> None:
    with pytest.raises(ArgumentError, match=r"^n_jobs must"):
        _asked("logistic", n_jobs=0)


def test_a_list_that_was_begun_says_its_steps() -> None:
    begun = Begun(np.array([3, 5]), np.array([False, True]), np.array([0.5, 0.25]), np.zeros(9), 2, False)
    assert [(step.point, step.dropped, step.gain) for step in begun.steps] == [(3, False, 0.5), (5, True, 0.25)]
    assert replace(begun, ended=True).ended

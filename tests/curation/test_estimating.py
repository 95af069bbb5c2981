"""What a list is said to take: the counts against counted fits, and the numbers of candidates that a time allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy import toy_dataset

import dscale_core as ds
from dscale_core.curation import choose, estimate_choosing, estimate_in_words
from dscale_core.errors import ArgumentError
from dscale_core.learners.refit.any_estimator import RefitEngine


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Candidates and bases that were fitted."""
    counted: list[int] = []
    by_block, predict = RefitEngine.by_block, RefitEngine.predict

    def watched(self: Any, coalition: Any, points: Any, rows: Any) -> Any:
        counted.append(max(points.size, 1))
        return by_block(self, coalition, points, rows)

    def alone(self: Any, coalition: Any, X: Any) -> Any:
        counted.append(1)
        return predict(self, coalition, X)

    monkeypatch.setattr(RefitEngine, "by_block", watched)
    monkeypatch.setattr(RefitEngine, "predict", alone)
    return counted


@pytest.mark.parametrize("goal", ["add", "drop", "swap"])
def test_fits_are_about_those_that_are_made(goal: Any, fits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("scoring", "estimating"):
        monkeypatch.setattr(f"dscale_core.curation.{module}.FEW", 30)
        monkeypatch.setattr(f"dscale_core.curation.{module}.SHORTLIST", 10)
    dataset, learner = toy_dataset(n=150, d=3, noise=1.5, seed=4), ds.make_learner("tree", max_depth=2)
    found = estimate_choosing(dataset, learner, np.arange(40), goal=goal, n=6)
    assert (found.candidates, found.members) == {"add": (110, 0), "drop": (0, 40), "swap": (110, 40)}[goal]
    fits.clear()
    # every step is taken, whatever it gains
    monkeypatch.setattr("dscale_core.curation.greedy.discounted", lambda gains: np.abs(np.nanmean(gains, axis=1)) + 1.0)
    assert choose(dataset, learner, np.arange(40), goal=goal, n=6, shares="free").points.size == 6
    assert 0.8 * sum(fits) < found.fits < 1.25 * sum(fits)


def test_a_time_allows_the_most_candidates_that_fit_in_it() -> None:
    dataset, learner = toy_dataset(n=900, d=3, seed=4), ds.make_learner("tree")
    found = estimate_choosing(dataset, learner, np.arange(40), n=20)
    assert found.within(1e9) == found.candidates == 860
    assert found.within(1e-9) is None
    half = found.within(found.seconds / 2)
    assert half is not None
    assert 20 <= half < 860
    assert found._limited(half) <= found.seconds / 2 < found._limited(half + 1)
    fewer = estimate_choosing(dataset, learner, np.arange(40), n=20, most_candidates=half)
    assert fewer.candidates == half
    assert fewer.fits < found.fits


def test_workers_share_the_lists() -> None:
    dataset, learner = toy_dataset(n=200, d=3, seed=4), ds.make_learner("logistic")
    found = estimate_choosing(dataset, learner, np.arange(40), n=50)
    one, two, many = (replace(found, n_jobs=n) for n in (1, 2, 40))
    seconds = [each._work.seconds(each._clock, each.n_jobs) for each in (one, two, many)]
    start = 4.0
    assert seconds[1] - start < 0.6 * seconds[0]
    assert seconds[2] - start < 0.2 * seconds[0]


@pytest.mark.parametrize("name", ["logistic", "ridge", "knn"])
def test_exact_learners_are_timed_too_and_arguments_are_checked(name: str) -> None:
    task: Any = "regression" if name == "ridge" else "classification"
    dataset, learner = toy_dataset(n=120, d=3, task=task, seed=4), ds.make_learner(name)
    for goal in ("add", "drop", "swap"):
        assert estimate_choosing(dataset, learner, np.arange(40), goal=goal, n=3).seconds > 0  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"^n must"):
        estimate_choosing(dataset, learner, np.arange(40), n=0)


def test_it_is_said_in_words() -> None:
    dataset, learner = toy_dataset(n=120, d=3, seed=4), ds.make_learner("tree")
    found = replace(
        estimate_choosing(dataset, learner, np.arange(40), goal="swap", n=3), seconds=400.0, fits=12_345, n_jobs=2
    )
    said = "About 7 min at most on 2 processes: 80 candidates and 40 members to look at"
    assert estimate_in_words(found, exact=False) == f"{said}, 12,345 fits."
    assert estimate_in_words(replace(found, seconds=9000.0, n_jobs=1), exact=True).startswith(
        "About 2.5 h at most on 1 process:"
    )

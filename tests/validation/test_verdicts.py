"""Sentences about validation: the right word for the numbers, and nothing claimed where nothing is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from figures.figure_cases import make_convergence, make_coverage, make_extrapolation, make_loss
from reference import known_draws, laws_of

from dscale_core.laws import lack_of_fit
from dscale_core.laws.aggregate import fit_aggregate
from dscale_core.validation import (
    AccuracyBySize,
    aggregate_verdict,
    agreement_verdict,
    convergence_verdict,
    coverage_verdict,
    extrapolation_verdict,
    law_verdict,
)


@pytest.mark.parametrize(
    ("r2", "ceiling", "words"),
    [
        (0.93, 0.95, "hold as well as these draws can tell at k ≈ 300: R² 0.93 of at most 0.95."),
        (0.80, 0.95, "hold closely"),
        (0.60, 0.95, "hold roughly"),
        (-2.0, 0.95, "do not hold"),
        (0.1, 0.0, "mostly noise"),
        (np.nan, 0.9, "cannot be judged"),
    ],
)
def test_agreement_is_measured_by_what_is_possible(r2: float, ceiling: float, words: str) -> None:
    size, other = np.array([100.0, 300.0]), np.array([0.5, 0.5])
    found = AccuracyBySize(size, np.array([0.0, r2]), other, other, other, np.array([0.9, ceiling]), np.array([9, 9]))
    assert words in agreement_verdict(found, 310)


def test_a_right_law_is_seldom_called_wrong() -> None:
    for draws, most in ((20, 0.14), (100, 0.04)):
        known = known_draws(600, draws, 1)
        said = [law_verdict(value) for value in lack_of_fit(laws_of(known.c, known.alpha), known.delta, known.sizes)]
        assert np.mean(["as near" in one for one in said]) > 1 - most
        assert np.mean(["not what its draws say" in one for one in said]) < 0.005
    strong = known_draws(600, 100, 1, signal=10.0)
    wrong = lack_of_fit(laws_of(-strong.c, strong.alpha), strong.delta, strong.sizes)
    assert "farther from the means" in law_verdict(2.0)
    assert np.mean(["not what its draws say" in law_verdict(value) for value in wrong]) > 0.9
    assert "Too few draws" in law_verdict(float("nan"))


def test_coverage_names_the_worst_size_and_the_direction() -> None:
    found = make_coverage()
    assert coverage_verdict(found) == (
        "The 90% intervals hold 86% of the means, give or take 5 points, as often as they say; least at k ≈ 100, 80%."
    )
    assert "too narrow" in coverage_verdict(replace(found, mean=0.7))
    assert "wider than needed" in coverage_verdict(replace(found, mean=0.99))
    nothing = {"coverage": np.full(3, np.nan), "mean": np.nan, "mean_error": np.nan, "margin": np.nan, "needed": np.nan}
    assert "nothing to judge" in coverage_verdict(replace(found, **nothing))
    assert "chance does not tell from what they say" in coverage_verdict(replace(found, mean=0.8, margin=0.12))


def test_coverage_that_could_not_fail_is_no_verdict() -> None:
    found = replace(make_coverage(), mean_if_half=0.87, needed=1934.0)
    assert coverage_verdict(found) == (
        "These 240 draws cannot judge the 90% intervals: 86% of the means lie within them, but of intervals half as wide "
        "as they should be it would be 87%. About 1,900 draws of these sizes would tell."
    )
    assert "No number of draws would tell" in coverage_verdict(replace(found, needed=np.inf))
    assert "too narrow" in coverage_verdict(replace(found, mean=0.7))  # what fails all the same has failed


def test_convergence_says_how_many_draws_are_saved() -> None:
    found = make_convergence()
    assert convergence_verdict(found) == (
        "With all 100 draws shrinkage is the most accurate: mean R² 0.88 of at most 0.96. "
        "It needs 20 for what likelihood reaches with 100."
    )
    lost = replace(found, mean_r2=np.full((2, 3), np.nan))
    assert "No estimator" in convergence_verdict(lost)


def test_extrapolation_says_how_far_laws_reach() -> None:
    said = extrapolation_verdict(make_extrapolation())
    assert "shrinkage keeps half of the possible R² to k ≈ 400, 2.0 times the limit" in said
    assert "likelihood keeps half of the possible R² nowhere beyond the limit" in said


def test_the_loss_has_a_law_or_a_reason() -> None:
    assert "towards 0.198 nats" in aggregate_verdict(make_loss(), "nats")
    few = fit_aggregate(np.array([0.5, 0.4]), np.array([50, 100]))
    assert "draw more coalitions" in aggregate_verdict(few, "nats")
    k = np.round(np.geomspace(50, 1000, 60))
    open_floor = fit_aggregate(3 * k**-0.4 + np.random.default_rng(0).normal(0, 0.01, 60), k)
    assert "could as well be zero" in aggregate_verdict(open_floor, "nats")

"""A promise in words: what is expected, how many random points that is, and when it is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscale_core.curation import Choice, RandomWorth, promise_in_words, worth_in_words
from dscale_core.curation.words import two_digits


def made(n: int = 37, mean: float = 0.043, low: float = 0.031, high: float = 0.055, goal: str = "add") -> Choice:
    ends = (np.full(n, end) for end in (mean, low, high))
    worth = RandomWorth(1234.0, 812.0, 2096.0, np.array([1, 2000]), np.array([0.0, 0.05]))
    dropped = np.arange(n) % 2 == 0 if goal == "swap" else np.full(n, goal == "drop")
    return Choice(
        goal, np.arange(n), dropped, np.zeros(n), *ends, n, 100, "free", 0, "log_loss", (np.arange(50, 90),),
        np.arange(2000), 900, 10, {}, None if goal == "drop" else worth,
    )  # fmt: skip


def test_a_promise_says_what_random_points_gain_as_much() -> None:
    assert promise_in_words(made(), "nats") == (
        "These 37 points are expected to save 0.043 nats (90 %: 0.031 to 0.055), about as much as 1,200 random ones "
        "(90 %: 810 to 2,100)."
    )


def test_one_point_large_numbers_and_other_goals() -> None:
    assert promise_in_words(made(1, 764.3, 441, 1085), "squared target").startswith(
        "This point is expected to save 760 squared target (90 %: 440 to 1,100), about"
    )
    assert promise_in_words(made(goal="drop"), "nats") == (
        "These 37 points, left out, are expected to save 0.043 nats (90 %: 0.031 to 0.055)."
    )
    assert promise_in_words(made(5, goal="swap"), "nats").startswith("These 5 moves (2 in, 3 out) are expected to save")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (764.3, "760"), (99.96, "100"), (-12345.0, "-12,000"), (0.0432, "0.043"), (-2.6, "-2.6"), (5.34e-5, "0.000053"),
        (1.04e-6, "0.000001"), (-4e-9, "-4e-09"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers_have_two_digits_that_a_person_reads(number: float, said: str) -> None:
    assert two_digits(number) == said
    assert two_digits(number, "+") == (said if said.startswith("-") else f"+{said}")


def test_what_may_be_nothing_says_so() -> None:
    doubtful = promise_in_words(made(low=-0.01), "nats")
    assert doubtful.endswith("The interval reaches below zero: it may gain nothing.")
    nothing = promise_in_words(made(mean=-0.002, low=-0.01), "nats")
    assert nothing == (
        "This list promises nothing: on rows that did not choose, these 37 points are expected to gain -0.002 nats "
        "(90 %: -0.01 to 0.055). Keep the set as it is."
    )


@pytest.mark.parametrize(("goal", "said"), [("add", "No candidate's gain"), ("drop", "No row's"), ("swap", "No exchange")])
def test_an_empty_list_says_to_keep_the_set(goal: str, said: str) -> None:
    sentence = promise_in_words(made(0, goal=goal), "nats")
    assert sentence.startswith(said)
    assert sentence.endswith("is worth its risk for this set: keep it as it is.")


@pytest.mark.parametrize(
    ("number", "low", "high", "said"),
    [
        (np.inf, 180.0, np.inf, "more than all 2,000 candidates together (90 %: from 180 to more than all 2,000)"),
        (np.inf, np.inf, np.inf, "more than all 2,000 candidates together"),
        (400.0, 90.0, np.inf, "about as much as 400 random ones (90 %: from 90 to more than all 2,000)"),
        (1.0, 0.0, 3.0, "about as much as 1 random one (90 %: 0 to 3)"),
        (0.4, 0.0, 2.0, "about as much as less than 1 random ones (90 %: 0 to 2)"),
    ],
)
def test_random_worth_at_its_ends(number: float, low: float, high: float, said: str) -> None:
    worth = made().worth
    assert worth is not None
    assert worth_in_words(replace(worth, number=number, low=low, high=high), 2000) == said

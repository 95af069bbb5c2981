"""What a list promises, in words that a person can act on."""

from __future__ import annotations

import numpy as np

from dscale_core.curation.choice import Choice, RandomWorth

__all__ = ["promise_in_words", "worth_in_words"]

_NOBODY = {
    "add": "No candidate's gain is worth its risk for this set: keep it as it is.",
    "drop": "No row's leaving is worth its risk for this set: keep it as it is.",
    "swap": "No exchange is worth its risk for this set: keep it as it is.",
}


def promise_in_words(choice: Choice, unit: str) -> str:
    """One or two sentences: what the list is expected to gain, and how many random points gain as much."""
    if choice.points.size == 0:
        return _NOBODY[choice.goal]
    mean, low, high = (float(end[-1]) for end in (choice.promise, choice.promise_low, choice.promise_high))
    between = f"90 %: {_two_digits(low)} to {_two_digits(high)}"
    what = _what(choice)
    if mean <= 0:
        return (
            f"This list promises nothing: on rows that did not choose, {what} expected to gain {_two_digits(mean)} {unit} "
            f"({between}). Keep the set as it is."
        )
    said = f"{what[0].upper()}{what[1:]} expected to save {_two_digits(mean)} {unit} ({between})"
    if choice.worth is not None:
        said = f"{said}, {worth_in_words(choice.worth, choice.candidates.size)}"
    return f"{said}." if low > 0 else f"{said}. The interval reaches below zero: it may gain nothing."


def _what(choice: Choice) -> str:
    n, dropped = choice.points.size, int(choice.dropped.sum())
    if choice.goal == "swap":
        return f"these {n:,} moves ({n - dropped:,} in, {dropped:,} out) are"
    points = "this point" if n == 1 else f"these {n:,} points"
    return f"{points}{', left out,' if choice.goal == 'drop' else ''} {'is' if n == 1 else 'are'}"


def worth_in_words(worth: RandomWorth, n_candidates: int) -> str:
    """``about as much as 1,200 random ones (90 %: 800 to 2,100)``."""
    if np.isinf(worth.number):
        return f"more than all {n_candidates:,} candidates together{_interval(worth, n_candidates)}"
    number = f"{_counted(worth.number)} random {'one' if round(worth.number) == 1 else 'ones'}"
    return f"about as much as {number}{_interval(worth, n_candidates)}"


def _interval(worth: RandomWorth, n_candidates: int) -> str:
    if np.isinf(worth.low) and np.isinf(worth.high):
        return ""
    if np.isinf(worth.high):
        return f" (90 %: from {_counted(worth.low)} to more than all {n_candidates:,})"
    return f" (90 %: {_counted(worth.low)} to {_counted(worth.high)})"


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}" if abs(number) >= 100 else f"{number:.2g}"


def _counted(number: float) -> str:
    """Two digits: nobody knows more of it."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 1 else "less than 1" if rounded > 0 else "0"

"""What a list promises, in words that a person can act on."""

from __future__ import annotations

import numpy as np

from dscale_core.curation.choice import Choice, RandomWorth
from dscale_core.curation.estimating import ChoosingEstimate

__all__ = ["estimate_in_words", "promise_in_words", "two_digits", "worth_in_words"]

_LEAST = 1e-6
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
    between = f"90 %: {two_digits(low)} to {two_digits(high)}"
    what = _what(choice)
    if mean <= 0:
        return (
            f"This list promises nothing: on rows that did not choose, {what} expected to gain {two_digits(mean)} {unit} "
            f"({between}). Keep the set as it is."
        )
    said = f"{what[0].upper()}{what[1:]} expected to save {two_digits(mean)} {unit} ({between})"
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


def two_digits(number: float, sign: str = "") -> str:
    """A measured number as a person reads it: ``0.043``, ``1,100``; sign ``"+"`` says that it helps."""
    rounded = float(f"{number:.2g}")
    if abs(rounded) >= 100:
        return f"{rounded:{sign},.0f}"
    if _LEAST <= abs(rounded) < 1e-4:  # which would be printed as powers of ten
        return f"{rounded:{sign}.7f}".rstrip("0")
    return f"{rounded:{sign}.2g}"


def _counted(number: float) -> str:
    """Two digits: nobody knows more of it."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 1 else "less than 1" if rounded > 0 else "0"


def estimate_in_words(found: ChoosingEstimate, exact: bool) -> str:
    """How long a list will take at most, and of what."""
    counted = [
        f"{count:,} {what}" for count, what in ((found.candidates, "candidates"), (found.members, "members")) if count
    ]
    fits = "" if exact else f", {found.fits:,} fits"
    workers = "1 process" if found.n_jobs == 1 else f"{found.n_jobs} processes"
    return f"About {_time(found.seconds)} at most on {workers}: {' and '.join(counted)} to look at{fits}."


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

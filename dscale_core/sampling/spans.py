"""Ranges of coalition indices: what is done, what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dscale_core.errors import ArgumentError

__all__ = ["Span", "missing_ranges"]


@dataclass(frozen=True, order=True)
class Span:
    """Coalitions start, ..., stop - 1. Raises ArgumentError where that is empty or begins below zero."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            got = f"start={self.start}, stop={self.stop}"
            raise ArgumentError("span", "hold at least one coalition", got, "Ask for start < stop.")

    def __len__(self) -> int:
        return self.stop - self.start

    def cut(self, length: int) -> list[Span]:
        """Consecutive spans of ``length`` coalitions, the last one possibly shorter."""
        return [Span(at, min(at + length, self.stop)) for at in range(self.start, self.stop, length)]


def missing_ranges(done: Iterable[Span], total: int) -> list[Span]:
    """The spans of 0, ..., total - 1 that ``done`` (in any order, overlaps allowed) leaves open."""
    missing, at = [], 0
    for span in sorted(done):
        if span.start > at:
            missing.append(Span(at, min(span.start, total)))
        at = max(at, span.stop)
        if at >= total:
            return missing
    return [*missing, Span(at, total)] if at < total else missing

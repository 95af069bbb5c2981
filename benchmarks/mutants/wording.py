"""A fault in words: the widest piece of code about it that is short enough to read, before and after."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import takewhile

__all__ = ["changed_words"]

_WIDEST = 90  # characters
_AROUND = 25  # characters kept before and after a change in a longer piece
_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr, ast.Assert, ast.Delete)


def changed_words(
    child: ast.AST, new: ast.AST | None, changed: Callable[[], AbstractContextManager[None]], above: Sequence[ast.AST]
) -> tuple[str, str]:
    """The code about ``child``, and the same where ``new`` stands in its place.

    changed : plants the fault for a while; above : the ancestors of child, the nearest last
    """
    if isinstance(child, ast.stmt):
        return _cut(_words(child), _words(new) if new else "")
    shown = above[-1]
    for node in reversed(above[:-1]):
        if isinstance(shown, ast.stmt) or (isinstance(node, ast.stmt) and not isinstance(node, _SIMPLE)):
            break
        if isinstance(node, ast.arguments) or len(_words(node)) > _WIDEST:
            break
        shown = node
    before = _words(shown)
    with changed():
        return _cut(before, _words(shown))


def _words(node: ast.AST) -> str:
    """One line of code; of a statement that holds others its first line."""
    match node:
        case ast.If() | ast.While():
            return f"{type(node).__name__.lower()} {ast.unparse(node.test)}:"
        case ast.For():
            return f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}:"
        case ast.With():
            return f"with {', '.join(ast.unparse(item) for item in node.items)}:"
        case ast.match_case():
            return f"case {ast.unparse(node.pattern)} if {ast.unparse(node.guard) if node.guard else 'True'}:"
    return " ".join(ast.unparse(node).split("\n"))


def _cut(before: str, after: str) -> tuple[str, str]:
    """Long code reduced to what surrounds the change."""
    if len(before) <= _WIDEST:
        return before, after
    shorter = min(len(before), len(after))
    start = _shared(before, after)
    end = min(_shared(before[::-1], after[::-1]), shorter - start)

    def part(text: str) -> str:
        left, right = max(start - _AROUND, 0), len(text) - max(end - _AROUND, 0)
        return ("…" if left else "") + text[left:right] + ("…" if right < len(text) else "")

    return part(before), part(after)


def _shared(one: str, other: str) -> int:
    """Number of characters that two strings begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))

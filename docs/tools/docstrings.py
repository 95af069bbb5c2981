"""Docstrings as Markdown: they are written to be read in a terminal, the site shows them as they are meant.

An extension of griffe, which reads the code for mkdocstrings. Headings underlined with dashes, lists of ``name : meaning``,
tables in plain text and examples at the ``>>>`` prompt become what Markdown calls so; all else is Markdown already, indented
formulas included. The comment beside a field of a record, or above it, is taken as its docstring.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["PlainDocstrings", "to_markdown"]

_ITEM = re.compile(r"([\w*][\w*, ]*?) : (\S.*)")
_TABLE = re.compile(r"=+( =+)+")


class PlainDocstrings(griffe.Extension):
    """Rewrites each docstring as it is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for every module, class, function and attribute."""
        if obj.is_attribute and obj.docstring is None and obj.parent is not None and obj.parent.is_class:
            if comment := _comment(obj):
                obj.docstring = griffe.Docstring(comment, parent=obj)
        elif obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)


def _comment(field: griffe.Object) -> str:
    """What is said of a field behind it on its line, else in the lines of comment just above."""
    if field.lineno is None or field.endlineno is None or isinstance(field.filepath, list):
        return ""
    lines = field.lines_collection[field.filepath]
    behind = re.search(r"  # (?!type:|noqa)(.*)", re.sub(r"  # type: ignore\[[\w-]+\]", "", lines[field.endlineno - 1]))
    if behind:
        return behind[1]
    above: list[str] = []
    for line in reversed(lines[: field.lineno - 1]):
        if not line.strip().startswith("# "):
            break
        above.insert(0, line.strip().removeprefix("# "))
    return " ".join(above)


def to_markdown(text: str) -> str:
    """A docstring, its indentation already taken off, as Markdown."""
    lines, out = text.splitlines(), []
    i = 0
    while i < len(lines):
        line = lines[i]
        following = lines[i + 1] if i + 1 < len(lines) else ""
        if line and re.fullmatch(r"-{3,}", following):
            out += ["", f"**{line}**", ""]
            i += 2
        elif _TABLE.fullmatch(line) or line.startswith(">>>"):
            block, i = _block(lines, i)
            out += ["", "```pycon" if line.startswith(">>>") else "```text", *block, "```", ""]
        elif item := _ITEM.fullmatch(line):
            block = [item[2]]
            while i + 1 < len(lines) and lines[i + 1].startswith("    "):
                i += 1
                block.append(lines[i].strip())
            names = ", ".join(f"`{name}`" for name in item[1].split(", "))
            if out and out[-1] and not out[-1].startswith("- "):
                out.append("")
            out.append(f"- {names}: {' '.join(block)}")
            i += 1
        else:
            if out and out[-1].startswith("- ") and line and not line.startswith(("- ", " ")):
                out.append("")
            out.append(line)
            i += 1
    return "\n".join(out)


def _block(lines: list[str], start: int) -> tuple[list[str], int]:
    """The lines up to the next empty one."""
    end = start
    while end < len(lines) and lines[end].strip():
        end += 1
    return lines[start:end], end

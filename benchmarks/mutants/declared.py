"""Mutants that are declared equivalent, each with the reason why no test can tell them from the module as it is.

They stand in ``equivalent/*.toml``, one entry a change::

    [[mutant]]
    module = "dscale_core/intervals.py"
    function = "half_width"        # qualified name; "" at the module's own level
    before = "x > 0"               # as `python -m benchmarks.mutants --list` shows them
    after = ["x >= 0", "x > 1"]    # one or several
    occurrence = 2                 # where the same change is possible in several places of the function; 1 by default
    reason = "x is never ..."
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from benchmarks.mutants.source import Mutant

__all__ = ["Fingerprint", "as_entry", "read_declared"]

Fingerprint = tuple[str, str, str, str, int]
_FOLDER = Path(__file__).with_name("equivalent")


def read_declared(folder: Path = _FOLDER) -> dict[Fingerprint, str]:
    """Reason by fingerprint. Raises ValueError for an entry without a reason and for one that is declared twice."""
    declared: dict[Fingerprint, str] = {}
    for file in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("mutant", []):
            if not entry.get("reason", "").strip():
                raise ValueError(f"{file.name}: {entry} has no reason: say why no test can notice it.")
            after = entry["after"]
            for text in [after] if isinstance(after, str) else after:
                key = (entry["module"], entry["function"], entry["before"], text, entry.get("occurrence", 1))
                if key in declared:
                    raise ValueError(f"{file.name}: {key} is declared twice: keep one entry.")
                declared[key] = entry["reason"]
    return declared


def as_entry(mutant: Mutant) -> str:
    """An entry for a survivor, its reason left to be written."""
    fields = {"module": mutant.module, "function": mutant.function, "before": mutant.before, "after": mutant.after}
    lines = ["[[mutant]]", *(f"{name} = {_quoted(text)}" for name, text in fields.items())]
    if mutant.occurrence > 1:
        lines.append(f"occurrence = {mutant.occurrence}")
    return "\n".join([*lines, 'reason = ""'])


def _quoted(text: str) -> str:
    if "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def stale(declared: Iterable[Fingerprint], mutants: Iterable[Mutant], modules: Iterable[str]) -> list[Fingerprint]:
    """Entries about the given modules that name no mutant of today."""
    known, about = {mutant.fingerprint for mutant in mutants}, set(modules)
    return [entry for entry in declared if entry[0] in about and entry not in known]

"""Comments in the core that name the test which holds a constant name one that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CITED = re.compile(r"(test_\w+\.py)::(test_\w+)")
CITING = [path for path in sorted((ROOT / "dscale_core").rglob("*.py")) if CITED.search(path.read_text(encoding="utf-8"))]


def found_in(name: str) -> set[str]:
    """Names of the functions in the test files of this name, whatever folder they are in."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob(name)]
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_some_constants_name_their_test() -> None:
    assert len(CITING) >= 10


@pytest.mark.parametrize("path", CITING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_that_a_comment_names_exists(path: Path) -> None:
    for file, test in CITED.findall(path.read_text(encoding="utf-8")):
        assert test in found_in(file), f"{path.name} names {file}::{test}"

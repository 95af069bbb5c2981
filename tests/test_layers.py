"""The house keeps its floors: imports run one way, Streamlit stays out of the core, maths out of the pages."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "dscale_core"
SIBLINGS = {"datasets", "learners", "sampling", "laws", "values", "figures", "store"}
GROUND = dict.fromkeys(("arrays", "errors", "intervals", "statuses"), -2)
FLOOR = GROUND | {
    "fitted_laws": -1,
    "types": 0,
    **dict.fromkeys(SIBLINGS, 1),
    "curation": 2,
    "study": 3,
    "jobs": 4,
    "__main__": 5,
}
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_downwards_only_and_knows_no_streamlit(path: Path) -> None:
    own = part_of(path)
    for name in imported(path):
        assert name.split(".")[0] not in ("streamlit", "pages"), f"{path.name} imports {name}"
        parts = name.split(".")
        if parts[0] != "dscale_core" or len(parts) < 2 or parts[1] not in FLOOR or own == "__init__":
            continue
        if parts[1] == own:
            continue
        assert FLOOR[parts[1]] < FLOOR[own], f"{own} ({path.name}) imports {name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_hold_no_maths_and_touch_no_disk(path: Path) -> None:
    forbidden = {"numpy", "pandas", "sqlite3", "joblib", "scipy", "sklearn", "torch", "plotly"}
    assert not {name.split(".")[0] for name in imported(path)} & forbidden


def test_only_the_store_opens_the_catalogue() -> None:
    for path in CORE.rglob("*.py"):
        if part_of(path) != "store":
            assert "sqlite3" not in {name.split(".")[0] for name in imported(path)}, path


def test_importing_the_core_loads_nothing_heavy() -> None:
    code = (
        "import sys, dscale_core; print([m for m in ('numpy', 'pandas', 'sklearn', 'torch', 'numba') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "package", ["dscale_core", *(f"dscale_core.{name}" for name in sorted(SIBLINGS | {"curation", "jobs"}))]
)
def test_public_names_are_listed_and_exist(package: str) -> None:
    module = __import__(package, fromlist=["__all__"])
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_files_stay_readable() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("dscale_core", "pages", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 330
    }
    assert not long

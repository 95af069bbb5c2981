"""The house keeps its floors: imports run one way, rooms are entered by their faces, Streamlit stays out of the core."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "dscale_core"
SIBLINGS = ("datasets", "learners", "sampling", "laws", "values", "figures", "store")
GROUND = ("arrays", "correlation", "errors", "intervals", "statuses")
FLOOR = {
    **dict.fromkeys(GROUND, -2),
    "row_deviation": -1.5,
    **dict.fromkeys(("extras", "fitted_laws", "point_values", "registry"), -1),
    "types": 0,
    "identities": 0.5,
    **dict.fromkeys(SIBLINGS, 1),
    **dict.fromkeys(("curation", "validation"), 2),
    "study": 3,
    "jobs": 4,
    "commands": 4,
    "__main__": 5,
}
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
CODE = sorted([*CORE.rglob("*.py"), *(ROOT / "pages").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), ROOT / "app.py"])
PACKAGES = {".".join(path.parent.relative_to(ROOT).parts) for path in CODE if path.name == "__init__.py"}
# imports among the parts of a room, before it had rooms of its own: 79, 53 and 80
MOST_ARROWS = {"dscale_core.laws": 39, "dscale_core.learners": 26, "pages._ui": 40}
MOST_LINES, USUAL_LINES = 400, 150


def imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of every absolute import of our own code, wherever in the file; the name is empty for ``import x``."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found += [(node.module, alias.name) for alias in node.names]
    return found


def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports."""
    return {full for module, name in imports(path) for full in (module, f"{module}.{name}" if name else module)}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def package_of(path: Path) -> str:
    return ".".join(path.parent.relative_to(ROOT).parts)


def part_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=relative)
def test_the_core_imports_downwards_only_and_knows_no_streamlit(path: Path) -> None:
    own = part_of(path)
    assert own == "__init__" or own in FLOOR, f"{own} stands on no floor: give it one in FLOOR"
    for name in imported(path):
        assert name.split(".")[0] not in ("streamlit", "pages"), f"{path.name} imports {name}"
        parts = name.split(".")
        if parts[0] != "dscale_core" or len(parts) < 2 or parts[1] not in FLOOR or own == "__init__":
            continue
        if parts[1] == own:
            continue
        assert FLOOR[parts[1]] < FLOOR[own], f"{own} ({path.name}) imports {name}"


def door(importer: str, target: str) -> str | None:
    """The package by whose face a module in package ``importer`` must come to ``target``; None where it may go straight.

    Inside a package all its modules and sub-packages are at hand, nothing that is inside the latter.
    """
    inside, wanted = importer.split("."), target.split(".")
    shared = 0
    while shared < min(len(inside), len(wanted) - 1) and inside[shared] == wanted[shared]:
        shared += 1
    outermost = 2 if wanted[:2] == ["pages", "_ui"] else 1
    depth = max(shared, outermost) + 1
    return ".".join(wanted[:depth]) if len(wanted) > depth else None


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_rooms_are_entered_by_their_faces(path: Path) -> None:
    for module, name in imports(path):
        if module.split(".")[0] not in ("dscale_core", "pages"):
            continue
        face = door(package_of(path), module)
        assert face is None or module == face, f"{relative(path)} reaches into {face}: import {name} from its face"
        if path.name != "__init__.py" and module in PACKAGES and name:
            straight = door(package_of(path), f"{module}.{name}") is None and f"{module}.{name}" in MODULES
            handed_on = name in import_module(module).__dict__ or name in getattr(import_module(module), "__all__", ())
            assert straight or handed_on, f"{module} hands on no {name}"
            own_face = module == package_of(path) and not straight
            assert not own_face, f"{relative(path)} takes {name} from its own package's face: import the module"


MODULES = {module_of(path) for path in CODE}


def test_the_door_of_a_room() -> None:
    assert door("dscale_core.laws.shrinkage", "dscale_core.laws.problem") is None
    assert door("dscale_core.laws.shrinkage", "dscale_core.laws.shrinkage.prior") is None
    assert door("dscale_core.laws.shrinkage", "dscale_core.laws.problem.guide") == "dscale_core.laws.problem"
    assert door("dscale_core.study", "dscale_core.laws.problem") == "dscale_core.laws"
    assert door("pages", "dscale_core.laws.methods") == "dscale_core.laws"
    assert door("pages", "pages._ui.frame.page") == "pages._ui.frame"
    assert door("pages._ui.fit", "pages._ui.frame") is None


@pytest.mark.parametrize("room", sorted(MOST_ARROWS))
def test_rooms_explain_themselves(room: str) -> None:
    arrows = set()
    for path in CODE:
        own = module_of(path)
        for name in imported(path):
            if own.startswith(f"{room}.") and name.startswith(f"{room}."):
                ends = tuple(full[len(room) + 1 :].split(".")[0] for full in (own, name))
                if ends[0] != ends[1] and f"{room}.{ends[1]}" in MODULES | PACKAGES and path.name != "__init__.py":
                    arrows.add(ends)
    assert len(arrows) <= MOST_ARROWS[room]
    back = {(to, start) for start, to in arrows} & arrows
    assert not back, f"circles in {room}: {back}"


def test_no_two_files_of_one_name_on_one_floor() -> None:
    names = Counter(
        (FLOOR[part_of(path)], path.name)
        for path in CORE.rglob("*.py")
        if path.name != "__init__.py" and part_of(path) in FLOOR
    )
    names.update(("pages/_ui", path.name) for path in (ROOT / "pages/_ui").rglob("*.py") if path.name != "__init__.py")
    assert [name for name, count in names.items() if count > 1] == []


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


def test_every_module_loads_by_itself() -> None:
    """Lazy faces hide circles until the order is unlucky: with EAGER_IMPORT every face loads all that it hands on."""
    code = (
        "import pkgutil, importlib, dscale_core\n"
        "for module in pkgutil.walk_packages(dscale_core.__path__, 'dscale_core.'):\n"
        "    importlib.import_module(module.name)\n"
    )
    environment = {"EAGER_IMPORT": "1", "PATH": "", "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("package", sorted(name for name in PACKAGES if name.startswith("dscale_core")))
def test_public_names_are_listed_and_exist(package: str) -> None:
    module = import_module(package)
    assert module.__all__
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
        # else the name would mean the function or the module, whichever was asked for first
        home = getattr(getattr(module, name), "__module__", "")
        assert home != f"{package}.{name}", f"{package}.{name} is a module and what it hands on"


def test_files_stay_readable() -> None:
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in CODE}
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}
    assert median(n for name, n in lines.items() if not name.endswith("__init__.py")) <= USUAL_LINES

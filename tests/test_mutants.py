"""The mutation run itself: which faults it plants, that it finds the tests that see them, and what it lets pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutants import targets
from benchmarks.mutants.__main__ import ROOT, sample
from benchmarks.mutants.changes import constants
from benchmarks.mutants.declared import as_entry, read_declared, stale
from benchmarks.mutants.source import Mutant, read_module

SOURCE = '''"""Words and numbers like 1 + 1 of a docstring."""

from __future__ import annotations

import numpy as np

__all__ = ["half"]

WIDTH = 7
LIMIT: int = 3


class Kept:
    """One more, -1."""

    size: tuple[int, int] | None = None

    def half(self, x: float, most: float = 2.0) -> float:
        """x / 2."""
        if x < 0:
            raise ValueError(f"{x + 1} is {'below' + ' 0'}: give {1 + 1}")
        return min(x / 2, most)


def outer(values, near):
    def inner(y):
        return not y

    kept = [inner(v) for v in values[1:near]]
    kept[0] = True
    return np.sort(kept, axis=-1) if near else np.full(3, fill_value=-1.5, dtype=float)


def is_good(x) -> bool:
    return bool(x)
'''


def mutants_of(tmp_path: Path, source: str = SOURCE, untouched: frozenset[str] = frozenset({"WIDTH"})) -> list[Mutant]:
    (tmp_path / "made_up.py").write_text(source, encoding="utf-8")
    return list(read_module(tmp_path, "made_up.py", untouched).mutants)


def test_what_is_changed_and_what_is_not(tmp_path: Path) -> None:
    changes = {(m.function, m.before, m.after) for m in mutants_of(tmp_path)}
    half, outer = "Kept.half", "outer"
    expected = {
        ("", "LIMIT: int = 3", "LIMIT: int = 4"),
        ("", "LIMIT: int = 3", "LIMIT: int = 2"),
        (half, "self, x: float, most: float=2.0", "self, x: float, most: float=3.0"),
        (half, "self, x: float, most: float=2.0", "self, x: float, most: float=0.0"),
        (half, "if x < 0:", "if False:"),
        (half, "if x < 0:", "if x <= 0:"),
        (half, "if x < 0:", "if x >= 0:"),
        (half, "x < 0", "x < 1"),
        (half, "x < 0", "x < -1"),
        (half, "return min(x / 2, most)", "return max(x / 2, most)"),
        (half, "return min(x / 2, most)", "return x / 2"),
        (half, "return min(x / 2, most)", "return min(x * 2, most)"),
        (half, "return min(x / 2, most)", "return min(x / 3, most)"),
        (half, "return min(x / 2, most)", "return min(x / 1, most)"),
        ("outer.<locals>.inner", "return not y", "return y"),
        (outer, "kept = [inner(v) for v in values[1:near]]", "kept = [inner(v) for v in values[:near]]"),
        (outer, "kept = [inner(v) for v in values[1:near]]", "kept = [inner(v) for v in values[1:]]"),
        (outer, "kept = [inner(v) for v in values[1:near]]", "kept = [inner(v) for v in values[1:near - 1]]"),
        (outer, "kept = [inner(v) for v in values[1:near]]", "kept = [inner(v) for v in values[2:near]]"),
        (outer, "kept = [inner(v) for v in values[1:near]]", "kept = [inner(v) for v in values[0:near]]"),
        (outer, "kept[0] = True", "pass"),
        (outer, "kept[0] = True", "kept[1] = True"),
        (outer, "kept[0] = True", "kept[-1] = True"),
        (outer, "kept[0] = True", "kept[0] = False"),
        ("is_good", "return bool(x)", "return not bool(x)"),
    }
    assert expected <= changes
    # the last statement of `outer` is long: its changes are shown with what is near them
    shown = " ".join(after for function, _, after in changes - expected if function == outer)
    for piece in ("np.sort(kept)", "axis=0", "if not near", "np.full(4,", "np.full(2,", "fill_value=1.5", "-2.25", "-0.0"):
        assert piece in shown
    assert {function for function, _, _ in changes - expected} == {outer}
    assert len(changes - expected) == 9  # and the keyword dtype left out; fill_value has no default


def test_every_mutant_compiles_to_other_code_and_leaves_the_tree_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "made_up.py").write_text(SOURCE, encoding="utf-8")
    module = read_module(tmp_path, "made_up.py")
    clean = compile(module.tree, str(tmp_path / "made_up.py"), "exec")
    codes = [module.compiled(mutant, tmp_path) for mutant in module.mutants]
    assert len(codes) > 35
    assert all(code != clean for code in codes)
    assert compile(module.tree, str(tmp_path / "made_up.py"), "exec") == clean


def test_fingerprints_are_unique_and_survive_moved_lines(tmp_path: Path) -> None:
    source = "def f(x):\n    if x:\n        return x + 1\n    return x + 1\n"
    first = [mutant.fingerprint for mutant in mutants_of(tmp_path, source)]
    moved = [mutant.fingerprint for mutant in mutants_of(tmp_path, f"# a comment\n\n\nimport os\n\n{source}")]
    assert len(set(first)) == len(first)
    assert moved == first
    assert {fingerprint[-1] for fingerprint in first} == {1, 2}


def test_constants_change_by_their_size() -> None:
    assert constants(True) == [False]
    assert constants(1) == [2, 0]
    assert constants(100) == [150, 0]
    assert constants(0.5) == [0.75, 0.0]
    assert constants(1e-10) == [pytest.approx(1e-6), 0.0]
    assert constants(1e9) == [pytest.approx(1e5), 0.0]
    assert constants("text") == constants(None) == []


def test_a_sample_is_repeatable_and_has_some_of_every_module() -> None:
    all_mutants = [
        m for path in ("intervals.py", "curation/picking.py") for m in read_module(ROOT, f"dscale_core/{path}").mutants
    ]
    chosen = sample(all_mutants, 40, 0)
    assert chosen == sample(list(all_mutants), 40, 0)
    assert chosen != sample(all_mutants, 40, 1)
    assert abs(len(chosen) - 40) <= 1
    assert len(sample(all_mutants, 1, 0)) == 16
    assert sample(all_mutants, 10**6, 0) == all_mutants


def test_declarations_need_a_reason_and_name_a_mutant(tmp_path: Path) -> None:
    mutants = mutants_of(tmp_path)
    entry = as_entry(mutants[0])
    (tmp_path / "some.toml").write_text(entry, encoding="utf-8")
    with pytest.raises(ValueError, match="has no reason"):
        read_declared(tmp_path)
    (tmp_path / "some.toml").write_text(entry.replace('reason = ""', 'reason = "so"'), encoding="utf-8")
    declared = read_declared(tmp_path)
    assert declared == {mutants[0].fingerprint: "so"}
    assert stale(declared, mutants, ["made_up.py"]) == []
    assert stale(declared, mutants[1:], ["made_up.py"]) == [mutants[0].fingerprint]
    assert stale(declared, mutants[1:], ["other.py"]) == []
    (tmp_path / "more.toml").write_text(entry.replace('reason = ""', 'reason = "again"'), encoding="utf-8")
    with pytest.raises(ValueError, match="declared twice"):
        read_declared(tmp_path)


def test_what_is_declared_is_there() -> None:
    declared, paths = read_declared(), targets.modules(ROOT)
    mutants = [
        mutant
        for path in {fingerprint[0] for fingerprint in declared}
        for mutant in read_module(ROOT, path, frozenset(targets.UNTOUCHED.get(path, ()))).mutants
    ]
    assert stale(declared, mutants, paths) == []
    assert {fingerprint[0] for fingerprint in declared} <= set(paths)
    for path, names in targets.UNTOUCHED.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        assert all(f"\n{name} = " in text or f"\n{name}: " in text for name in names)


def test_every_module_has_tests() -> None:
    assert all((ROOT / target).exists() for target in targets.TESTS)
    for path in targets.modules(ROOT):
        files = targets.tests_of(ROOT, path)
        assert files
        assert all((ROOT / file).is_file() for file in files)


PLANTED = """
def middle(a, b):
    return (a + b) / 2


def down(n):
    while n > 0:
        n -= 1
    return n


def sign(x):
    return 1 if x > 0 else -1


def unseen(x):
    return not x
"""
PLANTED_TESTS = """
from planted import down, middle, sign


def test_middle():
    assert middle(1, 3) == 2


def test_down():
    assert down(3) == 0


def test_sign():
    assert (sign(2), sign(-2)) == (1, -1)
"""
DRIVER = """
import json, sys
from pathlib import Path
from benchmarks.mutants import trial
from benchmarks.mutants.source import read_module
from benchmarks.mutants.trials import rehearse, try_mutants

trial._LEAST_SECONDS = 0.3
root = Path(sys.argv[1])
module = read_module(root, "planted.py")
seen = rehearse(root, ["test_planted.py"], ["planted.py"], (), 2)
work = [(module, mutant) for mutant in module.mutants]
outcomes = try_mutants(root, work, lambda path: ["test_planted.py"], seen, (), 2, lambda done, outcome: None)
print(json.dumps([[o.mutant.function, o.mutant.after, o.killed, o.by] for o in outcomes]))
"""


def test_faults_are_found_by_the_tests_that_run_them_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(PLANTED, encoding="utf-8")
    (tmp_path / "test_planted.py").write_text(PLANTED_TESTS, encoding="utf-8")
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-c", DRIVER, str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    outcomes = {(function, after): (killed, by) for function, after, killed, by in json.loads(ran.stdout)}
    assert outcomes["middle", "return (a - b) / 2"] == (True, "test_planted.py::test_middle")
    assert outcomes["sign", "return 1 if x > 0 else 1"] == (True, "test_planted.py::test_sign")
    assert outcomes["down", "n += 1"] == (True, "out of time, or the process ended")
    alive = {key for key, (killed, _) in outcomes.items() if not killed}
    seen = {
        ("sign", "return 1 if x >= 0 else -1"),
        ("sign", "return 1 if x > 1 else -1"),
        ("sign", "return 1 if x > -1 else -1"),
    }
    assert {key for key in alive if key[0] != "unseen"} == seen
    assert {by for (function, _), (_, by) in outcomes.items() if function == "unseen"} == {"no test runs it"}
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"planted.py", "test_planted.py"}

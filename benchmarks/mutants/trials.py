"""All trials: the tests once without a fault, to see which functions each runs, then once with every fault."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.mutants.children import Task, run_tasks
from benchmarks.mutants.source import Module, Mutant
from benchmarks.mutants.trial import plant, run_clean, run_faulty

__all__ = ["Outcome", "Rehearsal", "prepare", "rehearse", "try_mutants"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
# imported once, before any child starts; torch takes seconds, and only some tests want it
_LIBRARIES = (
    "numpy",
    "scipy.special",
    "scipy.optimize",
    "scipy.stats",
    "scipy.linalg",
    "pandas",
    "pyarrow.parquet",
    "numba",
)
_MORE = (
    "sklearn.linear_model",
    "sklearn.metrics",
    "joblib",
    "threadpoolctl",
    "psutil",
    "lazy_loader",
    "hypothesis.extra.numpy",
)
_WAIT = 120.0  # seconds that a child may sleep or wait beyond ten times what its tests take
_PASSED, _NOTHING_TO_RUN = 0, 5  # pytest's exit codes


@dataclass(frozen=True)
class Rehearsal:
    """What the tests do without a fault: by file, by test, processor seconds and the functions run."""

    seconds: Mapping[str, Mapping[str, float]]
    touched: Mapping[str, Mapping[str, frozenset[tuple[str, str]]]]

    def chosen(self, mutant: Mutant, files: Collection[str]) -> dict[str, dict[str, float]]:
        """By file, the tests that run the mutant's function, and their seconds; all where that cannot be said."""
        wanted = (mutant.module, mutant.function)
        chosen = {
            file: {
                test: s for test, s in self.seconds[file].items() if mutant.at_import or wanted in self.touched[file][test]
            }
            for file in files
        }
        return {file: tests for file, tests in chosen.items() if tests}


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant."""

    mutant: Mutant
    killed: bool
    by: str  # the test that failed, or what else happened


def prepare(with_torch: bool) -> None:
    """One thread a process, the libraries imported, Hypothesis made repeatable and quick to give up."""
    os.environ |= dict.fromkeys(_THREADS, "1") | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in (*_LIBRARIES, *(["torch"] if with_torch else [])):
            import_module(name)
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")


def rehearse(root: Path, files: Sequence[str], sources: Collection[str], too_slow: Collection[str], jobs: int) -> Rehearsal:
    """Run test files without a fault. Raises RuntimeError with their output where a test fails."""
    watched = [str(root / source) for source in sources]

    def task(file: str) -> Task:
        return Task(lambda: _in_folder(root, lambda folder: run_clean(file, folder, watched, too_slow)), 3600.0)

    seconds: dict[str, dict[str, float]] = {}
    touched: dict[str, dict[str, frozenset[tuple[str, str]]]] = {}
    for ended in run_tasks([task(file) for file in files], jobs):
        file, answer = files[ended.number], ended.answer
        if answer is None or answer["exit"] not in (_PASSED, _NOTHING_TO_RUN):
            raise RuntimeError(f"{file} fails without any fault:\n{ended.output}")
        seconds[file] = {name: test["seconds"] for name, test in answer["tests"].items()}
        touched[file] = {
            name: frozenset((str(Path(path).relative_to(root)), function) for path, function in test["touched"])
            for name, test in answer["tests"].items()
        }
    return Rehearsal(seconds, touched)


def try_mutants(
    root: Path,
    work: Sequence[tuple[Module, Mutant]],
    files_of: Callable[[str], Collection[str]],
    rehearsal: Rehearsal,
    too_slow: Collection[str],
    jobs: int,
    tell: Callable[[int, Outcome], None],
) -> list[Outcome]:
    """Try every mutant; outcomes in the order of the work. tell : called after each, with how many are done."""
    outcomes: dict[int, Outcome] = {}
    tasks: list[Task] = []
    places: list[int] = []

    def task(module: Module, mutant: Mutant, chosen: Mapping[str, Mapping[str, float]]) -> Task:
        seconds = {test: s for tests in chosen.values() for test, s in tests.items()}
        left_out = [*too_slow, *(test for file in chosen for test in rehearsal.seconds[file] if test not in seconds)]

        def run(folder: str) -> dict[str, Any]:
            plant(module.path.removesuffix(".py").replace("/", "."), module.compiled(mutant, root))
            return run_faulty(list(chosen), folder, seconds, left_out)

        return Task(lambda: _in_folder(root, run), _WAIT + 10 * sum(seconds.values()))

    for number, (module, mutant) in enumerate(work):
        chosen = rehearsal.chosen(mutant, files_of(module.path))
        if chosen:
            tasks.append(task(module, mutant, chosen))
            places.append(number)
        else:
            outcomes[number] = Outcome(mutant, False, "no test runs it")
            tell(len(outcomes), outcomes[number])
    for ended in run_tasks(tasks, jobs):
        number = places[ended.number]
        outcomes[number] = Outcome(work[number][1], *_verdict(ended.answer))
        tell(len(outcomes), outcomes[number])
    return [outcomes[number] for number in range(len(work))]


def _verdict(answer: dict[str, Any] | None) -> tuple[bool, str]:
    if answer is None:
        return True, "out of time, or the process ended"
    if answer["exit"] == _PASSED:
        return False, ""
    return True, answer["failed"] or ("no test left" if answer["exit"] == _NOTHING_TO_RUN else "it cannot be imported")


def _in_folder(root: Path, run: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Run at the root of the repository, with a folder for pytest's temporary files."""
    os.chdir(root)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        return run(str(Path(folder) / "tests"))

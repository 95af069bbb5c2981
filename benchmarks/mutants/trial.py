"""In a child process: a module is imported with a fault in it, and tests run until one fails."""

from __future__ import annotations

import resource
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import CodeType, FrameType, ModuleType
from typing import Any

import pytest

__all__ = ["CleanTest", "plant", "run_clean", "run_faulty"]

_TIMES_LONGER = 5.0  # a test that takes so many times the processor time it takes without a fault has noticed something
_LEAST_SECONDS = 5.0  # imports and compiled kernels fall to whichever test comes first
_MEMORY = 8 << 30  # bytes: a fault in a size ends in a MemoryError and not in a machine that swaps
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:faulthandler")


@dataclass
class CleanTest:
    """What a test does without a fault."""

    seconds: float = 0.0  # processor time
    touched: list[list[str]] = field(default_factory=list)  # [file, qualified name] of the functions that it runs


class _Importer(MetaPathFinder, Loader):
    """Gives one module other code than its file holds."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name, self._code = name, code

    def find_spec(self, fullname: str, _path: object, _target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return spec_from_file_location(fullname, self._code.co_filename, loader=self)

    def create_module(self, _spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def plant(name: str, code: CodeType) -> None:
    """From now on, importing the module ``name`` runs ``code``."""
    assert name not in sys.modules, f"{name} is imported already: the fault would not be seen"
    sys.meta_path.insert(0, _Importer(name, code))


def run_clean(file: str, folder: str, watched: Collection[str], too_slow: Collection[str]) -> dict[str, Any]:
    """Run a test file without a fault and say what each test does. watched : source files whose functions count."""
    recorder = _Recorder(frozenset(watched), frozenset(too_slow))
    code = pytest.main([*_OPTIONS, f"--basetemp={folder}", file], plugins=[recorder])
    return {"exit": int(code), "tests": {name: asdict(test) for name, test in recorder.tests.items()}}


def run_faulty(
    files: Collection[str], folder: str, seconds: Mapping[str, float], left_out: Collection[str]
) -> dict[str, Any]:
    """Run tests until one fails, the quick ones first.

    seconds : processor time of each test that is to run, without the fault; left_out : tests, or all cases of one
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    chooser = _Chooser(seconds, frozenset(left_out))
    code = pytest.main([*_OPTIONS, f"--basetemp={folder}", *files], plugins=[chooser])
    return {"exit": int(code), "failed": chooser.failed}


class _Recorder:
    def __init__(self, watched: frozenset[str], too_slow: frozenset[str]) -> None:
        self.tests: dict[str, CleanTest] = {}
        self._watched, self._too_slow = watched, too_slow
        self._touched: set[tuple[str, str]] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not _is_among(item, self._too_slow)]

    def _trace(self, frame: FrameType, _event: str, _argument: object) -> None:
        code = frame.f_code
        if code.co_filename in self._watched:
            self._touched.add((code.co_filename, code.co_qualname))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._touched, began = set(), time.process_time()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        result = yield
        sys.settrace(None)
        threading.settrace(None)
        touched = sorted(list(pair) for pair in self._touched)
        self.tests[item.nodeid] = CleanTest(time.process_time() - began, touched)
        return result


class _Chooser:
    def __init__(self, seconds: Mapping[str, float], left_out: frozenset[str]) -> None:
        self.failed: str | None = None
        self._seconds, self._left_out = seconds, left_out

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # a test that was not there without the fault (its cases come from the module) is run as well
        items[:] = [item for item in items if not _is_among(item, self._left_out)]
        items.sort(key=lambda item: self._seconds.get(item.nodeid, 0.0))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        # the signal ends the process, compiled loops included; processor time does not depend on what else is running
        limit = _LEAST_SECONDS + _TIMES_LONGER * self._seconds.get(item.nodeid, 0.0)
        signal.setitimer(signal.ITIMER_PROF, limit)
        result = yield
        signal.setitimer(signal.ITIMER_PROF, 0)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


def _is_among(item: pytest.Item, names: frozenset[str]) -> bool:
    return item.nodeid in names or item.nodeid.split("[")[0] in names

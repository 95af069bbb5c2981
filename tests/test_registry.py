"""The registry itself: names in order, homes that are checked, entries written down and taken up again."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dscale_core.errors import ArgumentError, NotFoundError
from dscale_core.registry import Entry, Registry, accepts, home_of, load_home, vet


@dataclass(frozen=True)
class Info:
    name: str
    tags: tuple[str, ...] = ()


def make_registry(*entries: Entry[Info]) -> Registry[Info]:
    return Registry(
        "tool",
        entries or (Entry("json:dumps", Info("writer", ("a", "b"))), Entry("json:loads", Info("reader"))),
        lambda plain: Info(plain["name"], tuple(plain["tags"])),
        lambda loaded, info: "" if accepts(loaded, info) else "take one argument",
    )


def own_tool(info: Info) -> Info:
    return info


def two_arguments(one: Any, other: Any) -> tuple[Any, Any]:
    return one, other


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_names_come_in_order_and_load_on_use() -> None:
    registry = make_registry()
    assert registry.names() == ["writer", "reader"]
    assert registry.entry("writer").info.tags == ("a", "b")
    assert registry.load(registry.entry("reader"))("[1]") == [1]


def test_an_unknown_name_says_what_may_have_been_meant() -> None:
    registry = make_registry()
    with pytest.raises(NotFoundError, match=r"There is no tool 'writr'\. Did you mean 'writer'\?"):
        registry.entry("writr")
    with pytest.raises(NotFoundError, match=r"There is no tool 'xyz'\. Choose one of: writer, reader\."):
        registry.entry("xyz")


def test_what_is_added_is_found_written_down_and_taken_up() -> None:
    one, other = make_registry(), make_registry()
    one.add(own_tool, Info("mine", ("x",)))
    assert one.names() == ["writer", "reader", "mine"]
    assert one.written("writer") is None
    written = one.written("mine")
    assert written == {"home": f"{__name__}:own_tool", "info": {"name": "mine", "tags": ("x",)}}
    entry = other.adopt(written | {"info": {"name": "mine", "tags": ["x"]}})  # as it comes back from JSON
    assert (entry.home, entry.info, other.load(entry)) == (written["home"], Info("mine", ("x",)), own_tool)
    assert other.names()[-1] == "mine"
    assert other.written("mine") == written


def test_a_taken_name_is_refused_and_the_same_home_again_is_not() -> None:
    registry = make_registry()
    registry.add(own_tool, Info("mine"))
    registry.add(own_tool, Info("mine", ("changed",)))
    assert registry.entry("mine").info.tags == ("changed",)
    for taken, home in (("mine", two_arguments), ("writer", "json:dumps")):
        with pytest.raises(ArgumentError, match=rf"name must be new; got '{taken}'"):
            registry.add(home, Info(taken))


@pytest.mark.parametrize("name", ["", "1st", "a b", "../x", "a/b", "é", "x" * 81])
def test_names_are_words(name: str) -> None:
    with pytest.raises(ArgumentError, match="name must be letters, digits"):
        make_registry().add(own_tool, Info(name))


def test_homes_stand_at_the_top_level_of_a_module() -> None:
    assert home_of(own_tool) == f"{__name__}:own_tool"
    assert home_of("a.b_c:D") == "a.b_c:D"
    bad = (
        "a",
        "a:",
        ":b",
        "a:b:c",
        "a:b.c",
        "a b:c",
        ".a:b",
        "a..b:c",
        "a:b()",
        3,
        partial(own_tool, 1),
        lambda: None,
        Registry.add,
    )
    for home in bad:
        with pytest.raises(ArgumentError, match="home must be"):
            home_of(home)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("home", "error", "message"),
    [
        ("no_such_module:x", NotFoundError, r"The module 'no_such_module' of the tool 'x' is not here.*PYTHONPATH"),
        ("json.no_such:x", NotFoundError, "The module 'json.no_such' of the tool 'x' is not here"),
        ("json:nothing", NotFoundError, "The module json has no 'nothing' for the tool 'x'"),
        ("json:__name__", ArgumentError, "json:__name__ must be a class or function"),
        (
            "faulty:x",
            ArgumentError,
            r"the module 'faulty' of the tool 'x' must be one that can be imported; got ZeroDivision",
        ),
        ("lacking:x", ArgumentError, "the module 'lacking' .* got ModuleNotFoundError: No module named 'not_installed'"),
    ],
)
def test_homes_that_cannot_be_loaded(home: str, error: type[Exception], message: str, folder: Path) -> None:
    (folder / "faulty.py").write_text("1 / 0\n", encoding="utf-8")
    (folder / "lacking.py").write_text("import not_installed\n", encoding="utf-8")
    with pytest.raises(error, match=message):
        load_home(home, "the tool 'x'")


def test_what_is_loaded_must_be_what_the_registry_holds() -> None:
    registry = make_registry()
    registry.add(two_arguments, Info("mine"))
    with pytest.raises(ArgumentError, match=rf"{__name__}:two_arguments must take one argument; got <function"):
        registry.load(registry.entry("mine"))
    entry = registry.written("mine")
    assert entry is not None
    with pytest.raises(ArgumentError, match="take one argument"):
        make_registry().adopt(entry)


def test_a_home_is_vetted_by_its_source_alone(folder: Path) -> None:
    package = folder / "parcel"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit\n", encoding="utf-8")
    (package / "good.py").write_text("def f(task): import dscale_core.types\n", encoding="utf-8")
    (package / "bad.py").write_text("def f(other): import dscale_coreful\n", encoding="utf-8")
    (package / "torn.py").write_text("def f(:\n", encoding="utf-8")
    vet("parcel.good:f", "it")
    vet("parcel.good:f", "it", first="task")
    for home, first, message in (
        ("parcel.good:g", None, "it must be defined in parcel.good"),
        ("parcel.bad:f", None, "it must live in a module that imports dscale_core"),
        ("parcel.bad:f", "task", "whose first argument is called task"),
        ("parcel.torn:f", None, "be one that can be imported; got SyntaxError"),
        ("collections:OrderedDict", None, "it must live in a module of its maker's"),
        ("parcel.__main__:f", None, "other processes can import"),
        ("math:sqrt", None, "of its maker's"),
    ):
        with pytest.raises(ArgumentError, match=message):
            vet(home, "it", first)
    for home in ("parcel.nothing:f", "parcel.good.deeper:f", "absent:f"):
        with pytest.raises(NotFoundError, match="is not here"):
            vet(home, "it")
    assert "parcel" not in sys.modules
    assert OrderedDict.__module__ == "collections"


def test_a_module_that_was_just_written_is_found(folder: Path) -> None:
    with pytest.raises(NotFoundError):
        vet("just_written:f", "it")
    listed = folder.stat()
    (folder / "just_written.py").write_text("import dscale_core\ndef f(): ...\n", encoding="utf-8")
    # within the clock's resolution: the folder looks as old as Python's listing of it
    os.utime(folder, ns=(listed.st_atime_ns, listed.st_mtime_ns))
    vet("just_written:f", "it")


def test_compiled_modules_are_not_vetted() -> None:
    import numpy as np

    module = np._core._multiarray_umath.__name__  # type: ignore[attr-defined]
    with pytest.raises(ArgumentError, match="live in a Python source file"):
        vet(f"{module}:array", "it")


def test_what_a_module_merely_hands_on_is_not_adopted(folder: Path) -> None:
    """The source is read for a definition, and what is loaded must be that one."""
    text = "import dscale_core\ndef tool(info): ...\nfrom json import dumps as tool\n"
    (folder / "swapped.py").write_text(text, encoding="utf-8")
    with pytest.raises(ArgumentError, match="swapped:tool must be defined in swapped"):
        make_registry().adopt({"home": "swapped:tool", "info": {"name": "mine", "tags": []}})


def test_a_registry_line_that_runs_at_the_import_stands(folder: Path) -> None:
    registry = make_registry()
    sys.modules[__name__].registry = registry  # type: ignore[attr-defined]
    (folder / "with_line.py").write_text(
        "import dscale_core\n"
        f"from {__name__} import Info, registry\n"
        "def tool(info): return info\n"
        "registry.add(tool, Info('mine', ('by its line',)))\n",
        encoding="utf-8",
    )
    entry = registry.adopt({"home": "with_line:tool", "info": {"name": "mine", "tags": ["as kept"]}})
    assert entry.info.tags == ("by its line",)
    assert not entry.adopted


def test_signatures() -> None:
    assert accepts(own_tool, 1)
    assert not accepts(own_tool)
    assert not accepts(own_tool, 1, 2)
    assert accepts(two_arguments, 1, other=2)
    assert not accepts(two_arguments, 1, more=2)
    assert not accepts(3)

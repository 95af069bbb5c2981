"""Registries: what can be had by name and where it lives, without loading any of it; and how others add to it.

An entry is a name, a home ``"module:name"`` and an info record that a person reads. Homes come from code alone: from the
lines of our own registries, and from whoever calls `Registry.add`. Two ways lead such an addition into other processes:

- ``DSCALE_EXTENSIONS=module_a,module_b``: modules that are imported once, when a registry is first asked; their registry
  lines run then.
- `Registry.written`: the entry as plain values, which a study or a job keeps, and which `Registry.adopt` takes up elsewhere.

What was kept may have been changed by hand meanwhile, so `adopt` trusts it less than code. Before anything is imported,
`vet` reads the module's source: it is no part of Python's library, it defines what it is said to hold, and it is made for
dscale. What is loaded from there must then be what the registry holds, or it is not used.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from importlib.machinery import ModuleSpec
from importlib.util import decode_source
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from dscale_core.errors import ArgumentError, DscaleError, NotFoundError

__all__ = ["Entry", "Registry", "accepts", "home_of", "load_home", "vet"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,79}")
_HOME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_SHOWN = 3  # folders of sys.path that a message names


class Named(Protocol):
    """An info record: a frozen dataclass, called as its entry is."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str: ...


Info = TypeVar("Info", bound=Named)


@dataclass(frozen=True)
class Entry(Generic[Info]):
    """A line of a registry."""

    home: str  # "module:name"
    info: Info
    foreign: bool = False  # added from outside: other processes have to be told
    adopted: bool = field(default=False, compare=False)  # read from what a study or job keeps, not registered by code


class Registry(Generic[Info]):
    """Entries by name, in the order in which they were added.

    Parameters
    ----------
    kind : what an entry is, in words
    entries : our own lines
    read : makes an info record of the plain values that `written` makes of one
    fault : what is wrong with what was loaded for an entry, continuing "must"; empty where nothing is
    vetted : homes that an entry names, each with the name that the first argument of a function there must have, or None
        where the module must import dscale_core
    """

    def __init__(
        self,
        kind: str,
        entries: Iterable[Entry[Info]],
        read: Callable[[Mapping[str, Any]], Info],
        fault: Callable[[Any, Info], str],
        vetted: Callable[[Entry[Info]], Mapping[str, str | None]] = lambda entry: {entry.home: None},
    ) -> None:
        self.kind = kind
        self._entries = {entry.info.name: entry for entry in entries}
        self._read, self._fault, self._vetted = read, fault, vetted

    def names(self) -> list[str]:
        """All names, in order."""
        _import_extensions()
        return list(self._entries)

    def entry(self, name: str) -> Entry[Info]:
        """The entry of that name. Raises NotFoundError, with what may have been meant."""
        _import_extensions()
        if name in self._entries:
            return self._entries[name]
        raise NotFoundError(f"There is no {self.kind} {name!r}. {self.hint(name)}")

    def hint(self, name: object) -> str:
        """What to use instead of a name that is not here, as a sentence."""
        close = get_close_matches(str(name).lower(), self._entries, n=1)
        return f"Did you mean {close[0]!r}?" if close else f"Choose one of: {', '.join(self._entries)}."

    def load(self, entry: Entry[Info]) -> Any:
        """What an entry stands for, imported on first use.

        Raises NotFoundError where its home is not there, ArgumentError where something else lives in it.
        """
        loaded = load_home(entry.home, f"the {self.kind} {entry.info.name!r}")
        required = self._fault(loaded, entry.info)
        if required:
            remedy = f"Correct it, or register the {self.kind} {entry.info.name!r} from where it lives."
            raise ArgumentError(entry.home, required, repr(loaded), remedy)
        return loaded

    def add(self, home: str | Callable[..., Any], info: Info) -> None:
        """Add an entry from outside; the same home again, as when a notebook's cell is run twice, replaces its entry.

        home : ``"module:name"``, or the class or function itself. Raises ArgumentError where the name is taken or no name.
        """
        if _NAME.fullmatch(info.name) is None:
            remedy = "Choose a name such as my_knn."
            raise ArgumentError("name", "be letters, digits, _ . or -, a letter first", repr(info.name), remedy)
        known, where = self._entries.get(info.name), home_of(home)
        if known is not None and not (known.adopted or (known.foreign and known.home == where)):
            raise ArgumentError("name", "be new", repr(info.name), "Choose another name.")
        self._entries[info.name] = Entry(where, info, foreign=True)

    def written(self, name: str) -> dict[str, Any] | None:
        """An entry from outside as plain values; None where it is dscale's own, which every process knows."""
        entry = self.entry(name)
        return {"home": entry.home, "info": asdict(entry.info)} if entry.foreign else None

    def check(self, written: Mapping[str, Any]) -> None:
        """Refuse what no other process could adopt, or what this one should not; nothing is imported. Raises as `vet`."""
        entry = self._entry_of(written)
        for home, first in self._vetted(entry).items():
            vet(home, f"the {self.kind} {entry.info.name!r}", first)

    def adopt(self, written: Mapping[str, Any]) -> Entry[Info]:
        """Take up an entry that another process wrote down; returns it as it is known here.

        Code comes first: a name that this process knows from code keeps its meaning. Raises NotFoundError where the module
        is not here, ArgumentError where the name means something else here or the home is not what it should be.
        """
        entry = self._entry_of(written)
        name = entry.info.name
        _import_extensions()
        if (known := self._known(entry)) is not None:
            return known
        self.check(written)
        loaded = self.load(entry)
        module = entry.home.partition(":")[0]
        if getattr(loaded, "__module__", None) != module:
            raise ArgumentError(entry.home, f"be defined in {module}", repr(loaded), "Register it from where it is defined.")
        # the import may have run a registry line
        known = self._known(entry)
        if known is None:
            known = self._entries[name] = entry
        return known

    def _known(self, entry: Entry[Info]) -> Entry[Info] | None:
        known = self._entries.get(entry.info.name)
        if known is None or known.home == entry.home:
            return known
        if known.adopted:
            return None  # of another study: the latest is meant
        got = f"{known.home} in this process"
        remedy = "Register it under a name of its own, or open the study in a process that knows it by this home."
        raise ArgumentError(f"the {self.kind} {entry.info.name!r}", f"be {entry.home}", got, remedy)

    def _entry_of(self, written: Mapping[str, Any]) -> Entry[Info]:
        try:
            home, info = written["home"], self._read(written["info"])
            if not (isinstance(home, str) and _NAME.fullmatch(info.name)):
                raise TypeError("its home or name is not one")
        except (KeyError, TypeError, AttributeError) as error:
            raise ArgumentError(
                f"what is kept of a {self.kind}", "hold home and info", written, "Register it again."
            ) from error
        return Entry(home, info, foreign=True, adopted=True)


def home_of(thing: str | Callable[..., Any]) -> str:
    """``"module:name"`` of a class or function at the top level of a module; a text is checked and comes back as it is."""
    # an instance, such as a partial, has no place of its own
    named = f"{getattr(thing, '__module__', '')}:{getattr(thing, '__qualname__', thing)}"
    home = thing if isinstance(thing, str) else named
    _parts(home)
    return home


def load_home(home: str, what: str) -> Any:
    """The class or function at ``"module:name"``, for ``what``, such as "the learner 'mine'".

    Raises NotFoundError where there is none, ArgumentError where its module cannot be imported or it cannot be called.
    """
    module, name = _parts(home)
    try:
        holder = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise _not_importable(module, what, error) from error
        raise _nowhere(module, what) from error
    except DscaleError:
        raise
    except Exception as error:
        raise _not_importable(module, what, error) from error
    found = getattr(holder, name, None)
    if found is None:
        raise NotFoundError(f"The module {module} has no {name!r} for {what}. Correct the registry line or the module.")
    if not callable(found):
        raise ArgumentError(home, "be a class or function", repr(found), "Correct the registry line.")
    return found


def accepts(function: Any, *arguments: object, **named: object) -> bool:
    """Whether a function can be called so, as far as its signature tells."""
    try:
        inspect.signature(function).bind(*arguments, **named)
    except (TypeError, ValueError):
        return False
    return True


def vet(home: str, what: str, first: str | None = None) -> None:
    """Refuse a home that was read, not registered by code, unless its source says that it is meant so. Imports nothing.

    first : the name that the first argument of the function there must have; None where its module must import dscale_core

    Raises NotFoundError where the module is not here, ArgumentError where the home is not acceptable.
    """
    module, name = _parts(home)
    if module.split(".")[-1] == "__main__":
        remedy = "Move it from the notebook or script into a file of its own, import that and register it again."
        raise ArgumentError(what, "live in a module that other processes can import", home, remedy)
    if module.partition(".")[0] in sys.stdlib_module_names:
        raise ArgumentError(what, "live in a module of its maker's", home, "Register it from where it is defined.")
    tree = _source(module, what)
    defined = [node for node in ast.walk(tree) if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name]
    if not defined:
        raise ArgumentError(
            what, f"be defined in {module}", f"no class or function {name!r} there", "Register its own home."
        )
    if first is None and not _imports_dscale(tree):
        raise ArgumentError(what, "live in a module that imports dscale_core", home, "Register it from where it is defined.")
    if first is not None and not any(_takes(node, first) for node in defined):
        remedy = f"Name the first argument of {name} so."
        raise ArgumentError(what, f"be a function whose first argument is called {first}", home, remedy)


def _takes(node: ast.ClassDef | ast.FunctionDef, first: str) -> bool:
    if isinstance(node, ast.ClassDef):
        return False
    named = [*node.args.posonlyargs, *node.args.args]
    return bool(named) and named[0].arg == first


def _imports_dscale(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module)
        if any(name.partition(".")[0] == "dscale_core" for name in names):
            return True
    return False


def _source(module: str, what: str) -> ast.AST:
    spec = _find(module)
    if spec is None:
        raise _nowhere(module, what)
    path = Path(spec.origin or "")
    if path.suffix != ".py":
        raise ArgumentError(what, "live in a Python source file", spec.origin, "Put it into a file whose name ends in .py.")
    try:
        return ast.parse(decode_source(path.read_bytes()))
    except (OSError, SyntaxError, ValueError) as error:
        raise _not_importable(module, what, error) from error


def _find(module: str) -> ModuleSpec | None:
    """Where a module's source is, found without importing it or a package around it."""
    importlib.invalidate_caches()  # the file may be younger than the folder's listing that Python keeps
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        path = None if spec is None else spec.submodule_search_locations
        if depth > 1 and path is None:
            return None
        name = ".".join(parts[:depth])
        found = (finder.find_spec(name, path) for finder in sys.meta_path)
        spec = next((one for one in found if one is not None), None)
        if spec is None:
            return None
    return spec


def _parts(home: str) -> tuple[str, str]:
    if not isinstance(home, str) or _HOME.fullmatch(home) is None:
        remedy = "Define it at the top level of a module and name it as my_module:MyLearner."
        raise ArgumentError("home", 'be "module:name"', repr(home), remedy)
    module, _, name = home.partition(":")
    return module, name


def _nowhere(module: str, what: str) -> NotFoundError:
    folders = [entry or os.getcwd() for entry in sys.path]
    more = f" and {len(folders) - _SHOWN} more folders" if len(folders) > _SHOWN else ""
    return NotFoundError(
        f"The module {module!r} of {what} is not here: looked for it in {', '.join(folders[:_SHOWN])}{more} of sys.path. "
        "Start dscale with PYTHONPATH naming the folder that holds it, or install it."
    )


def _not_importable(module: str, what: str, error: BaseException) -> ArgumentError:
    said = f"{type(error).__name__}: {error}"
    return ArgumentError(f"the module {module!r} of {what}", "be one that can be imported", said, "Correct the module.")


_lock = RLock()
_tried: dict[str, str] = {}  # module of DSCALE_EXTENSIONS -> what went wrong, empty where nothing did


def _import_extensions() -> None:
    """Import the modules that ``DSCALE_EXTENSIONS`` names, once each; what went wrong is said whenever it is asked."""
    for module in filter(None, map(str.strip, os.environ.get("DSCALE_EXTENSIONS", "").split(","))):
        with _lock:
            if module not in _tried:
                _tried[module] = ""  # before the import: the module's own lines may ask a registry
                try:
                    importlib.import_module(module)
                except Exception as error:
                    _tried[module] = f"{module!r}, which says {type(error).__name__}: {error}"
        if _tried[module]:
            remedy = "Correct the name or the module, or add its folder to PYTHONPATH."
            raise ArgumentError("DSCALE_EXTENSIONS", "name modules that can be imported", _tried[module], remedy)

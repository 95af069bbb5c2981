"""Where faults can be planted in a module: its syntax tree, searched, changed in place and put back."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import Any

from benchmarks.mutants.changes import IDLE_KEYWORDS, is_axis, replacements
from benchmarks.mutants.wording import changed_words

__all__ = ["Module", "Mutant", "Place", "read_module"]

# Types, decorators and bases are no part of a computation; operators are changed with the node that holds them.
_LEFT_ALONE = frozenset({"annotation", "returns", "decorator_list", "bases", "ctx", "op", "ops"})
_LIBRARIES = {"np": "numpy", "pd": "pandas"}


@dataclass(frozen=True, eq=False)
class Place:
    """In a field of a node of the tree, what stands there instead."""

    owner: ast.AST
    field: str
    value: Any

    @contextmanager
    def changed(self) -> Iterator[None]:
        """The tree with the change."""
        original = getattr(self.owner, self.field)
        setattr(self.owner, self.field, self.value)
        try:
            yield
        finally:
            setattr(self.owner, self.field, original)


@dataclass(frozen=True, eq=False)
class Mutant:
    """One fault that can be planted."""

    module: str  # path from the root of the repository
    function: str  # qualified name as in code objects; empty at the module's own level
    line: int
    kind: str
    before: str
    after: str
    occurrence: int  # the same change of the same words may be possible in several places of one function
    at_import: bool  # run at import, or kept by a cache: which tests it concerns cannot be seen
    place: Place

    @property
    def fingerprint(self) -> tuple[str, str, str, str, int]:
        """What names this fault after lines have moved."""
        return self.module, self.function, self.before, self.after, self.occurrence


@dataclass(frozen=True, eq=False)
class Module:
    """A module's tree and all faults that can be planted in it."""

    path: str
    tree: ast.Module
    mutants: tuple[Mutant, ...]

    def compiled(self, mutant: Mutant, root: Path) -> CodeType:
        """The module's code with one fault."""
        with mutant.place.changed():
            return compile(ast.fix_missing_locations(self.tree), str(root / self.path), "exec")


def read_module(root: Path, path: str, untouched: frozenset[str] = frozenset()) -> Module:
    """Search a module for places. untouched : names whose assignments are left alone."""
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    search = _Search(path, tree, untouched)
    search.visit(tree, ())
    return Module(path, tree, tuple(search.found))


@dataclass(frozen=True)
class _Scope:
    name: str = ""
    is_function: bool = False
    returns_bool: bool = False
    at_import: bool = True

    def inside(self, node: ast.FunctionDef | ast.ClassDef) -> _Scope:
        """The scope that a definition in this one opens, named as Python names it."""
        name = f"{self.name}.<locals>.{node.name}" if self.is_function else f"{self.name}.{node.name}".lstrip(".")
        if isinstance(node, ast.ClassDef):
            return _Scope(name)
        cached = any("cache" in ast.unparse(decorator) for decorator in node.decorator_list)
        returns_bool = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
        return _Scope(name, True, returns_bool, cached)


class _Search:
    def __init__(self, path: str, tree: ast.Module, untouched: frozenset[str]) -> None:
        self.found: list[Mutant] = []
        self._path, self._untouched, self._scope = path, untouched, _Scope()
        self._times: Counter[tuple[str, str, str]] = Counter()
        self._functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    def visit(self, node: ast.AST, above: tuple[ast.AST, ...]) -> None:
        """Every field of a node, in the order of the source. above : its ancestors, the nearest last."""
        left = self._scope
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self._scope = left.inside(node)
        for field, value in ast.iter_fields(node):
            for position, child in enumerate(value if isinstance(value, list) else [value]):
                if field not in _LEFT_ALONE and isinstance(child, ast.AST) and not self._is_skipped(child):
                    self._change(child, field, position if isinstance(value, list) else None, (*above, node))
                    if not (isinstance(child, ast.UnaryOp) and is_axis(node)):
                        self.visit(child, (*above, node))
        self._scope = left

    def _change(self, child: ast.AST, field: str, position: int | None, above: tuple[ast.AST, ...]) -> None:
        owner, scope = above[-1], self._scope
        can_go = self._can_go(child.arg, owner) if isinstance(child, ast.keyword) else False
        changes = list(replacements(child, owner, can_go))
        if scope.returns_bool and isinstance(owner, ast.Return) and isinstance(child, ast.Call | ast.Name):
            changes.append(("return", ast.UnaryOp(ast.Not(), child)))
        for kind, new in changes:
            if new is not None:
                ast.copy_location(new, child)
            place = Place(owner, field, _with(getattr(owner, field), position, new))
            before, after = changed_words(child, new, place.changed, above)
            if before == after:
                continue
            self._times[scope.name, before, after] += 1
            number = self._times[scope.name, before, after]
            line = next(int(node.lineno) for node in (child, *reversed(above)) if hasattr(node, "lineno"))
            self.found.append(Mutant(self._path, scope.name, line, kind, before, after, number, scope.at_import, place))

    def _is_skipped(self, node: ast.AST) -> bool:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Raise() | ast.JoinedStr() | ast.Expr(value=ast.Constant()):
                return True
            case ast.keyword(arg=name) if name in IDLE_KEYWORDS:
                return True
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
                return True
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                return name == "__all__" or (not self._scope.name and name in self._untouched)
        return False

    def _can_go(self, keyword: str | None, call: ast.AST) -> bool:
        """Whether a keyword may be left out of a call; where that cannot be looked up, only a method's may."""
        match call:
            case ast.Call(func=ast.Name(id=name)):
                return name in self._functions and keyword in _optional(self._functions[name].args)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name)) if name in self._functions:
                return keyword in _optional(self._functions[name].args)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "pd" as library), attr=name)):
                return _is_optional_of_library(_LIBRARIES[library], name, keyword)
            case ast.Call(func=ast.Attribute(attr=name)):
                return name[0].islower()
        return False


def _optional(arguments: ast.arguments) -> set[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    last = positional[len(positional) - len(arguments.defaults) :]
    named = [a for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is not None]
    return {argument.arg for argument in (*last, *named)}


def _is_optional_of_library(library: str, name: str, keyword: str | None) -> bool:
    try:
        parameters = inspect.signature(getattr(import_module(library), name)).parameters
    except (ValueError, TypeError):  # compiled functions that do not say
        return True
    return keyword is None or keyword not in parameters or parameters[keyword].default is not inspect.Parameter.empty


def _with(current: Any, position: int | None, new: ast.AST | None) -> Any:
    """What a field holds where one of its nodes is replaced, or taken out."""
    if position is None:
        return new
    return [*current[:position], *([] if new is None else [new]), *current[position + 1 :]]

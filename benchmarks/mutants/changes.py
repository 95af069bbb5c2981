"""The faults: for a piece of syntax, what may stand in its place.

What takes a constant's place depends on its size. Numbers that steer a result are moved by one or by half; tolerances and
floors, which nobody means to the digit, by a factor of ten thousand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["IDLE_KEYWORDS", "constants", "is_axis", "replacements"]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_OPPOSITES = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("fmin", "fmax"),
    ("nanmin", "nanmax"),
    ("argmin", "argmax"),
    ("nanargmin", "nanargmax"),
    ("floor", "ceil"),
    ("any", "all"),
)
_OPPOSITE = dict(_OPPOSITES) | {b: a for a, b in _OPPOSITES}
_TO_FIRST = ("min", "max", "minimum", "maximum", "fmin", "fmax", "clip", "abs")  # of arguments, the first alone is left
_AXES = {0: 1, 1: 0, -1: 0, -2: -1}
# Guards and advice on speed: without them a valid input gives the same result.
IDLE_KEYWORDS = frozenset({"strict", "check_finite", "assume_unique", "optimize", "overwrite_a", "overwrite_b"})
_ORDINARY = (1e-4, 1e4)


def constants(value: object) -> list[object]:
    """What a constant may be changed to."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1] if value < 10 else [value * 3 // 2, 0]
    if isinstance(value, float):
        if value == 0:
            return [1.0]
        small, large = _ORDINARY
        factor = 1.5 if small <= value <= large else 1e4 if value < small else 1e-4
        return [value * factor, 0.0]
    return []


def replacements(node: ast.AST, parent: ast.AST, can_go: bool = False) -> Iterator[tuple[str, ast.AST | None]]:
    """(kind of fault, what takes the node's place); None deletes it.

    can_go : whether ``node``, one of a call's keywords, may be left out of the call
    """
    match node:
        case ast.Constant(value=int(value)) if is_axis(parent):
            yield "axis", ast.Constant(_AXES.get(value, 0))
        case ast.Constant():
            yield from (("constant", _number(value)) for value in constants(node.value))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))) if is_axis(parent):
            yield "axis", ast.Constant(_AXES.get(-value, 0))
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield "sign" if isinstance(node.op, ast.USub) else "negation", node.operand
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC and not (_is_text(node.left) or _is_text(node.right)):
            yield "arithmetic", ast.BinOp(node.left, _ARITHMETIC[type(op)](), node.right)
        case ast.AugAssign(op=op):
            if type(op) in _ARITHMETIC:
                yield "arithmetic", ast.AugAssign(node.target, _ARITHMETIC[type(op)](), node.value)
            yield "statement", ast.Pass()
        case ast.BoolOp():
            yield "boolean", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.Compare():
            for place, comparison in enumerate(node.ops):
                for other in _COMPARISONS[type(comparison)]:
                    ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                    yield "comparison", ast.Compare(node.left, ops, node.comparators)
        case ast.Call():
            yield from _calls(node)
        case ast.keyword() if can_go:
            yield "keyword", None
        case ast.Slice():
            yield from _slices(node)
        case ast.Expr(value=ast.Call()):
            yield "statement", ast.Pass()
        case ast.Assign(targets=[ast.Subscript()]):
            yield "statement", ast.Pass()
        case ast.If(orelse=[], body=[*_, ast.Raise()]):
            yield "check", ast.If(ast.Constant(False), node.body, [])
    yield from _conditions(node, parent)


def _conditions(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """A bare condition turned round; comparisons and the like have changes of their own."""
    tested = isinstance(parent, ast.If | ast.IfExp | ast.While) and node is parent.test
    if tested and not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant | ast.NamedExpr):
        yield "negation", ast.UnaryOp(ast.Not(), node)  # type: ignore[arg-type]


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    if name in _OPPOSITE:
        renamed = (
            ast.Attribute(function.value, _OPPOSITE[name], ast.Load())
            if isinstance(function, ast.Attribute)
            else ast.Name(_OPPOSITE[name], ast.Load())
        )
        yield "extreme", ast.Call(renamed, node.args, node.keywords)
    least = 1 if name == "abs" else 2
    if name in _TO_FIRST and len(node.args) >= least and not isinstance(node.args[0], ast.Starred):
        yield "call", node.args[0]


def _slices(node: ast.Slice) -> Iterator[tuple[str, ast.AST]]:
    if node.lower is not None:
        yield "slice", ast.Slice(None, node.upper, node.step)
    if node.upper is not None:
        yield "slice", ast.Slice(node.lower, None, node.step)
        if not isinstance(node.upper, ast.Constant | ast.UnaryOp):
            yield "slice", ast.Slice(node.lower, ast.BinOp(node.upper, ast.Sub(), ast.Constant(1)), node.step)
    if node.step is not None:
        yield "slice", ast.Slice(node.lower, node.upper, None)


def _number(value: object) -> ast.expr:
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)  # type: ignore[arg-type]


def is_axis(parent: ast.AST) -> bool:
    """Whether a node is the keyword ``axis`` of a call."""
    return isinstance(parent, ast.keyword) and parent.arg == "axis"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))

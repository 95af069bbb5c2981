"""Products with a thin matrix of hidden units, kept in registers: what a BLAS does badly at 32 columns.

A ``Panel`` is 128 bytes of numbers that lie next to each other along the hidden units, 32 of float32 or 16 of float64. As a
value of its own it never touches memory between operations, and LLVM splits it into whatever vectors the machine has: a
tile of eight rows holds its 8 x 32 sums in registers while the weights stream past. Arrays are flat and addressed by offset,
and nothing checks bounds: callers pad to whole panels and to whole tiles of rows and features.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, models, register_model

from dscale_core.learners.compiled.jit_flags import FUSED

__all__ = [
    "FEATURE_TILE",
    "PANEL_BYTES",
    "ROW_TILE",
    "Panel",
    "add_scaled",
    "gradient_tile",
    "hidden_tile",
    "load",
    "multiply",
    "multiply_add",
    "store",
    "total",
    "zeros",
]

# Two registers of the widest vectors there are (64 bytes), so that eight rows of sums fill half of the 32 that there are.
# Speed alone: test_mlp.py::test_in_float64_it_is_scikit_learns_own_fit holds every width, padded or not.
PANEL_BYTES = 128
ROW_TILE = 8  # rows of X that are multiplied together; `hidden_tile` is written for eight
FEATURE_TILE = 4  # columns of X that are multiplied together; `gradient_tile` is written for four


class Panel(types.Type):
    """Numbers side by side in registers."""

    def __init__(self, scalar: Any) -> None:
        self.scalar = scalar
        super().__init__(name=f"Panel({scalar})")


def _vector(scalar: Any) -> Any:
    kind: Any = ir.FloatType() if scalar == types.float32 else ir.DoubleType()
    return ir.VectorType(kind, PANEL_BYTES * 8 // scalar.bitwidth)


@register_model(Panel)
class _PanelModel(models.PrimitiveModel):
    def __init__(self, manager: Any, panel: Any) -> None:
        super().__init__(manager, panel, _vector(panel.scalar))


def _address(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [offset])


def _fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return builder.fadd(builder.fmul(a, b, flags=("contract",)), c, flags=("contract",))


@intrinsic
def load(typing_context: Any, array: Any, offset: Any) -> Any:  # noqa: ARG001
    """The panel at an offset of a flat array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _vector(signature.return_type.scalar)
        address = _address(context, builder, signature.args[0], *args)
        return builder.load(builder.bitcast(address, vector.as_pointer()), align=array.dtype.bitwidth // 8)

    return Panel(array.dtype)(array, types.intp), codegen


@intrinsic
def store(typing_context: Any, panel: Any, array: Any, offset: Any) -> Any:  # noqa: ARG001
    """Write a panel at an offset of a flat array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature.args[1], *args[1:])
        pointer = builder.bitcast(address, _vector(panel.scalar).as_pointer())
        builder.store(args[0], pointer, align=panel.scalar.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(panel, array, types.intp), codegen


@intrinsic
def add_scaled(typing_context: Any, total: Any, array: Any, offset: Any, panel: Any) -> Any:  # noqa: ARG001
    """total + array[offset] * panel, fused."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, values, at, other = args
        vector = _vector(panel.scalar)
        number = builder.load(_address(context, builder, signature.args[1], values, at))
        single = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
        return _fused(builder, builder.shuffle_vector(single, single, lanes), other, sums)

    return panel(panel, array, types.intp, panel), codegen


@intrinsic
def multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001
    """a * b + c."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _fused(builder, *args)

    return a(a, b, c), codegen


@intrinsic
def multiply(typing_context: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """a * b."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.fmul(*args)

    return a(a, b), codegen


@intrinsic
def zeros(typing_context: Any, array: Any) -> Any:  # noqa: ARG001
    """A panel of zeros of the array's kind."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        vector = _vector(signature.return_type.scalar)
        return ir.Constant(vector, [0.0] * vector.count)

    return Panel(array.dtype)(array), codegen


@intrinsic
def total(typing_context: Any, panel: Any) -> Any:  # noqa: ARG001
    """Sum over the panel, always in the same order: halves onto halves."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        sums = args[0]
        half = sums.type.count // 2
        while half:
            pick = [ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(at, at + half))) for at in (0, half)]
            sums = builder.fadd(*(builder.shuffle_vector(sums, sums, lanes) for lanes in pick))
            half //= 2
        return builder.extract_element(sums, ir.IntType(32)(0))

    return panel.scalar(panel), codegen


@njit(**FUSED)
def hidden_tile(X: Any, at: int, n_in: int, W: Any, hidden: int, panel: int, out: Any, to: int) -> None:
    """Eight rows of X from ``at`` times one panel of W, into ``out``."""
    a0, a1, a2, a3 = zeros(W), zeros(W), zeros(W), zeros(W)
    a4, a5, a6, a7 = a0, a1, a2, a3
    for j in range(n_in):
        w = load(W, j * hidden + panel)
        a0 = add_scaled(a0, X, at + j, w)
        a1 = add_scaled(a1, X, at + j + n_in, w)
        a2 = add_scaled(a2, X, at + j + 2 * n_in, w)
        a3 = add_scaled(a3, X, at + j + 3 * n_in, w)
        a4 = add_scaled(a4, X, at + j + 4 * n_in, w)
        a5 = add_scaled(a5, X, at + j + 5 * n_in, w)
        a6 = add_scaled(a6, X, at + j + 6 * n_in, w)
        a7 = add_scaled(a7, X, at + j + 7 * n_in, w)
    store(a0, out, to + panel)
    store(a1, out, to + panel + hidden)
    store(a2, out, to + panel + 2 * hidden)
    store(a3, out, to + panel + 3 * hidden)
    store(a4, out, to + panel + 4 * hidden)
    store(a5, out, to + panel + 5 * hidden)
    store(a6, out, to + panel + 6 * hidden)
    store(a7, out, to + panel + 7 * hidden)


@njit(**FUSED)
def gradient_tile(X: Any, at: int, n_in: int, rows: int, back: Any, hidden: int, panel: int, out: Any, to: int) -> None:
    """Add four features of X' times one panel of ``back`` over a block's rows to ``out``."""
    a0, a1 = load(out, to + panel), load(out, to + panel + hidden)
    a2, a3 = load(out, to + panel + 2 * hidden), load(out, to + panel + 3 * hidden)
    for r in range(rows):
        b = load(back, r * hidden + panel)
        x = at + r * n_in
        a0 = add_scaled(a0, X, x, b)
        a1 = add_scaled(a1, X, x + 1, b)
        a2 = add_scaled(a2, X, x + 2, b)
        a3 = add_scaled(a3, X, x + 3, b)
    store(a0, out, to + panel)
    store(a1, out, to + panel + hidden)
    store(a2, out, to + panel + 2 * hidden)
    store(a3, out, to + panel + 3 * hidden)

"""exp and tanh that the compiler can vectorise: no branch, no call, a polynomial and a little bit arithmetic.

exp(x) = 2^n exp(r) with n the integer nearest to x / log 2: adding and subtracting 1.5 * 2^52 (2^23 in float32) rounds to it
and leaves n in the low bits, from where a shift makes the power of two. exp(r) is its Taylor polynomial, |r| <= log(2) / 2.
tanh in float32 is the rational function of Eigen (degree 13 over 6, relative error below 4e-7, clamped where it is 1 to
rounding); float64 takes 1 - exp(-2x), which is accurate to 1e-16 absolutely.
"""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

__all__ = ["exp_of_nonpositive", "hyperbolic_tangent"]

# contraction only: free order would fold the rounding constant away
_JIT: dict[str, Any] = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}


@intrinsic
def _power_of_two(typing_context: Any, rounded: Any) -> Any:  # noqa: ARG001
    """2^n for n in the low bits of ``rounded``."""
    bits, bias, mantissa = (32, 127, 23) if rounded == types.float32 else (64, 1023, 52)
    kind: Any = ir.FloatType() if rounded == types.float32 else ir.DoubleType()

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        integer = ir.IntType(bits)
        exponent = builder.add(builder.bitcast(args[0], integer), integer(bias))
        return builder.bitcast(builder.shl(exponent, integer(mantissa)), kind)

    return rounded(rounded), codegen


def exp_of_nonpositive(x: float) -> float:  # noqa: ARG001
    """exp(x) for x <= 0, in the precision of x."""
    raise RuntimeError("compiled only")


def _exp_single(x: Any) -> Any:
    x = max(x, np.float32(-86.0))
    rounded = x * np.float32(1.44269504) + np.float32(12582912.0)
    n = rounded - np.float32(12582912.0)
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    tail = np.float32(1 / 24) + r * (np.float32(1 / 120) + r * (np.float32(1 / 720) + r * np.float32(1 / 5040)))
    return _power_of_two(rounded) * (np.float32(1.0) + (r + r * r * (np.float32(0.5) + r * (np.float32(1 / 6) + r * tail))))


def _exp_double(x: Any) -> Any:
    x = max(x, -708.0)
    rounded = x * 1.4426950408889634 + 6755399441055744.0
    n = rounded - 6755399441055744.0
    r = x - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10
    high = 1 / 39916800 + r * (1 / 479001600 + r * (1 / 6227020800))
    high = 1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * high))
    high = 1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * high))
    return _power_of_two(rounded) * (1.0 + (r + r * r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * high)))))


@overload(exp_of_nonpositive, jit_options=_JIT)
def _overload_exp(x: Any) -> Any:
    return _exp_single if x == types.float32 else _exp_double


def hyperbolic_tangent(x: float) -> float:  # noqa: ARG001
    """tanh(x) in the precision of x."""
    raise RuntimeError("compiled only")


def _tanh_single(x: Any) -> Any:
    x = min(max(x, np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
    z = x * x
    top = np.float32(2.00018790482477e-13) + z * np.float32(-2.76076847742355e-16)
    top = np.float32(5.12229709037114e-08) + z * (np.float32(-8.60467152213735e-11) + z * top)
    top = np.float32(6.37261928875436e-04) + z * (np.float32(1.48572235717979e-05) + z * top)
    top = np.float32(4.89352455891786e-03) + z * top
    low = np.float32(1.18534705686654e-04) + z * np.float32(1.19825839466702e-06)
    low = np.float32(4.89352518554385e-03) + z * (np.float32(2.26843463243900e-03) + z * low)
    return x * top / low


def _tanh_double(x: Any) -> Any:
    power = exp_of_nonpositive(-2.0 * abs(x))
    size = (1.0 - power) / (1.0 + power)
    return -size if x < 0 else size


@overload(hyperbolic_tangent, jit_options=_JIT)
def _overload_tanh(x: Any) -> Any:
    return _tanh_single if x == types.float32 else _tanh_double

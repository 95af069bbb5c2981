"""exp, expm1, log1p and tanh that the compiler can vectorise: no branch, no call, a polynomial and a little bit arithmetic.

exp(x) = 2^n exp(r) with n the integer nearest to x / log 2: adding and subtracting 1.5 * 2^52 (2^23 in float32) rounds to it
and leaves n in the low bits, from where a shift makes the power of two. exp(r) is its Taylor polynomial, |r| <= log(2) / 2:
to degree 7 in float32 and 13 in float64, where the next term is below half a unit in the last place. log 2 comes in two
parts of which the first has so few bits that n times it is exact (Cody and Waite 1980). tanh in float32 is the rational
function of Eigen (degree 13 over 6, relative error below 4e-7, clamped where it is 1 to rounding); float64 takes
1 - exp(-2x), which is accurate to 1e-16 absolutely.

expm1 and log1p are written out for float32 alone (relative error below 2e-7), float64 takes the C library's. log1p takes the
mantissa between sqrt(1/2) and sqrt(2) and the series of FreeBSD's logf in s = f / (2 + f), without its last term.

tests/learners/compiled/test_vector_math.py holds each precision, over the whole range.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from dscale_core.learners.compiled.jit_flags import ELEMENTWISE, FUSED

__all__ = ["exp_of_nonpositive", "expm1_and_exp", "hyperbolic_tangent", "log1p_of"]

# exponents below these would leave the normal numbers: e^-86 = 4e-38 in float32, e^-708 = 3e-308 in float64
_LEAST_SINGLE = np.float32(-86.0)
_LEAST_DOUBLE = -708.0


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
    x = max(x, _LEAST_SINGLE)
    rounded = x * np.float32(1.44269504) + np.float32(12582912.0)
    n = rounded - np.float32(12582912.0)
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    tail = np.float32(1 / 24) + r * (np.float32(1 / 120) + r * (np.float32(1 / 720) + r * np.float32(1 / 5040)))
    return _power_of_two(rounded) * (np.float32(1.0) + (r + r * r * (np.float32(0.5) + r * (np.float32(1 / 6) + r * tail))))


def _exp_double(x: Any) -> Any:
    x = max(x, _LEAST_DOUBLE)
    rounded = x * 1.4426950408889634 + 6755399441055744.0
    n = rounded - 6755399441055744.0
    r = x - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10
    high = 1 / 39916800 + r * (1 / 479001600 + r * (1 / 6227020800))
    high = 1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * high))
    high = 1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * high))
    return _power_of_two(rounded) * (1.0 + (r + r * r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * high)))))


# no free order here: it would fold the rounding constant away
@overload(exp_of_nonpositive, jit_options=FUSED)
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


@overload(hyperbolic_tangent, jit_options=FUSED)
def _overload_tanh(x: Any) -> Any:
    return _tanh_single if x == types.float32 else _tanh_double


@intrinsic
def _bits_to_float(typing_context: Any, bits: Any) -> Any:  # noqa: ARG001
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


@intrinsic
def _float_to_bits(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), codegen


def expm1_and_exp(x: float) -> tuple[float, float]:  # noqa: ARG001
    """(expm1(x), exp(x)) for x <= 0."""
    raise RuntimeError("compiled only")


def _expm1_and_exp_single(x: Any) -> Any:
    x = max(x, _LEAST_SINGLE)
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    tail = np.float32(1 / 120) + r * (np.float32(1 / 720) + r * np.float32(1 / 5040))
    head = r + r * r * (np.float32(0.5) + r * (np.float32(1 / 6) + r * (np.float32(1 / 24) + r * tail)))
    power = _bits_to_float((np.int32(n) + np.int32(127)) << np.int32(23))
    return power * head + (power - np.float32(1.0)), power * head + power


def _expm1_and_exp_double(x: Any) -> Any:
    return math.expm1(x), math.exp(x)


@overload(expm1_and_exp, jit_options=ELEMENTWISE)
def _overload_expm1(x: Any) -> Any:
    return _expm1_and_exp_single if x == types.float32 else _expm1_and_exp_double


def log1p_of(t: float, one_plus_t: float) -> float:  # noqa: ARG001
    """log(1 + t) where 1 + t is also known to full relative precision (it is not recoverable from t near -1)."""
    raise RuntimeError("compiled only")


def _log1p_of_single(t: Any, one_plus_t: Any) -> Any:
    # 0x3F3504F3 are the bits of sqrt(1/2), 0x3F800000 those of 1
    bits = _float_to_bits(one_plus_t) + np.int32(0x3F800000 - 0x3F3504F3)
    exponent = (bits >> np.int32(23)) - np.int32(127)
    mantissa = _bits_to_float((bits & np.int32(0x007FFFFF)) + np.int32(0x3F3504F3))
    f = t if exponent == 0 else mantissa - np.float32(1.0)
    s = f / (np.float32(2.0) + f)
    z = s * s
    series = z * (np.float32(0.66666662693) + z * (np.float32(0.40000972152) + z * np.float32(0.28498786688)))
    half = np.float32(0.5) * f * f
    return np.float32(exponent) * np.float32(0.69314718056) + (f - (half - s * (half + series)))


def _log1p_of_double(t: Any, one_plus_t: Any) -> Any:
    # below -1/2 the sum 1 + t has lost nothing, and log1p would lose what t near -1 cannot hold
    return math.log1p(t) if t > -0.5 else math.log(one_plus_t)


@overload(log1p_of, jit_options=ELEMENTWISE)
def _overload_log1p(t: Any, one_plus_t: Any) -> Any:  # noqa: ARG001
    return _log1p_of_single if t == types.float32 else _log1p_of_double

"""Compiled training of one small perceptron: full batch, Adam, a fixed number of steps, all in one call.

A step goes over the rows in blocks of 64. Between the product into the hidden layer and the gradient's product a block stays
in the first-level cache: activation, output, residual and the way back follow each other there, and the rows themselves in
the second. A training reads nothing but its rows and its start: trainings of different candidates share no state, so a
result cannot depend on what else was asked for.

Parameters are one flat vector: W1 (features, hidden) whose feature d is the constant 1 and so holds the bias, W2' (outputs,
hidden), and the outputs' bias. Hidden units that pad a panel start at zero and stay there, since tanh, gelu and relu of zero
are zero; rows that pad a tile get no residual. Gelu is x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dscale_core.learners.compiled.jit_flags import FUSED
from dscale_core.learners.compiled.mlp_tiles import (
    FEATURE_TILE,
    PANEL_BYTES,
    ROW_TILE,
    add_scaled,
    gradient_tile,
    hidden_tile,
    load,
    multiply,
    multiply_add,
    store,
    total,
    zeros,
)
from dscale_core.learners.compiled.vector_math import exp_of_nonpositive, hyperbolic_tangent

__all__ = ["ACTIVATION_CODES", "OUTPUT_CODES", "outputs", "train"]

ACTIVATION_CODES: dict[str, int] = {"tanh": 0, "gelu": 1, "relu": 2}
OUTPUT_CODES: dict[str, int] = {"identity": 0, "logistic": 1, "softmax": 2}
_BLOCK = 64  # rows; a block of 32 hidden units takes 8 KB in float32, a fourth of the first-level cache
# Adam's usual constants (Kingma and Ba 2015), scikit-learn's too, and what is left of the first two to one.
# test_mlp.py::test_in_float64_it_is_scikit_learns_own_fit
_MEAN_KEPT, _MEAN_NEW = 0.9, 0.1
_SQUARE_KEPT, _SQUARE_NEW = 0.999, 0.001
_ADAM_FLOOR = 1e-8
# sqrt(2 / pi), and the coefficient that makes gelu's tanh form fit the normal distribution (Hendrycks and Gimpel 2016).
# test_mlp.py::test_gelu_equals_a_plain_training_and_so_does_its_reference
_GELU_SCALE, _GELU_CUBIC = 0.7978845608028654, 0.044715


@njit(**FUSED)
def _activate(values: Any, slopes: Any, activation: int) -> None:
    """Replace ``values`` by the activation and write its derivative to ``slopes``."""
    one, half = values.dtype.type(1.0), values.dtype.type(0.5)
    scale, cubic = values.dtype.type(_GELU_SCALE), values.dtype.type(_GELU_CUBIC)
    if activation == 0:
        for i in range(values.size):
            a = hyperbolic_tangent(values[i])
            values[i] = a
            slopes[i] = one - a * a
    elif activation == 1:
        for i in range(values.size):
            x = values[i]
            square = cubic * x * x
            a = hyperbolic_tangent(scale * x * (one + square))
            values[i] = half * x * (one + a)
            slopes[i] = half * (one + a) + half * x * (one - a * a) * scale * (one + (square + square + square))
    else:
        for i in range(values.size):
            x = values[i]
            slopes[i] = one if x > 0 else one - one
            values[i] = max(x, one - one)


@njit(**FUSED)
def _logits(hidden_values: Any, rows: int, theta: Any, w2: int, hidden: int, n_out: int, out: Any) -> None:
    """Outputs before their link, (rows, n_out) flat, of a block's activations."""
    panel = PANEL_BYTES // theta.itemsize
    bias = w2 + n_out * hidden
    for r in range(rows):
        for c in range(n_out):
            sums = zeros(theta)
            for p in range(0, hidden, panel):
                sums = multiply_add(load(hidden_values, r * hidden + p), load(theta, w2 + c * hidden + p), sums)
            out[r * n_out + c] = total(sums) + theta[bias + c]


@njit(**FUSED)
def _residuals(out: Any, y: Any, n_out: int, output: int) -> None:
    """Replace outputs before their link by prediction minus target."""
    one = out.dtype.type(1.0)
    if output == 0:
        for i in range(out.size):
            out[i] -= y[i]
    elif output == 1:
        for i in range(out.size):
            # as +- sigma(+- x), so that a residual near zero keeps its relative precision
            sign = one - (y[i] + y[i])
            x = sign * out[i]
            power = exp_of_nonpositive(-abs(x))
            out[i] = sign * (one if x > 0 else power) / (one + power)
    else:
        for start in range(0, out.size, n_out):
            largest = out[start]
            for c in range(1, n_out):
                largest = max(largest, out[start + c])
            mass = one - one
            for c in range(n_out):
                out[start + c] = exp_of_nonpositive(out[start + c] - largest)
                mass += out[start + c]
            for c in range(n_out):
                out[start + c] = out[start + c] / mass - y[start + c]


@njit(**FUSED)
def _way_back(
    values: Any, slopes: Any, residuals: Any, rows: int, theta: Any, w2: int, hidden: int, n_out: int, gradient: Any
) -> None:
    """Add a block to the output layer's gradient and turn ``slopes`` into the hidden layer's residuals."""
    panel = PANEL_BYTES // theta.itemsize
    bias = w2 + n_out * hidden
    for c in range(n_out):
        for p in range(0, hidden, panel):
            sums = load(gradient, w2 + c * hidden + p)
            for r in range(rows):
                sums = add_scaled(sums, residuals, r * n_out + c, load(values, r * hidden + p))
            store(sums, gradient, w2 + c * hidden + p)
        for r in range(rows):
            gradient[bias + c] += residuals[r * n_out + c]
    for r in range(rows):
        for p in range(0, hidden, panel):
            sums = zeros(theta)
            for c in range(n_out):
                sums = add_scaled(sums, residuals, r * n_out + c, load(theta, w2 + c * hidden + p))
            store(multiply(sums, load(slopes, r * hidden + p)), slopes, r * hidden + p)


@njit(**FUSED)
def _adam(theta: Any, gradient: Any, mean: Any, square: Any, decay: Any, n: int, rate: Any) -> None:
    """One step of Adam with the usual constants; the gradient is a sum over rows, the decay's is not."""
    kind = theta.dtype.type
    keep, fresh, tiny = kind(_MEAN_KEPT), kind(_MEAN_NEW), kind(_ADAM_FLOOR)
    keep2, fresh2 = kind(_SQUARE_KEPT), kind(_SQUARE_NEW)
    share = kind(1.0) / kind(n)
    for i in range(theta.size):
        g = (gradient[i] + decay[i] * theta[i]) * share
        mean[i] = keep * mean[i] + fresh * g
        square[i] = keep2 * square[i] + fresh2 * (g * g)
        theta[i] -= rate * mean[i] / (np.sqrt(square[i]) + tiny)


@njit(cache=True, **FUSED)
def train(
    X: Any, y: Any, n: int, theta: Any, decay: Any, n_in: int, hidden: int, n_out: int,
    steps: int, learning_rate: float, activation: int, output: int,
) -> None:  # fmt: skip
    """Move ``theta`` by ``steps`` steps of Adam on the first n rows.

    X : flat (rows, n_in), rows a multiple of ROW_TILE and at least n, n_in a multiple of FEATURE_TILE
    y : flat (n, n_out)
    decay : what each parameter is multiplied by in the gradient, zero for biases; hidden : a multiple of a panel
    """
    panel = PANEL_BYTES // theta.itemsize
    w2 = n_in * hidden
    values, slopes = np.empty(_BLOCK * hidden, theta.dtype), np.empty(_BLOCK * hidden, theta.dtype)
    residuals = np.empty(_BLOCK * n_out, theta.dtype)
    gradient, mean, square = np.empty_like(theta), np.zeros_like(theta), np.zeros_like(theta)
    for step in range(1, steps + 1):
        gradient[:] = 0
        for start in range(0, n, _BLOCK):
            rows = min(_BLOCK, X.size // n_in - start)
            used = min(rows, n - start)
            for r in range(0, rows, ROW_TILE):
                for p in range(0, hidden, panel):
                    hidden_tile(X, (start + r) * n_in, n_in, theta, hidden, p, values, r * hidden)
            _activate(values[: rows * hidden], slopes[: rows * hidden], activation)
            _logits(values, used, theta, w2, hidden, n_out, residuals)
            _residuals(residuals[: used * n_out], y[start * n_out : (start + used) * n_out], n_out, output)
            _way_back(values, slopes, residuals, used, theta, w2, hidden, n_out, gradient)
            for j in range(0, n_in, FEATURE_TILE):
                for p in range(0, hidden, panel):
                    gradient_tile(X, start * n_in + j, n_in, used, slopes, hidden, p, gradient, j * hidden)
        rate = learning_rate * np.sqrt(1 - _SQUARE_KEPT**step) / (1 - _MEAN_KEPT**step)
        _adam(theta, gradient, mean, square, decay, n, theta.dtype.type(rate))


@njit(cache=True, **FUSED)
def outputs(X: Any, theta: Any, n_in: int, hidden: int, n_out: int, activation: int) -> Any:
    """Outputs before their link, (rows, n_out), of padded rows X as in `train`."""
    panel = PANEL_BYTES // theta.itemsize
    n = X.size // n_in
    values, slopes = np.empty(_BLOCK * hidden, theta.dtype), np.empty(_BLOCK * hidden, theta.dtype)
    found = np.empty(n * n_out, theta.dtype)
    for start in range(0, n, _BLOCK):
        rows = min(_BLOCK, n - start)
        for r in range(0, rows, ROW_TILE):
            for p in range(0, hidden, panel):
                hidden_tile(X, (start + r) * n_in, n_in, theta, hidden, p, values, r * hidden)
        _activate(values[: rows * hidden], slopes[: rows * hidden], activation)
        _logits(values, rows, theta, n_in * hidden, hidden, n_out, found[start * n_out :])
    return found.reshape(n, n_out)

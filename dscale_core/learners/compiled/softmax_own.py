"""The candidate's own equation in the softmax engine, compiled: one small convex problem a candidate and step.

Given what the rest of the step adds to a candidate's own logits, its residual follows from classes - 1 nonlinear equations
(two for three classes). They are solved to rounding in every step, so that the iteration around them has only the curvature
of the coalition to deal with.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from dscale_core.learners.compiled.elimination import eliminate
from dscale_core.learners.compiled.jit_flags import SUMS

__all__ = ["own_step"]

# Rounding: the residual's entries are differences of probabilities. test_softmax.py::test_own_residual_solves_its_equation
_GAP = 1e-11
_MOVED = 1e-12
_RISE = 1e-13  # what rounding may add to the objective; it saves halvings that would end the same way
# Few steps and halvings are the rule, but three steps, or a single halving, fail
# test_softmax.py::test_own_residual_solves_its_equation.
_NEWTON_STEPS = 100
_HALVINGS = 40


@njit(cache=True, **SUMS)
def own_step(h: Any, own: Any, curvature: Any, eta: Any, y: Any, C: float, sigma: Any, out: Any) -> None:
    """The next state of every candidate: h - C sum_a sigma_a v_a, with sigma its own residual there, solved exactly.

    h : (rows, P) what D's curvature makes of the state; own : (rows, classes - 1, P) the own directions v_a, each zero
    before its class's first coordinate; curvature : (rows, classes - 1, classes - 1) v_a'v_b; eta : (rows, classes) base
    logits; sigma : (rows, classes - 1) a first guess, replaced by the solution; out : (rows, P)
    """
    n = own.shape[1]
    width = own.shape[2] // n
    shift = np.empty(n)
    weights = np.empty(n, dtype=h.dtype)  # of h's precision, or the inner loop would convert
    for i in range(h.shape[0]):
        for a in range(n):
            base, direction = h[i, a * width :], own[i, a, a * width :]
            along = np.float32(0.0) * base[0]
            for j in range(base.size):
                along += direction[j] * base[j]
            shift[a] = along
        _own_residual(eta[i], shift, curvature[i], y[i], C, sigma[i])
        weights[:] = -C * sigma[i]
        out[i] = h[i]
        for a in range(n):
            moved, direction, weight = out[i, a * width :], own[i, a, a * width :], weights[a]
            for j in range(moved.size):
                moved[j] += weight * direction[j]


@njit(cache=True)
def _own_residual(eta: Any, shift: Any, curvature: Any, y: int, C: float, sigma: Any) -> None:
    """Solve sigma = E'(softmax(eta + E (shift - C Q sigma)) - e_y), E = (I; -1'), Q = curvature, in place.

    It is the stationary point of the convex psi(sigma) = C sigma'Q sigma / 2 + log-loss(eta + E (shift - C Q sigma)), so
    Newton with halving converges from anywhere.
    """
    n = sigma.size
    p, trial, system = np.empty(n + 1), np.empty(n), np.empty((n, n + 1))
    value = _own_objective(eta, shift, curvature, y, C, sigma, p)
    for _ in range(_NEWTON_STEPS):
        if _own_system(p, curvature, y, C, sigma, system) <= _GAP:
            break
        eliminate(system, n, True)
        size, fresh, moved = 1.0, value, 0.0
        for _ in range(_HALVINGS):
            for a in range(n):
                trial[a] = sigma[a] + size * system[a, n]
            fresh = _own_objective(eta, shift, curvature, y, C, trial, p)
            if fresh <= value + _RISE * (1.0 + abs(value)):
                break
            size *= 0.5
        for a in range(n):
            moved = max(moved, abs(trial[a] - sigma[a]))
            sigma[a] = trial[a]
        value = fresh
        if moved <= _MOVED:
            break


@njit(cache=True)
def _own_system(p: Any, curvature: Any, y: int, C: float, sigma: Any, system: Any) -> float:
    """Fill in (I + C E'(diag p - p p')E Q | E'(p - e_y) - sigma); returns the largest entry of the last column."""
    n = sigma.size
    gap = 0.0
    for a in range(n):
        system[a, n] = p[a] - p[n] - (1.0 if a == y else 0.0) + (1.0 if n == y else 0.0) - sigma[a]
        gap = max(gap, abs(system[a, n]))
    for b in range(n):
        column, tilted = 0.0, 0.0
        for a in range(n):
            column += curvature[a, b]
            tilted += (p[a] - p[n]) * curvature[a, b]
        for a in range(n):
            curved = p[a] * curvature[a, b] + p[n] * column - (p[a] - p[n]) * tilted
            system[a, b] = (1.0 if a == b else 0.0) + C * curved
    return gap


@njit(cache=True)
def _own_objective(eta: Any, shift: Any, curvature: Any, y: int, C: float, sigma: Any, p: Any) -> float:
    """psi of `_own_residual`; leaves the probabilities in p."""
    n = sigma.size
    quadratic, last = 0.0, eta[n]
    for a in range(n):
        pull = 0.0
        for b in range(n):
            pull += curvature[a, b] * sigma[b]
        quadratic += C * sigma[a] * pull / 2
        p[a] = eta[a] + shift[a] - C * pull
        last -= shift[a] - C * pull
    p[n] = last
    high = p[0]
    for a in range(1, n + 1):
        high = max(high, p[a])
    own = p[y]
    total = 0.0
    for a in range(n + 1):
        p[a] = math.exp(p[a] - high)
        total += p[a]
    for a in range(n + 1):
        p[a] /= total
    return float(quadratic + high + math.log(total) - own)

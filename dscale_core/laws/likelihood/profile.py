"""The profile likelihood in (α, β) of many points at once, with analytic gradient and Hessian.

With x = log(k / k0), f = e^(−αx), w = e^(βx) and F(a, α, β) = Σ w (y − a f)², the amplitude that minimises F is
a = Σ w f y / Σ w f², the noise variance at the centre is F/n, and what remains of the negative log-likelihood is

    φ(α, β) = (n/2) log F − (β/2) Σ x + constant.

Everything follows from three families of sums, which stay accurate where Σ w y² − a Σ w f y would cancel:
A_i = Σ x^i w f², E_i = Σ x^i w f r, G_i = Σ x^i w r², with r = y − a f.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.problem import Block
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["Profile", "evaluate"]

# Below this share of the signal the residual of an exactly lawful row is rounding, 1e-16 of each draw and 1e-13 where steps
# of the search end, squared: the likelihood stops rising there.
# test_profile.py::test_the_likelihood_of_an_exact_law_stops_rising
_FLOOR = 1e-26


@dataclass(frozen=True, eq=False)
class Profile:
    """φ at one (α, β) a point.

    value (b,) in nats, up to a constant of the point; gradient (b, 2); hessian (b, 2, 2), exact; fisher (b, 2), the
    expected information of α and of β, positive; amplitude (b,); variance (b,) of the noise at the centre; joint
    (b, 3, 3), Hessian of φ in (amplitude, α, β).
    """

    value: FloatVector
    gradient: FloatMatrix
    hessian: NDArray[np.float64]
    fisher: FloatMatrix
    amplitude: FloatVector
    variance: FloatVector
    joint: NDArray[np.float64]


def evaluate(block: Block, alpha: FloatVector, beta: FloatVector) -> Profile:
    """φ and its derivatives at (alpha, beta), each (b,)."""
    f = np.exp(-alpha[:, None] * block.x)
    w = np.exp(beta[:, None] * block.x)
    if block.present is not None:
        w *= block.present
    wf = w * f
    A = _moments(wf * f, block.x)
    a = np.einsum("bm,bm->b", wf, block.y) / A[:, 0]
    r = block.y - a[:, None] * f
    wf *= r
    E = _moments(wf, block.x)
    w *= r
    w *= r
    G = _moments(w, block.x)
    return _assemble(block, beta, a, A, E, G)


def _moments(values: FloatMatrix, x: FloatVector | FloatMatrix) -> FloatMatrix:
    """Σ x^i values for i = 0, 1, 2: (b, 3)."""
    if x.ndim == 1:
        return np.asarray(values @ np.stack([np.ones_like(x), x, x * x], axis=1))
    first = values * x
    return np.stack([values.sum(axis=1), first.sum(axis=1), np.einsum("bm,bm->b", first, x)], axis=1)


def _assemble(block: Block, beta: FloatVector, a: FloatVector, A: FloatMatrix, E: FloatMatrix, G: FloatMatrix) -> Profile:
    n = block.n
    F = np.maximum(G[:, 0], _FLOOR * a * a * A[:, 0]) + np.finfo(np.float64).tiny
    # Second derivatives of F in (a, α, β), order aa, aα, aβ, αα, αβ, ββ; first derivatives vanish in a.
    F_a_a, F_a_alpha, F_a_beta = 2 * A[:, 0], 2 * (E[:, 1] - a * A[:, 1]), -2 * E[:, 1]
    F_alpha, F_beta = 2 * a * E[:, 1], G[:, 1]
    F_alpha_alpha = 2 * a * (a * A[:, 2] - E[:, 2])
    F_alpha_beta, F_beta_beta = 2 * a * E[:, 2], G[:, 2]
    zero = np.zeros_like(a)
    first = np.stack([zero, F_alpha, F_beta], axis=1) / F[:, None]
    second = np.stack(
        [F_a_a, F_a_alpha, F_a_beta, F_a_alpha, F_alpha_alpha, F_alpha_beta, F_a_beta, F_alpha_beta, F_beta_beta], axis=1
    ).reshape(-1, 3, 3)
    joint = 0.5 * n[:, None, None] * (second / F[:, None, None] - first[:, :, None] * first[:, None, :])
    through_a = joint[:, 0, 1:]
    return Profile(
        value=0.5 * (n * np.log(F) - beta * block.sum_x),
        gradient=0.5 * (n[:, None] * first[:, 1:] - np.stack([zero, block.sum_x], axis=1)),
        hessian=joint[:, 1:, 1:] - through_a[:, :, None] * through_a[:, None, :] / joint[:, :1, :1],
        fisher=np.stack([n / F * a * a * (A[:, 2] - A[:, 1] ** 2 / A[:, 0]), block.spread_x], axis=1),
        amplitude=a,
        variance=F / n,
        joint=joint,
    )

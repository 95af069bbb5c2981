"""The posterior of one point's law on a grid of exponents, amplitude and noise integrated out.

At a node (α, β, v) the model of the scaled draws y is conjugate, with f = e^(−αx) and w = e^(βx):

    y_j | a, s² ~ Normal(a f_j, s² / w_j),   a | s² ~ Normal(0, v s²),   s² ~ Inverse-Gamma(ν/2, ν s0²/2).

With A = Σ w f², B = Σ w f y, C = Σ w y² and S = C − v B² / (1 + v A) + ν s0², the marginal likelihood is

    log p(y) = ½ β Σ x − ½ log(1 + v A) − ½ (n + ν) log S + constant,

and a given the node has mean v B / (1 + v A) and variance v / (1 + v A) · S / (n + ν − 2). The ratio v of signal to noise
is itself a node: the prior of the amplitude is a scale mixture whose weights are learned, most points weak, some strong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscale_core.laws.problem import Block, Grid, GridSums
from dscale_core.types import FloatMatrix, FloatVector

__all__ = ["GRID", "RATIOS", "Nodes", "NoisePrior", "nodes"]

# α in [0, 4], β in [0, 6], about 1 and 2 where the publication starts, in cells narrower than a point's own error.
# test_posterior.py::test_the_grid_spans_the_exponents_that_are_considered
GRID = Grid(n_alpha=41, n_beta=16, step=0.1, stride=4)
# v: variance of the amplitude over that of one draw, both at the centre; by factors of ten, from what a thousand draws tell
# from nothing to what any draw shows
RATIOS = 10.0 ** np.arange(-3, 3)
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class NoisePrior:
    """Scaled inverse chi-square of a draw's variance at the centre: ``degrees`` ν, and log of s0² in squared units of δ."""

    degrees: float
    log_scale: float

    def sum_of_squares(self, scale: FloatVector) -> FloatVector:
        """ν s0² in each point's scaled units, (b,); kept within what floating point can hold, with room for sums.

        test_posterior.py::test_the_noise_prior_is_told_in_each_points_units
        """
        return self.degrees * np.exp(np.clip(self.log_scale - 2 * np.log(scale), -600, 600))


@dataclass(frozen=True, eq=False)
class Nodes:
    """Every node (α, β, v) of b points: log likelihood, mean and variance of the amplitude, each (b, v, n_alpha, n_beta).

    noise: expected variance of a draw at the centre, given the node.
    """

    log_likelihood: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    noise: NDArray[np.float64]


def nodes(block: Block, sums: GridSums, prior: NoisePrior, scale: FloatVector, grid: Grid = GRID) -> Nodes:
    """Evaluate the conjugate formulas at every node; ``scale`` (b,) is what the points' draws were divided by."""
    tilt = 0.5 * block.sum_x[:, None] * grid.beta
    return conjugate(sums.A, sums.B, sums.C[:, None, :], block.n, prior, scale, tilt[:, None, None, :])


def conjugate(
    A: NDArray[np.float64],
    B: NDArray[np.float64],
    C: NDArray[np.float64],
    n: FloatVector,
    prior: NoisePrior,
    scale: FloatVector,
    tilt: FloatMatrix | float,
) -> Nodes:
    """The module's formulas; A, B, C (b, …, …) broadcast, and the ratios v become axis 1."""
    v = RATIOS.reshape(-1, 1, 1)
    n, own = n.reshape(-1, 1, 1, 1), prior.sum_of_squares(scale).reshape(-1, 1, 1, 1)
    denominator = 1.0 + v * A[:, None]
    gain = v / denominator
    mean = gain * B[:, None]
    S = C[:, None] - mean * B[:, None]
    # what rounding leaves where draws are just a law: test_posterior.py::test_sums_without_any_noise_are_floored
    np.maximum(S, 1e-15 * C[:, None], out=S)
    S += own + _TINY
    log_likelihood = np.log(S)
    log_likelihood *= -0.5 * (n + prior.degrees)
    log_likelihood -= 0.5 * np.log(denominator)
    log_likelihood += tilt
    S /= n + prior.degrees - 2.0
    return Nodes(log_likelihood, mean, gain * S, S)

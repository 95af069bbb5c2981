"""The two-term law ψ_k = a/k + b/k²: linear in its parameters and free to change sign, each point on its own.

It is the start of the expansion of a smooth learner's E[δ] in 1/k, so it serves points whose mean contribution crosses zero,
which c k^(−α) cannot, and it extrapolates upwards as well as a power law with a prior; downwards it does not.

Weighted least squares with the weights k^β of the noise law. β maximises the profile likelihood over a grid, under a weak
Normal(2, 1) about the published starting value, because 20 draws hardly tell it; given β, (a, b) and σ are closed forms.
The result is kept as the tangent power law at the centre (see `Laws`): q = ψ at the centre and s = −dψ/dlog k there, so that

    ψ_k = (2q − s) r + (s − q) r²,   r = k0 / k,   α = s / q.

Where ψ at the centre is so close to zero that |α| would exceed 100 (less where the centre is large) q is moved by at most
1/|α| of the slope, far within its error, so that c stays a floating-point number. Intervals are Student's with n − 2 degrees
of freedom; that of α is Fieller's (1954) for a ratio.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscale_core.intervals import Z90
from dscale_core.laws.problem import Block, Fitted, Problem, blocks, finish, screen
from dscale_core.types import FloatMatrix, FloatVector, Laws

__all__ = ["fit"]

# β weighs the draws and nothing else: a tenth off costs no precision to speak of. The prior's mean is where the publication
# starts, its deviation about that of the β found with ample draws. All three are held by
# test_two_term.py::test_noise_exponent_noise_and_tangent_are_the_literal_ones.
_BETA = np.linspace(0.0, 6.0, 31)
_BETA_MEAN, _BETA_DEVIATION = 2.0, 1.0
_BLOCK_ELEMENTS = 2_000_000  # sums kept together; speed and memory alone: test_two_term.py::test_batches_equal_the_whole
# c is ψ at the centre times k0^α: e^500 of it is a number for ψ up to 1e91. At small centres 100 is far beyond any slope.
# test_two_term.py::test_the_exponent_is_limited_so_that_c_stays_a_number
_LARGEST_EXPONENT = 100.0
_LARGEST_LOG = 500.0  # of c over ψ at the centre
_TINY = np.finfo(np.float64).tiny
_TO_TANGENT = np.array([[1.0, 1.0], [1.0, 2.0]])  # (a/k0, b/k0²) -> (q, s)


def fit(problem: Problem) -> Laws:
    """Fit every usable point."""
    screened = screen(problem)
    fitted = Fitted.empty(problem.n_points)
    limit = min(_LARGEST_EXPONENT, _LARGEST_LOG / max(float(np.log(problem.center)), 1.0))
    for block in blocks(problem, screened, max(1, _BLOCK_ELEMENTS // max(problem.delta.shape[0], 6 * _BETA.size))):
        _fit_block(block, limit, fitted)
    return finish("two_term", problem, screened, fitted, form="two_term")


def _fit_block(block: Block, limit: float, fitted: Fitted) -> None:
    from scipy.stats import t

    S, T, Y = _sums(block)
    terms, inverse = _solve(S, T)
    # what rounding leaves of a row without noise: test_two_term.py::test_a_law_without_noise_is_found
    squares = np.maximum(Y - (terms * T).sum(axis=-1), 1e-15 * Y) + _TINY  # (b, n_beta)
    phi = 0.5 * (block.n[:, None] * np.log(squares) - block.sum_x[:, None] * _BETA)
    phi += 0.5 * ((_BETA - _BETA_MEAN) / _BETA_DEVIATION) ** 2
    rows, best = np.arange(block.n.size), phi.argmin(axis=1)
    variance = squares[rows, best] / (block.n - 2)
    tangent = terms[rows, best] @ _TO_TANGENT.T
    # the covariance of a normal whose 90 % interval is Student's
    student = (t.ppf(0.95, block.n - 2) / Z90) ** 2
    covariance = _TO_TANGENT @ inverse[rows, best] @ _TO_TANGENT.T * (variance * student)[:, None, None]
    columns = block.columns
    q, s = tangent[:, 0].copy(), tangent[:, 1]
    q = np.where(np.abs(q) * limit < np.abs(s), np.copysign(np.abs(s) / limit, q), q)
    alpha = np.divide(s, q, out=np.zeros_like(q), where=q != 0)
    low, high = _ratio_interval(q, s, covariance, limit)
    fitted.amplitude[columns], fitted.alpha[columns], fitted.covariance[columns] = q, alpha, covariance
    fitted.sigma[columns], fitted.beta[columns] = np.sqrt(variance), _BETA[best]
    fitted.alpha_low[columns], fitted.alpha_high[columns] = np.minimum(low, alpha), np.maximum(high, alpha)


def _sums(block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64], FloatMatrix]:
    """Σ w g g', Σ w g y and Σ w y² with g = (e^(−x), e^(−2x)) and w = e^(βx), for each point and β."""
    shape = (block.n.size, _BETA.size)
    S, T, Y = np.empty((*shape, 2, 2)), np.empty((*shape, 2)), np.empty(shape)
    count = np.ones_like(block.y) if block.present is None else block.present
    r, square = np.exp(-block.x), block.y**2
    for j, beta in enumerate(_BETA):
        w = np.exp(beta * block.x)
        for i in (1, 2):
            T[:, j, i - 1] = _dot(block.y, w * r**i)
        S[:, j, 0, 0], S[:, j, 1, 1] = _dot(count, w * r**2), _dot(count, w * r**4)
        S[:, j, 0, 1] = S[:, j, 1, 0] = _dot(count, w * r**3)
        Y[:, j] = _dot(square, w)
    return S, T, Y


def _dot(values: FloatMatrix, weights: FloatVector | FloatMatrix) -> FloatVector:
    return np.asarray(values @ weights if weights.ndim == 1 else np.einsum("bm,bm->b", values, weights))


def _solve(S: NDArray[np.float64], T: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """S⁻¹T and S⁻¹; S is regular wherever draws have two sizes, to rounding also where these are neighbours."""
    a, b, c = S[..., 0, 0], S[..., 0, 1], S[..., 1, 1]
    determinant = np.maximum(a * c - b * b, 1e-14 * a * c)
    inverse = np.stack([c, -b, -b, a], axis=-1).reshape(S.shape) / determinant[..., None, None]
    return np.einsum("...ij,...j->...i", inverse, T), inverse


def _ratio_interval(
    q: FloatVector, s: FloatVector, covariance: NDArray[np.float64], limit: float
) -> tuple[FloatVector, FloatVector]:
    """Fieller's 90 % interval of s / q; all of ±limit where q is not clear of zero."""
    z2 = Z90**2
    A, B = q * q - z2 * covariance[:, 0, 0], q * s - z2 * covariance[:, 0, 1]
    C = s * s - z2 * covariance[:, 1, 1]
    bounded = A > 0
    root = np.sqrt(np.maximum(B * B - A * C, 0.0))
    low, high = (np.divide(B + sign * root, A, out=np.full(q.shape, sign * limit), where=bounded) for sign in (-1.0, 1.0))
    return np.clip(low, -limit, limit), np.clip(high, -limit, limit)

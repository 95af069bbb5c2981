"""One point's posterior at given exponents: against numerical integration of the model, and linear algebra at every node."""

import numpy as np
import pytest
from reference import known_draws, student_nodes
from scipy.stats import invgamma, norm

from dscale_core.laws.problem import Block, blocks, grid_sums, make_problem, screen
from dscale_core.laws.shrinkage.posterior import GRID, RATIOS, NoisePrior, conjugate, nodes


def _block(draws: int = 6, holes: bool = False, seed: int = 31) -> tuple[Block, np.ndarray]:
    known = known_draws(3, draws, seed, 1.0)
    delta = known.delta.copy()
    if holes:
        delta[2, 0] = np.nan
    problem = make_problem(delta, known.sizes)
    screened = screen(problem)
    return next(blocks(problem, screened, 3)), screened.scale


def _integrated(
    y: np.ndarray, x: np.ndarray, alpha: float, beta: float, v: float, degrees: float, s0: float
) -> tuple[float, float, float, float]:
    """Log evidence, mean and variance of a, mean of s², by sums over a fine grid of (a / s, s)."""
    s = np.exp(np.linspace(-5, 5, 201))
    u = np.linspace(-1, 1, 801) * min(12 * np.sqrt(v), 30.0)
    a = u * s[:, None]
    log_p = norm.logpdf(u, scale=np.sqrt(v)) + invgamma.logpdf(s**2, degrees / 2, scale=degrees * s0**2 / 2)[:, None]
    for y_j, x_j in zip(y, x, strict=True):
        log_p = log_p + norm.logpdf(y_j, a * np.exp(-alpha * x_j), s[:, None] * np.exp(-beta * x_j / 2))
    log_p = log_p + 2 * np.log(s)[:, None]  # the step in s² is 2 s² times that in log s, the step in a is s times that in u
    weight = np.exp(log_p - log_p.max())
    total = weight.sum()
    mean = float((weight * a).sum() / total)
    variance = float((weight * (a - mean) ** 2).sum() / total)
    evidence = float(np.log(total) + log_p.max() + np.log(u[1] - u[0]))
    return evidence, mean, variance, float((weight * s[:, None] ** 2).sum() / total)


@pytest.mark.parametrize(("degrees", "s0"), [(3.0, 0.4), (12.0, 1.3)])
def test_nodes_agree_with_numerical_integration(degrees: float, s0: float) -> None:
    block, scale = _block()
    prior = NoisePrior(degrees, float(2 * np.log(scale[1] * s0)))
    got = nodes(block, grid_sums(block, GRID), prior, scale)
    evidence = []
    picked = [(0, 10, 5), (2, 0, 0), (3, 20, 8), (5, 12, 2), (4, 33, 15)]
    for node in picked:
        at = (1, *node)
        place = GRID.alpha[node[1]], GRID.beta[node[2]], RATIOS[node[0]]
        log_p, mean, variance, noise = _integrated(block.y[1], block.x, *place, degrees, s0)
        assert got.mean[at] == pytest.approx(mean, rel=1e-4)
        assert got.variance[at] == pytest.approx(variance, rel=1e-4)
        assert got.noise[at] == pytest.approx(noise, rel=1e-4)
        evidence.append(log_p)
    found = np.array([got.log_likelihood[(1, *node)] for node in picked])
    np.testing.assert_allclose(found - found[0], np.array(evidence) - evidence[0], atol=1e-4)


@pytest.mark.parametrize("holes", [False, True])
def test_every_node_agrees_with_linear_algebra(holes: bool) -> None:
    block, scale = _block(5, holes)
    prior = NoisePrior(2.5, float(2 * np.log(scale.mean())))
    got = nodes(block, grid_sums(block, GRID), prior, scale)
    place = np.meshgrid(RATIOS, GRID.alpha, GRID.beta, indexing="ij")
    ratio, alpha, beta = (axis.ravel() for axis in place)
    assert got.mean.shape == (3, RATIOS.size, GRID.n_alpha, GRID.n_beta)
    for i in range(3):
        seen = np.ones(5, dtype=bool) if block.present is None else block.present[i] > 0
        own = scale.mean() ** 2 / scale[i] ** 2
        expected = student_nodes(block.y[i, seen], block.x[seen], alpha, beta, ratio, 2.5, own)
        for name, values in zip(("mean", "variance", "noise"), expected[1:], strict=True):
            np.testing.assert_allclose(getattr(got, name)[i].ravel(), values, rtol=1e-6, atol=1e-12, err_msg=name)
        difference = got.log_likelihood[i].ravel() - expected[0]
        np.testing.assert_allclose(difference, difference[0], atol=1e-7)


def test_a_row_that_is_an_exact_law_has_finite_nodes() -> None:
    """What rounding would make negative is held at a trifle of the draws' own squares."""
    sizes = np.geomspace(100, 1000, 12)
    problem = make_problem(np.stack([sizes**-1.0, sizes**-2.0], axis=1), sizes)
    screened = screen(problem)
    block = next(blocks(problem, screened, 2))
    got = nodes(block, grid_sums(block, GRID), NoisePrior(1.0, -1e4), screened.scale)
    for name in ("log_likelihood", "mean", "variance", "noise"):
        assert np.isfinite(getattr(got, name)).all(), name
    assert (got.noise > 0).all()
    best = np.unravel_index(got.log_likelihood.reshape(2, -1).argmax(axis=1), got.mean.shape[1:])
    np.testing.assert_allclose(GRID.alpha[best[1]], [1.0, 2.0])


def test_sums_without_any_noise_are_floored() -> None:
    """C − v B² / (1 + v A) can come out below zero; S then is 1e-15 of C, which no draws in doubles resolve."""
    one = np.ones((1, 1, 1))
    got = conjugate(one, np.full((1, 1, 1), 1.5), one, np.array([5.0]), NoisePrior(2.0, -1e4), np.ones(1), 0.0)
    S = np.maximum(1 - RATIOS * 1.5**2 / (1 + RATIOS), 1e-15)
    np.testing.assert_allclose(got.noise.ravel(), S / 5)
    np.testing.assert_allclose(got.log_likelihood.ravel(), -3.5 * np.log(S) - 0.5 * np.log1p(RATIOS))
    assert np.any(S == 1e-15)


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1.0, 1e300])
def test_the_noise_prior_is_told_in_each_points_units(scale: float) -> None:
    prior = NoisePrior(3.0, 2 * np.log(0.2))
    got = prior.sum_of_squares(np.array([scale]))[0]
    assert np.isfinite(got)
    assert got > 0
    log = 2 * np.log(0.2) - 2 * np.log(scale)
    assert np.log(got / 3.0) == pytest.approx(np.clip(log, -600, 600))


def test_the_grid_spans_the_exponents_that_are_considered() -> None:
    assert GRID.alpha[[0, -1]].tolist() == [0.0, 4.0]
    assert GRID.beta[[0, -1]].tolist() == pytest.approx([0.0, 6.0])
    np.testing.assert_allclose(RATIOS, [1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0])

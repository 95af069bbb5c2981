"""The profile likelihood: value against the literal formula, derivatives against finite differences."""

from typing import Any

import numpy as np
import pytest
from reference import closed_forms, known_draws, log_likelihood

from dscale_core.laws.likelihood.profile import evaluate
from dscale_core.laws.problem import Block, Grid, blocks, grid_sums, make_problem, screen


def _block(kind: str, points: int = 6, draws: int = 25) -> tuple[Block, Any, Any]:
    known = known_draws(points, draws, 11)
    delta, sizes = known.delta.copy(), known.sizes
    if kind != "plain":
        delta[np.random.default_rng(0).random(delta.shape) < 0.2] = np.nan
    if kind == "own sizes":
        sizes = np.stack([np.random.default_rng(i).permutation(sizes) for i in range(points)], axis=1)
    problem = make_problem(delta, sizes)
    screened = screen(problem)
    return next(blocks(problem, screened, points)), problem, screened


KINDS = ["plain", "missing", "own sizes"]
ALPHA, BETA = np.array([0.3, 0.9, 1.0, 1.7, 2.5, 6.0]), np.array([0.2, 2.0, 1.0, 3.1, 7.0, 2.5])


@pytest.mark.parametrize("kind", KINDS)
def test_value_is_the_negative_log_likelihood_up_to_a_constant(kind: str) -> None:
    block, problem, screened = _block(kind)
    for i in range(6):
        column, sizes = problem.delta[:, i], problem.sizes if problem.sizes.ndim == 1 else problem.sizes[:, i]
        seen = np.isfinite(column)
        differences = []
        for alpha, beta in zip(ALPHA, BETA, strict=True):
            c, sigma = closed_forms(column[seen], sizes[seen], alpha, beta)
            at = evaluate(block, np.full(6, alpha), np.full(6, beta))
            differences.append(at.value[i] + log_likelihood(column, sizes, c, alpha, sigma, beta))
            assert at.amplitude[i] * screened.scale[i] == pytest.approx(c * problem.center**-alpha, rel=1e-9)
        np.testing.assert_allclose(differences, differences[0], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_and_hessian_match_finite_differences(kind: str) -> None:
    block, _, _ = _block(kind)
    at = evaluate(block, ALPHA, BETA)
    h = 1e-5
    for axis, (da, db) in enumerate(((h, 0.0), (0.0, h))):
        up, down = evaluate(block, ALPHA + da, BETA + db), evaluate(block, ALPHA - da, BETA - db)
        np.testing.assert_allclose(at.gradient[:, axis], (up.value - down.value) / (2 * h), rtol=1e-5, atol=1e-6)
        numeric = (up.gradient - down.gradient) / (2 * h)
        np.testing.assert_allclose(at.hessian[:, axis], numeric, rtol=1e-5, atol=1e-6)


def test_joint_hessian_matches_finite_differences_of_the_free_likelihood() -> None:
    """φ(a, α, β) with only the noise profiled out, evaluated literally."""
    block, _, _ = _block("plain")
    at = evaluate(block, ALPHA, BETA)

    def phi(i: int, a: float, alpha: float, beta: float) -> float:
        F = np.sum(np.exp(beta * block.x) * (block.y[i] - a * np.exp(-alpha * block.x)) ** 2)
        return 0.5 * block.n[i] * np.log(F) - 0.5 * beta * block.x.sum()

    for i in (1, 3):
        here = np.array([at.amplitude[i], ALPHA[i], BETA[i]])
        h = 1e-4 * np.diag([abs(here[0]), 1.0, 1.0])
        for r in range(3):
            for s in range(3):
                corners = [phi(i, *(here + p * h[r] + q * h[s])) * p * q for p in (1, -1) for q in (1, -1)]
                numeric = sum(corners) / (4 * h[r, r] * h[s, s])
                size = np.sqrt(abs(at.joint[i, r, r] * at.joint[i, s, s]))
                assert at.joint[i, r, s] == pytest.approx(numeric, rel=1e-4, abs=1e-4 * abs(size))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_grid_sums_match_their_definition(kind: str, weighted: bool) -> None:
    block, _, _ = _block(kind)
    weight = np.arange(block.y.shape[1]) % 3.0 if weighted else None
    grid = Grid(n_alpha=5, n_beta=3, step=0.4, stride=2)
    sums = grid_sums(block, grid, weight)
    count = np.ones_like(block.y) if block.present is None else block.present
    count = count if weight is None else count * weight
    for i, alpha in enumerate(grid.alpha):
        for j, beta in enumerate(grid.beta):
            w = count * np.exp(beta * block.x)
            f = np.exp(-alpha * block.x)
            A = np.broadcast_to(sums.A, (6, 5, 3))[:, i, j]
            np.testing.assert_allclose(A, (w * f * f).sum(axis=1), rtol=1e-10)
            np.testing.assert_allclose(sums.B[:, i, j], (w * f * block.y).sum(axis=1), rtol=1e-9, atol=1e-10)
            np.testing.assert_allclose(sums.C[:, j], (w * block.y**2).sum(axis=1), rtol=1e-10)

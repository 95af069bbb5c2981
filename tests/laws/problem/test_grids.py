"""Sums on a grid of exponents against their definition, cell by cell."""

import numpy as np
import pytest
from reference import known_draws

from dscale_core.laws.problem import Block, Grid, blocks, grid_sums, make_problem, screen

KINDS = ["plain", "missing", "own sizes", "own sizes, none missing"]


def _block(kind: str, points: int = 3, draws: int = 11) -> Block:
    known = known_draws(points, draws, 11)
    delta, sizes = known.delta.copy(), known.sizes
    if kind in ("missing", "own sizes"):
        delta[np.random.default_rng(0).random(delta.shape) < 0.2] = np.nan
    if kind.startswith("own sizes"):
        sizes = np.stack([np.random.default_rng(i).permutation(sizes) for i in range(points)], axis=1)
    problem = make_problem(delta, sizes)
    return next(blocks(problem, screen(problem), points))


def test_a_grid_names_its_cells() -> None:
    grid = Grid(n_alpha=4, n_beta=3, step=0.25, stride=2)
    assert grid.alpha.tolist() == [0.0, 0.25, 0.5, 0.75]
    assert grid.beta.tolist() == [0.0, 0.5, 1.0]
    assert grid.size == 12
    assert Grid(2, 3, 1).alpha.dtype == Grid(2, 3, 1).beta.dtype == np.float64
    assert Grid(2, 3, 0.5).beta.tolist() == [0.0, 0.5, 1.0]  # alike in both unless said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("grid", [Grid(5, 3, 0.4, stride=2), Grid(2, 4, 0.3), Grid(1, 1, 0.5)])
def test_sums_match_their_definition(kind: str, weighted: bool, grid: Grid) -> None:
    block = _block(kind)
    weight = np.arange(block.y.shape[1]) % 3.0 if weighted else None
    sums = grid_sums(block, grid, weight)
    count = np.ones_like(block.y) if block.present is None else block.present
    count = count if weight is None else count * weight
    shape = (3, grid.n_alpha, grid.n_beta)
    assert sums.A.shape == (shape if block.present is not None or block.x.ndim == 2 else (1, *shape[1:]))
    assert sums.B.shape == shape
    assert sums.C.shape == (3, grid.n_beta)
    for i, alpha in enumerate(grid.alpha):
        for j, beta in enumerate(grid.beta):
            w = count * np.exp(beta * block.x)
            f = np.exp(-alpha * block.x)
            A = np.broadcast_to(sums.A, shape)[:, i, j]
            np.testing.assert_allclose(A, (w * f * f).sum(axis=1), rtol=1e-10)
            np.testing.assert_allclose(sums.B[:, i, j], (w * f * block.y).sum(axis=1), rtol=1e-9, atol=1e-10)
            np.testing.assert_allclose(sums.C[:, j], (w * block.y**2).sum(axis=1), rtol=1e-10)

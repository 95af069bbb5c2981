"""Resampling of whole passes: against draws that are really repeated, one point and one replicate at a time."""

import numpy as np
import pytest
from reference import known_draws, student_nodes

from dscale_core.laws.problem import Block, Problem, Screen, blocks, make_problem, screen
from dscale_core.laws.shrinkage.posterior import GRID, RATIOS, NoisePrior
from dscale_core.laws.shrinkage.prior import Prior, Weights, learn_prior
from dscale_core.laws.shrinkage.resampling import _SEED, resampled_covariance, resampling_units


def _setting(holes: bool, own: bool = False) -> tuple[Problem, Screen, Block, Prior, np.ndarray]:
    """Four points of two groups with 27 draws in nine passes, and a node for each point."""
    known = known_draws(4, 27, 91, 1.0)
    delta = known.delta.copy()
    if holes:
        delta[[1, 5, 20], [0, 2, 2]] = np.nan
    sizes = known.sizes
    if own:
        sizes = np.stack([np.random.default_rng(i).permutation(sizes) for i in range(4)], axis=1)
    problem = make_problem(delta, sizes, passes=np.random.default_rng(0).permutation(27) % 9, groups=[0, 1, 1, 0])
    screened = screen(problem)
    prior = learn_prior(problem, screened)
    mode = np.ravel_multi_index(([2, 3, 4, 1], [9, 12, 7, 30], [5, 6, 4, 8]), (RATIOS.size, GRID.n_alpha, GRID.n_beta))
    return problem, screened, next(blocks(problem, screened, 4)), prior, mode


def _replicate(
    y: np.ndarray, x: np.ndarray, weights: Weights, node: tuple[int, int], prior: NoisePrior, scale: float
) -> tuple[float, float]:
    """Posterior means of amplitude and α of these draws, with β and the ratio known."""
    alone = np.full(GRID.n_alpha, GRID.beta[node[1]])
    ratio = np.full(GRID.n_alpha, RATIOS[node[0]])
    log_p, mean, _, _ = student_nodes(y, x, GRID.alpha, alone, ratio, prior.degrees, np.exp(prior.log_scale) / scale**2)
    log_p = log_p + np.log(weights.alpha)
    share = np.exp(log_p - log_p.max()) / np.exp(log_p - log_p.max()).sum()
    return float(share @ mean), float(share @ GRID.alpha)


@pytest.mark.parametrize(("holes", "own"), [(False, False), (True, False), (True, True)])
def test_the_covariance_is_that_of_draws_that_are_repeated(holes: bool, own: bool) -> None:
    problem, screened, block, prior, mode = _setting(holes, own)
    assert problem.passes is not None
    assert problem.groups is not None
    got = resampled_covariance(problem.passes, block, prior, problem.groups, screened.scale, mode)
    place = np.unravel_index(mode, (RATIOS.size, GRID.n_alpha, GRID.n_beta))
    rng = np.random.default_rng(_SEED)
    times = [rng.multinomial(9, np.full(9, 1 / 9)) for _ in range(60)]
    for i in range(4):
        found = []
        seen = np.ones(27, dtype=bool) if block.present is None else block.present[i] > 0
        x = block.x[i] if own else block.x
        # degrees of freedom stay those of the draws there were, whichever passes are repeated
        for count in times:
            rows = np.concatenate([np.repeat(np.flatnonzero((problem.passes == p) & seen), c) for p, c in enumerate(count)])
            degrees = prior.noise.degrees + seen.sum() - rows.size
            noise = NoisePrior(degrees, prior.noise.log_scale + np.log(prior.noise.degrees / degrees))
            weights = prior.weights[problem.groups[i]]
            found.append(
                _replicate(block.y[i, rows], x[rows], weights, (place[0][i], place[2][i]), noise, screened.scale[i])
            )
        np.testing.assert_allclose(got[i], np.cov(np.array(found).T), rtol=1e-6, atol=1e-12)


def test_an_exact_law_without_noise_hardly_moves() -> None:
    sizes = np.tile(np.geomspace(100, 1000, 3), 9)
    problem = make_problem((sizes**-1.0)[:, None], sizes, passes=np.repeat(np.arange(9), 3))
    screened = screen(problem)
    block = next(blocks(problem, screened, 1))
    prior = Prior(NoisePrior(1.0, -1e4), np.zeros((1, 6, 41, 16)), (Weights(np.ones(6), np.ones(41), np.ones(16)),))
    mode = np.array([np.ravel_multi_index((5, 10, 5), (RATIOS.size, GRID.n_alpha, GRID.n_beta))])
    assert problem.passes is not None
    got = resampled_covariance(problem.passes, block, prior, np.zeros(1, dtype=np.int64), screened.scale, mode)
    assert np.isfinite(got).all()
    assert np.sqrt(np.abs(got)).max() < 1e-2


def test_passes_are_the_units_where_there_are_eight_and_draws_stand_in_for_few() -> None:
    eight, seven = np.arange(30) % 8, np.arange(30) % 7
    assert resampling_units(eight, 30) is eight
    for passes in (seven, None):
        np.testing.assert_array_equal(resampling_units(passes, 30), np.arange(30) % 24)
        np.testing.assert_array_equal(resampling_units(passes, 12), np.arange(12))
        np.testing.assert_array_equal(resampling_units(passes, 8), np.arange(8))
        assert resampling_units(passes, 7) is None

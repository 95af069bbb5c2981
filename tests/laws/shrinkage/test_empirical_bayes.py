"""From posteriors to laws: every number of the law against a literal sum over the nodes of the posterior."""

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws, student_nodes
from scipy.optimize import minimize_scalar

from dscale_core.laws import fit_laws, fit_quickly
from dscale_core.laws.problem import Problem, blocks, make_problem, screen
from dscale_core.laws.shrinkage import fit_draws
from dscale_core.laws.shrinkage.empirical_bayes import _covariance, _interval, _law_of_mean_curve, _wider
from dscale_core.laws.shrinkage.posterior import GRID, RATIOS
from dscale_core.laws.shrinkage.prior import learn_prior
from dscale_core.laws.shrinkage.resampling import resampled_covariance

EDGES = np.arange(GRID.n_alpha + 1) * 0.1 - 0.05  # of the cells of α


def _problem(points: int = 5, draws: int = 7, seed: int = 95, **more: object) -> Problem:
    known = known_draws(points, draws, seed, 1.5)
    return make_problem(known.delta, known.sizes, **more)  # type: ignore[arg-type]


def _posterior(problem: Problem, column: int) -> tuple[np.ndarray, ...]:
    """Weight, α, β, mean and variance of the scaled amplitude and mean noise, of every node of one point."""
    screened = screen(problem)
    prior = learn_prior(problem, screened)
    ratio, alpha, beta = (axis.ravel() for axis in np.meshgrid(RATIOS, GRID.alpha, GRID.beta, indexing="ij"))
    seen = np.isfinite(problem.delta[:, column])
    scale = screened.scale[column]
    own = np.exp(prior.noise.log_scale) / scale**2
    log_p, mean, variance, noise = student_nodes(
        problem.delta[seen, column] / scale, problem.x[seen], alpha, beta, ratio, prior.noise.degrees, own
    )
    group = 0 if problem.groups is None else int(problem.groups[column])
    log_p = log_p + prior.log_weights[group].ravel()
    weight = np.exp(log_p - log_p.max())
    return weight / weight.sum(), alpha, beta, mean, variance, noise


def _quantile(weight: np.ndarray, level: float) -> float:
    """Of α, whose distribution function is linear within cells; exponents are not negative."""
    below = np.concatenate([[0.0], np.cumsum(weight)])
    return max(float(np.interp(level, below, EDGES)), 0.0)


@pytest.mark.parametrize("groups", [None, [0, 1, 1, 0, 1]])
@pytest.mark.parametrize("holes", [False, True])
def test_the_law_is_the_posteriors(groups: list[int] | None, holes: bool) -> None:
    """Seven draws are not resampled, so that covariance and interval are the posterior's own."""
    problem = _problem(groups=groups)
    if holes:
        delta = problem.delta.copy()
        delta[[1, 4], [0, 3]] = np.nan
        problem = replace(problem, delta=delta)
    laws = fit_draws(problem)
    curve_x = np.linspace(problem.x.min(), problem.x.max(), 7)
    for i in range(5):
        scale = np.nanmax(np.abs(problem.delta[:, i]))
        weight, alpha, beta, mean, variance, noise = _posterior(problem, i)
        mean_alpha = weight @ alpha
        assert laws.alpha[i] == pytest.approx(mean_alpha)
        assert laws.beta[i] == pytest.approx(weight @ beta)
        assert laws.sigma[i] * problem.center ** (-laws.beta[i] / 2) == pytest.approx(scale * np.sqrt(weight @ noise))

        at = np.exp(-alpha[:, None] * curve_x)
        psi = weight @ (mean[:, None] * at)
        of_psi = weight @ ((mean**2 + variance)[:, None] * at**2) - psi**2
        closest = minimize_scalar(lambda a, p=psi, v=of_psi, m=mean_alpha: np.sum((p - a * np.exp(-m * curve_x)) ** 2 / v))
        assert laws.psi(problem.center)[i] == pytest.approx(scale * closest.x, rel=1e-6)

        a = weight @ mean
        expected = np.array([
            [weight @ (variance + (mean - a) ** 2), weight @ (mean * (alpha - mean_alpha))],
            [weight @ (mean * (alpha - mean_alpha)), weight @ (alpha - mean_alpha) ** 2 + 0.1**2 / 12],
        ])  # fmt: skip
        np.testing.assert_allclose(laws.covariance[i], expected * np.outer([scale, 1], [scale, 1]), rtol=1e-6)
        cells = np.bincount(np.round(alpha * 10).astype(int), weight)
        assert laws.alpha_low[i] == pytest.approx(min(_quantile(cells, 0.05), mean_alpha), abs=1e-6)
        assert laws.alpha_high[i] == pytest.approx(max(_quantile(cells, 0.95), mean_alpha), abs=1e-6)
    assert np.abs(laws.covariance[:, 0, 1] / np.sqrt(laws.covariance[:, 0, 0] * laws.covariance[:, 1, 1])).max() > 0.1


def test_resampling_widens_what_the_posterior_says() -> None:
    """About each point's most likely node; draws stand in for passes that are not told. The two draws of a unit are one."""
    known = known_draws(5, 24, 100, 1.5)
    units = np.arange(48) % 24
    delta, sizes = np.tile(known.delta, (2, 1)), np.tile(known.sizes, 2)
    problem = make_problem(delta, sizes, passes=units, groups=[0, 1, 1, 0, 1])
    screened = screen(problem)
    prior = learn_prior(problem, screened)
    block = next(blocks(problem, screened, 5))
    posteriors = [_posterior(problem, i) for i in range(5)]
    best = np.array([weight.argmax() for weight, *_ in posteriors])
    assert problem.groups is not None
    resampled = resampled_covariance(units, block, prior, problem.groups, screened.scale, best)
    told, untold = fit_draws(problem), fit_draws(replace(problem, passes=None))
    wider = 0
    for i, (weight, alpha, _, mean, variance, _) in enumerate(posteriors):
        own = [weight @ (variance + mean**2) - (weight @ mean) ** 2, weight @ alpha**2 - (weight @ alpha) ** 2 + 0.01 / 12]
        deviation = np.sqrt(np.maximum(own, np.diag(resampled[i])))
        for laws in (told, untold):
            got = np.sqrt(np.diag(laws.covariance[i])) / [screened.scale[i], 1.0]
            np.testing.assert_allclose(got, deviation, rtol=1e-5)
        wider += np.sum(np.diag(resampled[i]) > 1.2 * np.array(own))
    assert wider >= 3


def test_interval_ends_are_quantiles_of_a_piecewise_linear_distribution() -> None:
    rng = np.random.default_rng(0)
    weight = rng.random((8, GRID.n_alpha)) ** np.array([1, 3, 9, 30, 1, 3, 9, 30])[:, None]
    weight[4:, rng.random(GRID.n_alpha) < 0.5] = 0.0
    weight /= weight.sum(axis=1, keepdims=True)
    low, high = _interval(weight)
    for i in range(8):
        assert low[i] == pytest.approx(_quantile(weight[i], 0.05))
        assert high[i] == pytest.approx(_quantile(weight[i], 0.95))


@pytest.mark.parametrize(
    ("cell", "low", "high"), [(0, 0.0, 0.045), (1, 0.055, 0.145), (17, 1.655, 1.745), (40, 3.955, 4.045)]
)
def test_all_mass_in_one_cell_gives_that_cells_interval(cell: int, low: float, high: float) -> None:
    got = _interval(np.eye(GRID.n_alpha)[[cell]])
    assert got[0][0] == pytest.approx(low)
    assert got[1][0] == pytest.approx(high)


def test_mass_just_below_one_in_total_does_not_run_off_the_grid() -> None:
    """Rounding may leave the sum below the level where nearly all mass is in the last cell."""
    weight = np.zeros((1, GRID.n_alpha))
    weight[0, -1] = 0.94
    low, high = _interval(weight)
    assert high[0] == pytest.approx(4.05)
    assert low[0] < high[0]


def test_the_wider_of_two_keeps_the_correlation() -> None:
    one = np.array([[[4.0, -1.0], [-1.0, 1.0]]] * 4)
    other = np.array([np.diag(d) for d in ([9.0, 0.5], [1.0, 4.0], [16.0, 9.0], [1.0, 0.25])])
    got = _wider(one, other)
    deviation = np.sqrt(np.diagonal(got, axis1=1, axis2=2))
    np.testing.assert_allclose(deviation, [[3, 1], [2, 2], [4, 3], [2, 1]])
    np.testing.assert_allclose(got[:, 0, 1] / deviation.prod(axis=1), -0.5)
    np.testing.assert_allclose(got[:, 0, 1], got[:, 1, 0])


def test_what_has_no_variance_is_not_widened() -> None:
    still = np.zeros((1, 2, 2))
    still[0, 1, 1] = 1.0
    np.testing.assert_array_equal(_wider(still, np.array([[[5.0, 1.0], [1.0, 4.0]]])), [[[0, 0], [0, 4]]])


def _moments(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight of each α, and E[a; α] and E[a²; α] of a mixture that is drawn here: (3, n_alpha) each."""
    rng = np.random.default_rng(seed)
    weight = rng.random((3, GRID.n_alpha)) ** 4
    weight /= weight.sum(axis=1, keepdims=True)
    mean, variance = rng.normal(1.0, 0.5, weight.shape), rng.random(weight.shape)
    return weight, weight * mean, weight * (mean**2 + variance)


def test_covariance_of_a_mixture_by_simulation() -> None:
    weight, first, second = _moments()
    got = _covariance(weight, first, second)
    rng = np.random.default_rng(1)
    for i in range(3):
        cell = rng.choice(GRID.n_alpha, size=200_000, p=weight[i])
        mean, square = first[i] / weight[i], second[i] / weight[i]
        a = rng.normal(mean[cell], np.sqrt(square - mean**2)[cell])
        alpha = GRID.alpha[cell] + rng.uniform(-0.05, 0.05, cell.size)
        np.testing.assert_allclose(got[i], np.cov(a, alpha), atol=0.02)


def test_an_amplitude_without_variance_has_none() -> None:
    weight, first, _ = _moments()
    steady = weight * 0.3
    got = _covariance(weight, steady, steady * 0.3 * (1 - 1e-15))
    assert np.all(got[:, 0, 0] >= 0)
    np.testing.assert_allclose(got[:, 0, :], 0.0, atol=1e-14)
    assert first.shape == weight.shape


def test_the_law_of_a_certain_curve_is_that_curve() -> None:
    """One cell of α alone, without variance: the precision is floored and the amplitude comes back."""
    weight = np.eye(GRID.n_alpha)[[12]]
    amplitude, alpha = _law_of_mean_curve(weight, 0.7 * weight, 0.49 * weight, np.array([0.0, 0.1]))
    assert alpha[0] == pytest.approx(1.2)
    assert amplitude[0] == pytest.approx(0.7)


def test_exponents_at_the_edge_of_the_grid_are_marked() -> None:
    sizes = np.geomspace(100, 1000, 40)
    x = np.log(sizes / 316)[:, None]
    rng = np.random.default_rng(0)
    delta = np.exp(-np.array([5.0, 2.0, -1.0]) * x) * (1 + 0.02 * rng.normal(size=(40, 3)))
    laws = fit_draws(make_problem(delta, sizes))
    assert laws.status.tolist() == ["at_bound", "ok", "grows"]


def test_the_edge_needs_more_than_half_of_the_posterior() -> None:
    """A law between the last two cells: α = 3.93 is in the second to last, 3.97 in the last."""
    sizes = np.tile(np.geomspace(100, 1000, 9), 400)
    x = np.log(sizes / np.exp(np.log(sizes).mean()))
    for alpha, status in ((3.9, "ok"), (4.0, "at_bound")):
        delta = np.exp(-alpha * x) + 1e-3 * np.exp(-x) * np.where(np.arange(x.size) // 9 % 2 == 0, 1, -1)
        assert fit_draws(make_problem(delta[:, None], sizes)).status[0] == status


def test_a_quick_fit_is_the_fit_without_its_misfit() -> None:
    known = known_draws(40, 16, 96, 0.7)
    passes, groups = np.arange(16) // 2, np.arange(40) % 2
    quick = fit_quickly(known.delta, known.sizes, passes, groups)
    whole = fit_laws(known.delta, known.sizes, passes=passes, groups=groups)
    np.testing.assert_array_equal(quick.c, whole.c)
    np.testing.assert_array_equal(quick.covariance, whole.covariance)
    assert quick.misfit.shape == (2, 0)
    assert whole.misfit.shape == (2, 7)
    assert np.all(whole.alpha_high > quick.alpha_high)


def test_progress_rises_to_one_and_is_told_at_every_half() -> None:
    known = known_draws(40, 16, 97, 0.7)
    told: list[float] = []
    laws = fit_laws(known.delta, known.sizes, on_progress=told.append)
    assert told[0] == pytest.approx(0.1)
    assert told[1] == pytest.approx(0.6)  # the laws are there; four splits of two halves follow
    assert told[-1] == 1.0
    assert len(told) == 10
    np.testing.assert_allclose(told[1:-1], np.linspace(0.6, 0.95, 8))
    np.testing.assert_array_equal(laws.c, fit_laws(known.delta, known.sizes).c)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = _problem(7, 12, groups=[0, 0, 1, 1, 2, 2, 2], passes=np.arange(12) % 9)
    whole = fit_draws(problem)
    monkeypatch.setattr("dscale_core.laws.shrinkage.empirical_bayes._BLOCK_POINTS", 2)
    parts = fit_draws(problem)
    for name in ("c", "alpha", "sigma", "alpha_low", "covariance"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-9)

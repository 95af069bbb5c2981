"""Priors learned from the points: a known mixture comes back, and every step agrees with plain loops."""

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import norm

from dscale_core.laws.problem import Problem, Screen, blocks, grid_sums, make_problem, screen
from dscale_core.laws.shrinkage.posterior import GRID, RATIOS, NoisePrior, nodes
from dscale_core.laws.shrinkage.prior import Weights, _default, _learn, _noise_prior, _smooth, _table, learn_prior


def _problem(points: int = 30, draws: int = 12, seed: int = 81, **more: object) -> tuple[Problem, Screen]:
    known = known_draws(points, draws, seed, 1.0)
    problem = make_problem(known.delta, known.sizes, **more)  # type: ignore[arg-type]
    return problem, screen(problem)


def test_learned_weights_find_the_exponents_of_the_points() -> None:
    known = known_draws(600, 60, 38, 1.0)
    problem = make_problem(known.delta, known.sizes)
    weights = learn_prior(problem, screen(problem)).weights[0]
    for axis, at, truth in ((weights.alpha, GRID.alpha, known.alpha), (weights.beta, GRID.beta, known.beta)):
        assert axis.sum() == pytest.approx(1.0)
        mean = axis @ at
        assert mean == pytest.approx(truth.mean(), abs=0.05)
        # the prior's own smoothing and the broad default widen what is found
        assert truth.std() < np.sqrt(axis @ (at - mean) ** 2) < 2 * truth.std()


def test_a_known_mixture_of_signal_and_silence_is_found() -> None:
    """Two thirds of the points have hardly any signal, the others ten times a draw's noise."""
    rng = np.random.default_rng(0)
    sizes = np.geomspace(100, 1000, 30)
    x = np.log(sizes / 316)[:, None]
    strong = np.arange(300) % 3 == 0
    amplitude = np.where(strong, 10.0, 0.01) * rng.choice([-1, 1], 300)
    problem = make_problem(amplitude * np.exp(-x) + np.exp(-x) * rng.normal(size=(30, 300)), sizes)
    ratio = learn_prior(problem, screen(problem)).weights[0].ratio
    assert ratio[:2].sum() == pytest.approx(2 / 3, abs=0.12)  # v of 0.001 and 0.01
    assert ratio[4:].sum() == pytest.approx(1 / 3, abs=0.1)  # v of 10 and 100


def test_the_default_is_broad_about_the_usual_exponents() -> None:
    default = _default()
    for axis, at, mean, deviation in ((default.alpha, GRID.alpha, 1.0, 0.5), (default.beta, GRID.beta, 2.0, 1.0)):
        density = norm.pdf(at, mean, deviation)
        np.testing.assert_allclose(axis, 0.9 * density / density.sum() + 0.1 / at.size)
    np.testing.assert_allclose(default.ratio, np.full(6, 1 / 6))


def test_log_weights_are_those_of_independent_axes() -> None:
    rng = np.random.default_rng(0)
    weights = Weights(rng.random(RATIOS.size), rng.random(GRID.n_alpha), rng.random(GRID.n_beta))
    got = np.exp(weights.log())
    assert got.shape == (RATIOS.size, GRID.n_alpha, GRID.n_beta)
    for v, i, j in ((0, 0, 0), (3, 40, 2), (5, 7, 15)):
        assert got[v, i, j] == pytest.approx(weights.ratio[v] * weights.alpha[i] * weights.beta[j])


def test_smoothing_keeps_the_mass_and_spreads_it_to_both_sides() -> None:
    weights = np.random.default_rng(0).random(9)
    assert _smooth(weights).sum() == pytest.approx(weights.sum())
    np.testing.assert_allclose(_smooth(np.eye(5)[2]), [0, 0.25, 0.5, 0.25, 0])
    np.testing.assert_allclose(_smooth(np.eye(5)[0]), [0.75, 0.25, 0, 0, 0])  # what would leave stays
    np.testing.assert_allclose(_smooth(np.eye(5)[4]), [0, 0, 0, 0.25, 0.75])


def _literal_round(table: np.ndarray, weights: Weights, base: Weights, pseudo: float) -> Weights:
    """Each point's posterior over the nodes, summed; smoothed along the exponents; pseudo-points of the base added."""
    total = np.zeros(table.shape[1:])
    for likelihood in table.astype(float):
        own = likelihood * np.einsum("v,i,j->vij", weights.ratio, weights.alpha, weights.beta)
        total += own / own.sum()
    n = len(table)
    binomial = [0.25, 0.5, 0.25]
    axes = []
    for axis, name in (
        (total.sum(axis=(1, 2)), "ratio"),
        (total.sum(axis=(0, 2)), "alpha"),
        (total.sum(axis=(0, 1)), "beta"),
    ):
        if name != "ratio":
            axis = np.convolve(np.pad(axis, 1, mode="edge"), binomial, mode="valid")
        axes.append((axis + pseudo * getattr(base, name)) / (n + pseudo))
    return Weights(*axes)


@pytest.mark.parametrize("pseudo", [0.5, 20.0])
def test_learning_is_expectation_and_maximisation(pseudo: float) -> None:
    rng = np.random.default_rng(1)
    table = rng.random((7, RATIOS.size, GRID.n_alpha, GRID.n_beta)).astype(np.float32) ** 12
    base = _default()
    expected = base
    for _ in range(20):
        expected = _literal_round(table, expected, base, pseudo)
    got = _learn(table, base, pseudo)
    for name in ("ratio", "alpha", "beta"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), rtol=1e-4)
        assert getattr(got, name).sum() == pytest.approx(1.0)


def test_without_points_the_base_stands_and_pseudo_points_hold_it() -> None:
    base = _default()
    assert _learn(np.empty((0, RATIOS.size, GRID.n_alpha, GRID.n_beta), np.float32), base, 20.0) is base
    table = np.zeros((3, RATIOS.size, GRID.n_alpha, GRID.n_beta), np.float32)
    table[:, 5, 30, 2] = 1.0
    held, loose = _learn(table, base, 1e6), _learn(table, base, 0.1)
    np.testing.assert_allclose(held.alpha, base.alpha, rtol=1e-3)
    assert loose.ratio[5] > 0.9
    assert loose.alpha[29:32].sum() > 0.9


def test_the_table_holds_likelihoods_relative_to_each_points_best(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, screened = _problem(5)
    noise = NoisePrior(3.0, -12.0)
    block = next(blocks(problem, screened, 5))
    value = nodes(block, grid_sums(block, GRID), noise, screened.scale).log_likelihood
    expected = np.exp(value - value.max(axis=(1, 2, 3), keepdims=True))
    monkeypatch.setattr("dscale_core.laws.shrinkage.prior._BLOCK_POINTS", 2)
    table = _table(problem, screened, noise)
    assert table.dtype == np.float32
    np.testing.assert_allclose(table, expected, rtol=1e-5, atol=1e-30)


def _least_squares(y: np.ndarray, x: np.ndarray) -> float:
    """Σ w (y − a f)² at the exponents of the grid with the highest profile likelihood."""
    best = (np.inf, np.nan)
    for beta in GRID.beta:
        w = np.exp(beta * x)
        f = np.exp(-GRID.alpha[:, None] * x)
        squares = w @ y**2 - (f @ (w * y)) ** 2 / (f**2 @ w)
        nats = y.size * np.log(squares) - beta * x.sum()
        best = min(best, *zip(nats, squares, strict=True))
    return best[1]


@pytest.mark.parametrize("holes", [False, True])
def test_the_noise_prior_matches_the_centre_and_spread_of_log_variances(holes: bool) -> None:
    problem, screened = _problem(40, 9)
    if holes:
        delta = problem.delta.copy()
        delta[2:7, ::2] = np.nan  # four draws, which leave one degree of freedom
        problem = replace(problem, delta=delta)
        screened = screen(problem)
    logs, own = [], []
    for column in range(40):
        seen = np.isfinite(problem.delta[:, column])
        half = 0.5 * max(seen.sum() - 3, 1)
        squares = _least_squares(problem.delta[seen, column] / screened.scale[column], problem.x[seen])
        logs.append(np.log(squares * screened.scale[column] ** 2 / 2) - digamma(half))
        own.append(polygamma(1, half))
    low, middle, high = np.quantile(logs, [0.25, 0.5, 0.75])
    between = ((high - low) / (norm.ppf(0.75) - norm.ppf(0.25))) ** 2 - np.mean(own)
    got = _noise_prior(problem, screened)
    assert polygamma(1, got.degrees / 2) == pytest.approx(between, rel=0.02)
    assert got.log_scale == pytest.approx(middle + digamma(got.degrees / 2) - np.log(got.degrees / 2))


@pytest.mark.parametrize("spread", [0.0, 0.35, 1.0, 30.0])
def test_the_spread_of_noise_among_points_is_recovered(spread: float) -> None:
    """Log-normal noise: ν is such that trigamma(ν / 2) is the variance of log σ², (2 spread)², between 0.5 and 60."""
    rng = np.random.default_rng(3)
    sizes = np.geomspace(100, 1000, 40)
    x = np.log(sizes / 316)[:, None]
    s = np.exp(-3 + spread * rng.normal(size=300))
    problem = make_problem(s * np.exp(-x) * rng.normal(size=(40, 300)), sizes)
    prior = _noise_prior(problem, screen(problem))
    within = np.clip((2 * spread) ** 2, polygamma(1, 30), polygamma(1, 0.25))
    expected = brentq(lambda nu: polygamma(1, nu / 2) - within, 0.4, 70)
    assert prior.degrees == pytest.approx(expected, rel=0.25)
    if spread < 1:
        assert prior.log_scale == pytest.approx(-6.0, abs=0.3)


def test_a_sample_of_points_teaches_all() -> None:
    problem, screened = _problem(30)
    whole = learn_prior(problem, screened)
    part = make_problem(problem.delta[:, [0, 7, 14, 21, 29]], problem.sizes)
    expected = learn_prior(part, screen(part))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dscale_core.laws.shrinkage.prior._SAMPLE", 5)
        got = learn_prior(problem, screened)
    assert got.noise.degrees == pytest.approx(expected.noise.degrees)
    assert got.noise.log_scale == pytest.approx(expected.noise.log_scale)
    np.testing.assert_allclose(got.log_weights, expected.log_weights, rtol=1e-6)
    assert np.abs(got.log_weights - whole.log_weights).max() > 0.01
    assert whole.log_weights.shape == (1, RATIOS.size, GRID.n_alpha, GRID.n_beta)
    np.testing.assert_allclose(whole.log_weights[0], whole.weights[0].log())


def test_groups_start_from_what_all_points_taught() -> None:
    labels = np.arange(30) % 3
    problem, screened = _problem(30, groups=labels)
    got = learn_prior(problem, screened)
    assert len(got.weights) == len(got.log_weights) == 3
    table = _table(problem, screened, got.noise)
    pooled = _learn(table, _default(), 20.0)
    for g in range(3):
        expected = _learn(table[labels == g], pooled, 60.0)
        np.testing.assert_allclose(got.weights[g].alpha, expected.alpha, rtol=1e-6)
        np.testing.assert_allclose(got.log_weights[g], expected.log(), rtol=1e-6)


def test_a_group_without_usable_points_keeps_what_all_taught() -> None:
    """None that can be fitted, or none in the sample."""
    problem, _ = _problem(20, groups=np.arange(20) == 7)
    delta = problem.delta.copy()
    delta[:, 7] = 0.0
    problem = replace(problem, delta=delta)
    screened = screen(problem)
    got = learn_prior(problem, screened)
    pooled = _learn(_table(problem, screened, got.noise), _default(), 20.0)
    np.testing.assert_allclose(got.weights[1].alpha, pooled.alpha)


def test_without_any_usable_point_the_broad_default_stands() -> None:
    problem = make_problem(np.zeros((6, 4)), np.geomspace(10, 60, 6), groups=[0, 1, 2, 2])
    got = learn_prior(problem, screen(problem))
    assert got.noise == NoisePrior(1.0, 0.0)
    assert got.log_weights.shape == (3, RATIOS.size, GRID.n_alpha, GRID.n_beta)
    for g in range(3):
        np.testing.assert_allclose(got.log_weights[g], _default().log())

"""Where the search starts, that it misses no peak, and errors from the curvature of the whole likelihood."""

import numpy as np
import pytest
from reference import KnownDraws, closed_forms, fit_likelihood, known_draws, log_likelihood
from scipy.stats import norm

from dscale_core.laws import fit_laws
from dscale_core.laws.law import MAX_EXPONENT
from dscale_core.laws.likelihood.maximum import _best_minima, _covariance, _grid, _likelihood_on_grid, _starts
from dscale_core.laws.likelihood.profile import evaluate
from dscale_core.laws.problem import Block, Grid, blocks, make_problem, screen


def _block(known: KnownDraws, holes: bool = False) -> Block:
    delta = known.delta.copy()
    if holes:
        delta[np.random.default_rng(0).random(delta.shape) < 0.2] = np.nan
    problem = make_problem(delta, known.sizes)
    return next(blocks(problem, screen(problem), delta.shape[1]))


# Points on which a lesser search stops at a lower peak, by up to seven nats with five draws and by 0.03 with more.
@pytest.mark.parametrize(
    ("drawn", "points"),
    [
        ((300, 5, 2, 20.0), [280, 133, 268]),  # peaks narrower than a cell, which the search along the ridge finds
        ((300, 20, 6, 0.3), [258, 5]),  # two peaks, of which the lower one holds the best cell of the grid
        ((300, 39, 7, 0.2), [171, 209]),
        ((300, 60, 8, 0.1), [265, 209]),
    ],
)
def test_no_peak_is_missed(drawn: tuple[int, int, int, float], points: list[int]) -> None:
    known = known_draws(*drawn)
    delta = known.delta[:, points]
    laws = fit_laws(delta, known.sizes, "likelihood")
    for i in range(len(points)):
        best = fit_likelihood(delta[:, i], known.sizes)[-1]
        law = laws.c[i], laws.alpha[i], laws.sigma[i], laws.beta[i]
        assert log_likelihood(delta[:, i], known.sizes, *law) >= best - 1e-6


def _negative(theta: np.ndarray, y: np.ndarray, x: np.ndarray) -> float:
    """−log p of one point's draws at (a, α, β, log s), all at the centre."""
    a, alpha, beta, log_s = theta
    variance = np.exp(2 * log_s - beta * x)
    return float(0.5 * np.sum(np.log(variance) + (y - a * np.exp(-alpha * x)) ** 2 / variance))


def _hessian(theta: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    h = 1e-4 * np.diag(np.maximum(np.abs(theta), 0.1))
    found = np.empty((4, 4))
    for r in range(4):
        for s in range(4):
            corners = [_negative(theta + p * h[r] + q * h[s], y, x) * p * q for p in (1, -1) for q in (1, -1)]
            found[r, s] = sum(corners) / (4 * h[r, r] * h[s, s])
    return found


@pytest.mark.parametrize("holes", [False, True])
def test_the_covariance_is_that_of_the_whole_likelihoods_curvature(holes: bool) -> None:
    """β and the noise are as unknown as the rest: the inverse Hessian in (a, α, β, log s), times n / (n − 2)."""
    known = known_draws(8, 14, 61, 4.0)
    delta = known.delta.copy()
    if holes:
        delta[3:5, ::2] = np.nan
    laws = fit_laws(delta, known.sizes, "likelihood")
    inside = (np.minimum(laws.alpha, laws.beta) > 0.05) & (np.maximum(laws.alpha, laws.beta) < 7)
    assert inside.sum() >= 5
    x = np.log(known.sizes / laws.center)
    alone = []
    for i in np.flatnonzero(inside):
        seen = np.isfinite(delta[:, i])
        unit = np.abs(delta[seen, i]).max()
        a, s = laws.psi(laws.center)[i] / unit, laws.sigma[i] * laws.center ** (-laws.beta[i] / 2) / unit
        theta = np.array([a, laws.alpha[i], laws.beta[i], np.log(s)])
        inverse = np.linalg.inv(_hessian(theta, delta[seen, i] / unit, x[seen])) * seen.sum() / (seen.sum() - 2)
        expected = inverse[:2, :2] * np.outer([unit, 1], [unit, 1])
        size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
        np.testing.assert_allclose(laws.covariance[i] / size, expected / size, atol=2e-3)
        half = norm.ppf(0.95) * np.sqrt(laws.covariance[i, 1, 1])
        assert laws.alpha_low[i] == pytest.approx(max(laws.alpha[i] - half, 0.0))
        assert laws.alpha_high[i] == pytest.approx(min(laws.alpha[i] + half, MAX_EXPONENT))
        without = np.linalg.inv(_hessian(theta, delta[seen, i] / unit, x[seen])[np.ix_([0, 1, 3], [0, 1, 3])])[1, 1]
        alone.append(inverse[1, 1] / without)
    assert max(alone) > 1.3  # a covariance that took β for known would be another


def _joint(**entries: float) -> tuple[np.ndarray, np.ndarray]:
    """A Hessian in (a, α, β), 100 and 4 and 2 on its diagonal unless said, and the expected information (α, β)."""
    named = {"aa": (0, 0), "bb": (1, 1), "cc": (2, 2), "ab": (0, 1), "ac": (0, 2), "bc": (1, 2)}
    joint = np.diag([100.0, 4.0, 2.0])
    for name, value in entries.items():
        i, j = named[name]
        joint[i, j] = joint[j, i] = value
    return joint[None], np.array([[3.0, 5.0]])


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"ab": 7.0},
        {"ab": -7.0, "ac": 3.0, "bc": 1.0},
        {"bc": 2.7},
        {"ac": -13.0},
        {"cc": 0.5, "bc": 1.2, "ac": 2.0},
        {"aa": 0.1, "ab": 0.1},
    ],
)
def test_a_definite_curvature_is_inverted(entries: dict[str, float]) -> None:
    joint, fisher = _joint(**entries)
    expected = np.linalg.inv(joint[0])[:2, :2] * 12 / 10
    np.testing.assert_allclose(_covariance(joint, fisher, np.array([12.0]))[0], expected, rtol=0.02)


@pytest.mark.parametrize(
    "entries",
    [
        {"bb": -4.0},  # α not a minimum
        {"aa": 100.0, "ab": 20.5},  # definite in either alone but not in both
        {"ac": 15.0},  # what β takes away leaves nothing of the amplitude
        {"bc": 2.9},  # nor of α
        {"ac": 15.0, "bc": 3.0, "ab": 22.5},  # nor of either
        {"aa": 0.5, "ab": 1.5},
    ],
)
def test_where_it_is_not_definite_the_expected_information_stands_in(entries: dict[str, float]) -> None:
    joint, fisher = _joint(**entries)
    got = _covariance(joint, fisher, np.array([12.0]))[0]
    np.testing.assert_allclose(got, np.diag([1 / entries.get("aa", 100.0), 1 / 3]) * 1.2, rtol=1e-12)


def test_a_likelihood_that_rises_along_beta_leaves_beta_out() -> None:
    joint, fisher = _joint(cc=-2.0, ac=3.0, bc=1.0, ab=5.0)
    expected = np.linalg.inv(joint[0, :2, :2]) * 1.2
    np.testing.assert_allclose(_covariance(joint, fisher, np.array([12.0]))[0], expected)
    joint, fisher = _joint(cc=0.0)
    assert np.isfinite(_covariance(joint, fisher, np.array([12.0]))).all()


def test_an_exponent_is_never_less_certain_than_its_box_is_wide() -> None:
    for entries in ({"bb": 1e-9}, {"bb": 4.0, "ab": 19.99999999}, {"bb": -1.0}):
        joint, fisher = _joint(**entries)
        variance = _covariance(joint, 1e-12 * fisher, np.array([12.0]))[0, 1, 1] / 1.2
        assert variance == pytest.approx(MAX_EXPONENT**2, rel=1e-3)


def test_the_grid_follows_the_range_of_the_sizes() -> None:
    for high, cells in ((120.0, 24), (10_000.0, None), (1e9, 60)):
        problem = make_problem(np.ones((2, 1)), [100.0, high])
        grid = _grid(problem)
        expected = cells or int(np.ceil(MAX_EXPONENT * 0.5 * np.log(high / 100) / 0.3))
        assert grid.n_alpha == grid.n_beta == expected + 1
        assert grid.alpha[-1] == pytest.approx(MAX_EXPONENT)
        assert grid.beta[-1] == pytest.approx(MAX_EXPONENT)
    assert 24 < int(np.ceil(MAX_EXPONENT * 0.5 * np.log(100) / 0.3)) < 60


@pytest.mark.parametrize("holes", [False, True])
def test_the_grid_holds_the_profile_likelihood(holes: bool) -> None:
    known = known_draws(3, 9, 62, 1.0)
    block, grid = _block(known, holes), Grid(6, 5, 0.7)
    phi = _likelihood_on_grid(block, grid)
    count = np.ones_like(block.y) if block.present is None else block.present
    for i in range(3):
        y, x = block.y[i, count[i] > 0], block.x[count[i] > 0]
        expected = np.empty((6, 5))
        for j, alpha in enumerate(grid.alpha):
            for l, beta in enumerate(grid.beta):  # noqa: E741
                k = np.exp(x)  # a law in units of the centre
                c, sigma = closed_forms(y, k, alpha, beta)
                expected[j, l] = -log_likelihood(y, k, c, alpha, sigma, beta)
        np.testing.assert_allclose(phi[i] - phi[i, 0, 0], expected - expected[0, 0], rtol=1e-7, atol=1e-7)


def test_a_row_that_is_an_exact_law_has_a_finite_likelihood_on_the_grid() -> None:
    grid = Grid(6, 5, 0.5)
    sizes = np.geomspace(100, 1000, 12)
    problem = make_problem((sizes**-1.0)[:, None], sizes)
    phi = _likelihood_on_grid(next(blocks(problem, screen(problem), 1)), grid)
    assert np.isfinite(phi).all()
    assert np.unravel_index(phi.argmin(), phi.shape)[1] == 2
    level = make_problem(np.ones((12, 1)), sizes)  # no residual is left at α and β of zero, not even of rounding
    phi = _likelihood_on_grid(next(blocks(level, screen(level), 1)), grid)
    assert phi[0, 0, 0] == pytest.approx(6 * np.log(12e-15), rel=1e-6)


def _minima(phi: np.ndarray) -> list[tuple[int, int]]:
    """Cells strictly lower than the neighbours before them and not higher than those after, and the lowest of all."""
    edged = np.pad(phi, 1, constant_values=np.inf)
    found = {np.unravel_index(phi.argmin(), phi.shape)}
    for i, j in np.ndindex(*phi.shape):
        before, after = (edged[i, j + 1], edged[i + 1, j]), (edged[i + 2, j + 1], edged[i + 1, j + 2])
        if phi[i, j] < min(before) and phi[i, j] <= min(after):
            found.add((i, j))
    return sorted(((int(i), int(j)) for i, j in found), key=lambda cell: phi[cell])[:3]


def test_the_lowest_three_minima_of_each_row_are_found() -> None:
    phi = np.random.default_rng(0).normal(size=(5, 6, 7))
    phi[1] = np.add.outer(np.arange(6.0), np.arange(7.0))  # one minimum, in a corner
    phi[2] = -phi[1]
    phi[3] = 2.0  # flat
    phi[4, :, 2:] = 5.0
    row, i, j = _best_minima(phi)
    for r in range(5):
        assert list(zip(i[row == r].tolist(), j[row == r].tolist(), strict=True)) == _minima(phi[r])
    assert np.all(np.diff(row) >= 0)


def _ridge_starts(draws: int) -> tuple[np.ndarray, np.ndarray, Block, Grid]:
    known = known_draws(4, draws, 63, 3.0)
    block, grid = _block(known), _grid(make_problem(known.delta, known.sizes))
    return (*_starts(block, _likelihood_on_grid(block, grid), grid), block, grid)


def test_with_forty_draws_starts_are_cells_and_with_fewer_the_ridge_adds_its_own() -> None:
    for draws, ridge in ((40, False), (39, True)):
        row, start, block, grid = _ridge_starts(draws)
        cells = _best_minima(_likelihood_on_grid(block, grid))
        assert row[: cells[0].size].tolist() == cells[0].tolist()
        np.testing.assert_array_equal(start[: cells[0].size, 0], grid.alpha[cells[1]])
        np.testing.assert_array_equal(start[: cells[0].size, 1], grid.beta[cells[2]])
        assert (row.size > cells[0].size) == ridge
        if ridge:
            assert set(row[cells[0].size :]) == {0, 1, 2, 3}
            assert np.isin(start[:, 1], grid.beta).all()


def test_the_ridge_starts_where_the_profile_along_beta_is_lowest() -> None:
    """φ along β, least over α, which here is found on a fine grid."""
    row, start, block, grid = _ridge_starts(6)
    cells = _best_minima(_likelihood_on_grid(block, grid))[0].size
    fine = np.linspace(0.0, MAX_EXPONENT, 1500)
    for i in range(4):
        own = block.take(np.full(fine.size, i))
        along = [evaluate(own, fine, np.full(fine.size, beta)).value for beta in grid.beta]
        least = np.array([values.min() for values in along])
        places = [j for _, j in _minima(least[None])]
        mine = start[cells:][row[cells:] == i]
        np.testing.assert_allclose(mine[:, 1], grid.beta[places], atol=1e-9)
        np.testing.assert_allclose(mine[:, 0], [fine[along[j].argmin()] for j in places], atol=0.01)


def test_points_at_a_bound_of_the_exponents_are_marked() -> None:
    sizes = np.geomspace(100, 1000, 60)
    x = np.log(sizes / np.exp(np.log(sizes).mean()))
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.normal(size=(2, 60))
    delta = np.stack([
        np.exp(0.7 * x) * (1 + noise[0]),  # grows: α would be below zero
        np.exp(-9.0 * x) * (1 + noise[1]) + 1e-3 * rng.normal(size=60),  # steeper than e²
        np.exp(-x) + 0.1 * np.exp(0.8 * x) * rng.normal(size=60),  # noise grows: β would be below zero
        np.exp(-x) + 0.1 * np.exp(-0.5 * x) * rng.normal(size=60),
        np.exp(-x) + 0.1 * np.exp(-4.5 * x) * rng.normal(size=60),  # noise falls faster than k^(-e²/2)
    ], axis=1)  # fmt: skip
    laws = fit_laws(delta, sizes, "likelihood")
    assert laws.status.tolist() == ["grows", "at_bound", "at_bound", "ok", "at_bound"]
    assert laws.alpha[0] < 1e-9
    assert laws.alpha[1] == pytest.approx(MAX_EXPONENT)
    assert laws.beta[2] < 1e-9
    assert laws.beta[4] == pytest.approx(MAX_EXPONENT)
    assert laws.alpha_low[0] == 0.0
    assert laws.alpha_high[1] == MAX_EXPONENT


def test_an_exponent_near_zero_is_not_yet_at_its_bound() -> None:
    sizes = np.geomspace(100, 1000, 60)
    x = np.log(sizes / 316)
    noise = 1e-4 * np.exp(-x) * np.random.default_rng(0).normal(size=60)
    laws = fit_laws((np.exp(-0.005 * x) + noise)[:, None], sizes, "likelihood")
    assert laws.alpha[0] == pytest.approx(0.005, abs=1e-3)
    assert laws.status[0] == "ok"


def test_batches_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    known = known_draws(7, 12, 64, 1.0)
    whole = fit_laws(known.delta, known.sizes, "likelihood")
    monkeypatch.setattr("dscale_core.laws.likelihood.maximum._BLOCK_ELEMENTS", 2 * 61 * 61)
    parts = fit_laws(known.delta, known.sizes, "likelihood")
    np.testing.assert_allclose(parts.alpha, whole.alpha, rtol=1e-6, atol=1e-9)

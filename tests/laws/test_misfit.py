"""What intervals lack: a known bend is measured, little where nothing is wrong, and every number against plain loops."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.polynomial import legendre
from reference import laws_of

from dscale_core.laws.misfit import measure_misfit
from dscale_core.laws.problem import Guide, Problem, halves, make_problem, sample_columns, screen, select
from dscale_core.types import Laws

U = np.linspace(-1, 1, 7)  # places along log k at which misfit is measured
FOUND = np.geomspace(1e-6, 10.0, 200)  # values of κ that are weighed
Refit = Callable[[Problem], Laws]


def _sizes(m: int) -> np.ndarray:
    """Of m draws, in no order and not evenly spread."""
    rng = np.random.default_rng(m)
    sizes = np.round(np.exp(rng.uniform(np.log(100), np.log(1000), m)))
    sizes[:2] = 100, 1000
    return sizes


def _drawn(
    p: int, m: int, bend: Callable[[np.ndarray], np.ndarray] | None = None, tau: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, Laws]:
    """Draws about known laws, sizes and the laws; means are off by ``tau`` noises, of random sign, times a shape in u."""
    rng = np.random.default_rng(seed)
    sizes = _sizes(m)
    u = 2 * np.log(sizes / 100) / np.log(10) - 1
    laws = laws_of(
        rng.normal(size=p) * 316, rng.normal(1.0, 0.2, p), np.exp(rng.normal(size=p)) * 316, rng.normal(2.0, 0.3, p)
    )
    noise = laws.sigma * sizes[:, None] ** (-laws.beta / 2)
    shape = np.zeros(m) if bend is None else bend(u)
    off = tau * rng.normal(size=p) * shape[:, None]
    psi = np.stack([laws.psi(k) for k in sizes])
    return psi + noise * (off + rng.normal(size=(m, p))), sizes, laws


def _knows(laws: Laws) -> Refit:
    """Refits that know the laws: the halves of all points in their order."""
    return lambda part: laws if part.n_points == laws.c.size else laws.take(np.arange(part.n_points))


def _kappa(problem: Problem, laws: Laws, refit: Refit | None = None, n_points: int = 400, splits: int = 4) -> np.ndarray:
    found = measure_misfit(problem, screen(problem), laws, refit or _knows(laws), n_points, splits)
    if found.shape[1]:
        np.testing.assert_allclose(found[0], np.geomspace(problem.sizes.min(), problem.sizes.max(), 7))
    return np.asarray(found[1])


def _usual(m: int) -> np.ndarray:
    return 0.006 + 0.6 * (1 + 3 * U**2) / m


# ---- known truths


@pytest.mark.parametrize(
    ("name", "bend"),
    [
        ("level", lambda u: 1 + 0 * u),
        ("tilt", lambda u: u),
        ("arch", lambda u: 1.5 * u**2 - 0.5),
        ("wave", lambda u: 2.5 * u**3 - 1.5 * u),
    ],
)
def test_a_known_bend_is_measured(name: str, bend: Callable[[np.ndarray], np.ndarray]) -> None:
    """κ is the variance that the curves have about the laws, in units of a draw's: 0.25 times the shape's square."""
    delta, sizes, laws = _drawn(300, 400, bend, tau=0.5)
    kappa = _kappa(make_problem(delta, sizes), laws)
    truth = 0.25 * bend(U) ** 2
    clear = truth > 0.05
    assert clear.sum() >= (2 if name == "wave" else 3)
    np.testing.assert_allclose(kappa[clear], truth[clear], rtol=0.25)
    assert np.all(kappa[truth < 0.001] < 0.02)


@pytest.mark.parametrize(("m", "seen"), [(49, 0), (50, 1), (199, 1), (200, 2)])
def test_curves_have_more_terms_where_there_are_more_draws(m: int, seen: int) -> None:
    """An arch needs three terms and so fifty draws, a wave four and two hundred."""
    for terms, bend in ((1, lambda u: 1.5 * u**2 - 0.5), (2, lambda u: 2.5 * u**3 - 1.5 * u)):
        delta, sizes, laws = _drawn(200, m, bend, tau=1.0)
        ends = _kappa(make_problem(delta, sizes), laws)[[0, -1]]
        assert np.all(ends > 0.3) if seen >= terms else np.all(ends < 0.06), (terms, ends)


@pytest.mark.parametrize("m", [12, 30])
def test_few_draws_about_right_laws_leave_a_part_of_what_is_usual(m: int) -> None:
    delta, sizes, laws = _drawn(200, m)
    kappa = _kappa(make_problem(delta, sizes), laws)
    assert np.all(kappa < _usual(m))
    assert np.all(kappa > 0.1 * _usual(m))


def test_many_draws_about_right_laws_leave_nearly_nothing() -> None:
    delta, sizes, laws = _drawn(300, 1200, seed=1)
    assert np.all(_kappa(make_problem(delta, sizes), laws) < 0.006)


def test_laws_that_know_their_error_lack_nothing() -> None:
    """All are off by a third of the noise, and their variance says so and more; without saying so they lack it."""
    delta, sizes, laws = _drawn(300, 300)
    rng = np.random.default_rng(5)
    noise = 0.3 * laws.sigma * laws.center ** (-laws.beta / 2)
    off = rng.normal(size=300) * noise
    wrong = replace(laws, c=laws.c + off * laws.center**laws.alpha)
    honest = replace(wrong, covariance=np.eye(2) * (2 * noise**2)[:, None, None] * np.diag([1.0, 0.0]))
    problem = make_problem(delta, sizes)
    lacking, knowing = _kappa(problem, laws, _knows(wrong)), _kappa(problem, laws, _knows(honest))
    assert lacking[3] > 0.06
    assert knowing[3] < 0.4 * lacking[3]


def test_passes_that_move_together_count_as_noise_and_not_as_misfit() -> None:
    """A shift that all draws of a pass share: signs of whole passes show it, signs of draws do not."""
    delta, sizes, laws = _drawn(200, 120)
    passes = np.arange(120) // 10
    shift = np.random.default_rng(2).normal(size=(12, 200))[passes]
    delta = delta + 1.5 * shift * laws.sigma * sizes[:, None] ** (-laws.beta / 2)
    aware, blind = (_kappa(make_problem(delta, sizes, passes=p), laws) for p in (passes, None))
    assert np.all(aware < blind)
    assert np.median(aware) < 0.5 * np.median(blind)


# ---- when there is nothing to measure


def test_nothing_is_told_of_too_few_points_or_of_sizes_of_their_own() -> None:
    delta, sizes, laws = _drawn(30, 40)
    problem = make_problem(delta, sizes)

    def never(part: Problem) -> Laws:
        raise AssertionError(part)

    few = make_problem(delta[:, :29], sizes)
    assert measure_misfit(few, screen(few), laws.take(np.arange(29)), never).shape == (2, 0)
    silent = make_problem(np.where(np.arange(30) == 3, 0.0, delta), sizes)
    assert measure_misfit(silent, screen(silent), laws, never).shape == (2, 0)
    own = make_problem(delta, np.repeat(sizes[:, None], 30, axis=1))
    assert measure_misfit(own, screen(own), laws, never).shape == (2, 0)
    assert _kappa(problem, laws).shape == (7,)


def test_fewer_than_twelve_draws_have_what_is_usual() -> None:
    delta, sizes, laws = _drawn(40, 11)
    problem = make_problem(delta, sizes)
    np.testing.assert_allclose(_kappa(problem, laws), _usual(11))
    more, k, known = _drawn(40, 12)
    assert np.abs(_kappa(make_problem(more, k), known) - _usual(12)).max() > 1e-4


def test_halves_that_do_not_span_the_sizes_leave_what_is_usual() -> None:
    delta, _, laws = _drawn(40, 14)
    sizes = np.full(14, 300.0)
    sizes[0] = 1000.0
    np.testing.assert_allclose(_kappa(make_problem(delta, sizes), laws), _usual(14))


def test_halves_of_which_no_point_is_known_leave_what_is_usual() -> None:
    delta, sizes, laws = _drawn(40, 14)
    lost = replace(laws, c=np.full(40, np.nan), alpha=np.full(40, np.nan), covariance=np.full((40, 2, 2), np.nan))
    np.testing.assert_allclose(_kappa(make_problem(delta, sizes), laws, _knows(lost)), _usual(14))


@pytest.mark.parametrize(
    ("kind", "usual"),
    [
        ("none", 0.006 + 0.06 * (1 + 3 * U**2)),
        ("formula", 0.035 * np.exp(-0.7 * U)),
        ("surrogate", 0.005 * np.exp(-0.7 * U)),
        ("control", np.full(7, 0.0004)),
    ],
)
def test_what_is_usual_depends_on_what_was_followed(kind: str, usual: np.ndarray) -> None:
    delta, sizes, laws = _drawn(40, 10)
    ends = np.array([100.0, 1000.0])
    modes = np.zeros((1, 2, 40)) if kind in ("surrogate", "control") else None
    guide = Guide(ends, np.zeros((2, 40)), modes, np.zeros((10, 40)) if kind == "control" else None)
    problem = make_problem(delta, sizes, guide=guide)
    np.testing.assert_allclose(_kappa(problem, replace(laws, guided=kind != "none")), usual)


# ---- every number


def _literal(problem: Problem, laws: Laws, refit: Refit, n_points: int, splits: int) -> np.ndarray:
    """κ at the seven sizes: point by point, size by size."""
    m = problem.delta.shape[0]
    columns = sample_columns(screen(problem), n_points)
    part = select(problem, np.arange(m), columns)
    steady = part.delta
    if part.guide is not None and part.guide.control is not None:
        steady = part.delta - part.guide.control + part.guide.at(part.sizes)
    terms = 2 + (m >= 50) + (m >= 200)
    low, high = np.log(part.sizes.min()), np.log(part.sizes.max())
    grid = np.exp(low + (U + 1) / 2 * (high - low))
    u = 2 * (np.log(part.sizes) - low) / (high - low) - 1
    rng = np.random.default_rng(0)
    square, own, leverage, by_flip = [], [], [], []
    for train, test, unit in halves(part, splits):
        trained = refit(select(part, train, np.arange(columns.size)))
        flips = rng.choice([-1.0, 1.0], size=(4, int(unit.max()) + 1))[:, unit]
        flipped: list[list[np.ndarray]] = [[] for _ in range(4)]
        for i, column in enumerate(columns):
            seen = np.isfinite(part.delta[test, i])
            at, k = legendre.legvander(u[test][seen], terms - 1), part.sizes[test][seen]
            ends = [trained.psi_interval(size) for size in grid]
            law, half = trained.take(np.array([i])), np.array([(high[i] - low[i]) / 2 for low, high in ends])
            noise = laws.sigma[column] * k ** (-laws.beta[column] / 2)
            z = (steady[test, i][seen] - np.array([law.psi(size)[0] for size in k])) / noise
            if not np.isfinite(z).all() or not np.isfinite(half).all() or np.linalg.cond(at.T @ at) > 1e4:
                continue

            def curve(values: np.ndarray, at: np.ndarray = at) -> np.ndarray:
                return np.asarray(legendre.legval(U, np.linalg.lstsq(at, values, rcond=None)[0]))

            square.append((curve(z) / 1.6448536) ** 2)
            own_noise = trained.sigma[i] * grid ** (-trained.beta[i] / 2)
            own.append((half / 1.6448536 / own_noise) ** 2)
            leverage.append(np.sum([curve(one) ** 2 for one in np.eye(int(seen.sum()))], axis=0))
            for f in range(4):
                flipped[f].append((curve(z * flips[f][seen]) / 1.6448536) ** 2)
        by_flip.append([np.quantile(curves, 0.9, axis=0) for curves in flipped])
    flips_found = np.array(by_flip)  # (halves, 4, 7)
    usual = _usual(m)
    if laws.guided and problem.guide is not None:
        level = 0.0004 if problem.guide.control is not None else 0.035 if problem.guide.modes is None else 0.005
        usual = np.full(7, level) if problem.guide.control is not None else level * np.exp(-0.7 * U)
    kappa = np.empty(7)
    for j in range(7):
        lacking = max(np.quantile([a[j] - b[j] for a, b in zip(square, own, strict=True)], 0.9), 0.0)
        noise = flips_found[:, :, j].mean()
        doubt = np.sqrt(np.mean([np.var(half[:, j], ddof=1) for half in flips_found]) / 2)
        excess = max(noise / np.median([v[j] for v in leverage]) - 1, 0.0)
        middle = usual[j] + excess * np.median([v[j] for v in own])
        log_p = np.empty(FOUND.size)
        for n, value in enumerate(FOUND):
            spread = doubt * (1 + value / noise)
            log_p[n] = -0.5 * ((lacking - noise - value) / spread) ** 2 - np.log(spread)
            log_p[n] -= 0.5 * (np.log(value / middle) / 1.2) ** 2
        weight = np.exp(log_p - log_p.max())
        kappa[j] = weight @ FOUND / weight.sum()
    return kappa


def _half_wrong(laws: Laws) -> Refit:
    """Refits that are off, unlike each other, and know something of it."""

    def refit(part: Problem) -> Laws:
        rng = np.random.default_rng(part.delta.shape[0] + int(np.nansum(np.abs(part.sizes))))
        p = part.n_points
        noise = laws.sigma[:p] * laws.center ** (-laws.beta[:p] / 2)
        covariance = np.eye(2) * (0.01 * noise**2)[:, None, None] * np.diag([1.0, 0.0]) + np.diag([0.0, 0.004])
        off = laws.take(np.arange(p))
        c = off.c + 0.3 * noise * rng.normal(size=p) * off.center**off.alpha
        return replace(off, c=c, covariance=covariance, sigma=1.1 * off.sigma)

    return refit


@pytest.mark.parametrize("case", ["plain", "holes", "corner", "passes", "noisy", "lost", "formula", "control", "sample"])
def test_every_number_is_the_literal_one(case: str) -> None:
    m = {"plain": 60, "holes": 55, "passes": 210, "noisy": 16}.get(case, 24)
    delta, sizes, laws = _drawn(34, m, lambda u: u, tau=0.4, seed=m)
    rng = np.random.default_rng(9)
    passes, guide, n_points, splits = None, None, 400, 2
    refit = _half_wrong(laws)
    if case == "holes":
        delta[rng.random(delta.shape) < 0.2] = np.nan
        delta[sizes > 130, 3] = np.nan  # sizes in a corner: no curve can be had
        delta[sizes > 300, 5] = np.nan
    if case == "corner":  # two neighbouring sizes alone tell a tilt from a level with a condition of 12,000
        sizes[4:] = np.where(np.arange(20) % 2 == 0, 313.0, 319.6)
        delta[:4, 3], delta[4:, 3] = np.nan, 5 * laws.psi(316)[3] + 30 * delta[4:, 3]
    if case == "passes":
        passes = rng.permutation(m) % 12
    if case == "noisy":  # draws vary more than the noise law says: the law is as much less certain
        laws = replace(laws, sigma=0.4 * laws.sigma)
    if case in ("formula", "control"):
        ends = np.array([100.0, 400.0, 1000.0])
        control = delta - 0.1 * laws.sigma * sizes[:, None] ** (-laws.beta / 2) * rng.normal(size=delta.shape)
        expected = np.stack([laws.psi(k) for k in ends]) * 1.1
        guide = Guide(ends, expected, control=control if case == "control" else None)
        laws = replace(laws, guided=True)
    if case == "sample":
        n_points, splits = 31, 3
    problem = make_problem(delta, sizes, passes=passes, guide=guide)
    if case == "lost":
        refit = _beyond_numbers(refit)
    with np.errstate(all="ignore"):
        expected = _literal(problem, laws, refit, n_points, splits)
    got = _kappa(problem, laws, refit, n_points, splits)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def _beyond_numbers(known: Refit) -> Refit:
    """Refits some of which are no law, or one that is beyond floating point at some sizes, or one whose interval is."""

    def refit(part: Problem) -> Laws:
        found = known(part)
        c, alpha, covariance = found.c.copy(), found.alpha.copy(), found.covariance.copy()
        c[7], covariance[8] = np.nan, np.inf
        c[9], alpha[9] = 1e300, -3.0  # infinite at the largest sizes
        c[10], alpha[10] = 0.0, -200.0  # nothing times infinity
        c[11], alpha[11], covariance[11] = 1e299, -2.0, np.diag([0.0, 1e10])  # its interval is infinite at some sizes
        return replace(found, c=c, alpha=alpha, covariance=covariance)

    return refit


def test_the_unit_of_the_draws_is_free() -> None:
    delta, sizes, laws = _drawn(40, 30, lambda u: u, tau=0.5)
    unit = 1e-9
    scaled = replace(laws, c=unit * laws.c, sigma=unit * laws.sigma)
    one, other = _kappa(make_problem(delta, sizes), laws), _kappa(make_problem(unit * delta, sizes), scaled)
    np.testing.assert_allclose(other, one, rtol=1e-9)


def test_each_half_is_judged_by_laws_of_the_other() -> None:
    """Two fits a split, each of half of the draws; four splits unless said, at most 400 points."""
    delta, sizes, laws = _drawn(420, 24)
    problem = make_problem(delta, sizes, passes=np.arange(24) // 2)
    trained: list[np.ndarray] = []

    def refit(part: Problem) -> Laws:
        trained.append(part.sizes)
        assert part.delta.shape == (12, 400)
        return laws.take(sample_columns(screen(problem), 400))

    measure_misfit(problem, screen(problem), laws, refit)
    assert len(trained) == 8
    for one, other in zip(trained[::2], trained[1::2], strict=True):
        np.testing.assert_array_equal(np.sort([*one, *other]), np.sort(sizes))

"""Coverage and what it is worth: right intervals, intervals cut short, and draws that cannot tell one from the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reference import laws_of
from scipy import stats

from dscale_core.intervals import half_width, two_sided
from dscale_core.types import Draws, Laws
from dscale_core.validation import Coverage, coverage_verdict, measure_coverage
from dscale_core.validation.interval_coverage import _mean_square_correlation

POINTS, SIZES, SPREAD = 150, (100, 300, 1000), 1e-5  # of a law at k = 316
REPLICATES = 80


def made(seed: int, draws: int, noise: float, cut: float = 1.0, common: float = 0.4) -> tuple[Laws, Draws]:
    """Laws whose errors have the spread that they say, times ``cut``, and validation draws at each of three sizes.

    noise : a draw's deviation in units of the law's; common : share of a variance in which a coalition moves all points, in
    three directions, so that the mean squared correlation is a third of its square (on real data: .01 to .06)
    """
    rng = np.random.default_rng(seed)
    ways = rng.normal(size=(3, POINTS))
    ways /= np.linalg.norm(ways, axis=0)

    def errors(n: int) -> np.ndarray:
        return np.sqrt(common) * rng.normal(size=(n, 3)) @ ways + np.sqrt(1 - common) * rng.normal(size=(n, POINTS))

    true = 1e-4 * rng.normal(size=POINTS)
    amplitude = true + SPREAD * errors(1)[0]
    covariance = np.diag([(cut * SPREAD) ** 2, 0.0])
    laws = laws_of(amplitude * 316.0, 1.0, covariance=covariance)
    sizes = np.resize(SIZES, draws * len(SIZES))
    delta = (true + noise * SPREAD * errors(sizes.size)) * (316.0 / sizes)[:, None]
    passes = np.arange(sizes.size) // len(SIZES)
    return laws, Draws(delta, sizes.astype(np.int64), passes, np.arange(POINTS), np.ones(sizes.size))


def verdicts(draws: int, noise: float, cut: float, common: float = 0.4) -> list[str]:
    return [coverage_verdict(measure_coverage(*made(seed, draws, noise, cut, common))) for seed in range(REPLICATES)]


def share(said: list[str], words: str) -> float:
    return float(np.mean([words in one for one in said]))


@pytest.mark.parametrize("common", [0.0, 0.4])
def test_right_intervals_are_seldom_blamed_and_halved_ones_found_out(common: float) -> None:
    right, half = verdicts(200, 4.0, 1.0, common), verdicts(200, 4.0, 0.5, common)
    assert share(right, "too narrow") <= 0.05
    assert share(right, "wider") <= 0.05
    assert share(right, "as often as they say") + share(right, "chance does not tell") >= 0.9
    assert share(half, "too narrow") >= 0.95
    few = verdicts(20, 4.0, 0.5, common)  # means of errors nine tenths of the law's
    assert share(few, "as often") + share(few, "chance does not") <= 0.1


def test_intervals_cut_to_a_tenth_are_not_called_right_by_sixty_draws() -> None:
    for noise in (8.0, 16.0):  # the means' errors are 1.8 and 3.6 times those of the laws
        said = verdicts(20, noise, 0.1)
        assert share(said, "as often") + share(said, "chance does not") == 0
        assert share(said, "would tell") + share(said, "too narrow") == 1
        assert share(verdicts(20, noise, 1.0), "too narrow") <= 0.1


@pytest.mark.parametrize("cut", [1.0, 0.5])
def test_the_draws_that_are_asked_for_are_enough(cut: float) -> None:
    few = np.array([measure_coverage(*made(seed, 20, 16.0, cut)).needed for seed in range(20)])
    assert few.min() > 60
    enough = round(float(np.median(few)) / len(SIZES))
    many = [measure_coverage(*made(seed, enough, 16.0, cut)) for seed in range(20)]
    assert np.median([one.needed for one in many]) == pytest.approx(enough * len(SIZES), rel=0.25)


@pytest.mark.parametrize(("draws", "noise"), [(20, 4.0), (200, 4.0), (400, 1.0)])
def test_errors_are_those_from_one_study_to_the_next(draws: int, noise: float) -> None:
    found = [measure_coverage(*made(seed, draws, noise)) for seed in range(REPLICATES)]

    def spread(values: list[np.ndarray] | list[float]) -> np.ndarray:
        return np.asarray(values).std(axis=0, ddof=1)

    said = np.mean([one.error for one in found])
    assert spread([one.coverage for one in found]).mean() == pytest.approx(said, rel=0.25)
    assert spread([one.mean for one in found]) == pytest.approx(np.mean([one.mean_error for one in found]), rel=0.25)
    assert np.mean([one.mean for one in found]) == pytest.approx(0.9, abs=0.025)


def test_halved_intervals_hold_what_was_foretold() -> None:
    found = [measure_coverage(*made(seed, 60, 8.0, 0.5)) for seed in range(REPLICATES)]
    assert np.mean([one.mean for one in found]) == pytest.approx(np.mean([one.mean_if_half for one in found]), abs=0.03)


def test_correlations_are_those_of_pairs() -> None:
    rng = np.random.default_rng(0)
    made_up = rng.normal(size=(400, 1)) + rng.normal(size=(400, 8))
    pairs = np.corrcoef(made_up.T)[np.triu_indices(8, 1)]
    assert _mean_square_correlation(made_up - made_up.mean(axis=0)) == pytest.approx(np.mean(pairs**2), abs=0.01)
    none = [_mean_square_correlation(rng.normal(size=(6, 30))) for _ in range(40)]
    assert np.mean(none) < 0.03
    assert _mean_square_correlation(np.ones((2, 5))) == 0


def test_passes_are_the_units_where_there_are_eight_and_draws_stand_in_for_few() -> None:
    laws, draws = made(0, 60, 4.0, common=0.0)
    moved = np.random.default_rng(1).normal(size=(30, 1, 3)) @ np.random.default_rng(2).normal(size=(3, POINTS))
    undone = np.stack([moved, -moved], axis=1).reshape(60, 1, POINTS)  # what one moves, its twin in the pass undoes
    by_size = draws.delta.reshape(60, 3, POINTS) + 1e-4 * undone * (316.0 / np.array(SIZES)[:, None])

    def error(passes: np.ndarray) -> np.ndarray:
        return measure_coverage(laws, replace(draws, delta=by_size.reshape(180, POINTS), passes=passes)).error

    independent = error(np.arange(180))
    assert np.all(error(draws.passes // 2) < 0.5 * independent)
    np.testing.assert_allclose(error(draws.passes // 10), independent)  # six passes


@pytest.mark.parametrize("error", [0.1, 0.5, 1.0, 2.0, 10.0])
def test_an_interval_that_knows_it_is_off_may_add_errors_in_quadrature(error: float) -> None:
    spread, offset, level = 1.0, 1.0, 0.9
    half = np.hypot(float(half_width(np.array(spread), np.array(offset), level)), two_sided(level) * error)
    lies = stats.norm(offset, np.hypot(spread, error))
    assert lies.cdf(half) - lies.cdf(-half) == pytest.approx(level, abs=0.01)


def test_a_mean_of_few_draws_is_held_to_students_t() -> None:
    exact = laws_of(np.full(4000, 1e-4), 1.0)  # intervals of no width
    rng = np.random.default_rng(1)
    sizes = np.full(5, 100)
    delta = 1e-6 + 1e-6 * rng.normal(size=(5, 4000))
    found = measure_coverage(exact, Draws(delta, sizes, np.arange(5), np.arange(4000), np.ones(5)))
    assert found.coverage[0] == pytest.approx(0.9, abs=0.015)
    wrong = stats.t(4).cdf(stats.norm.ppf(0.95)) * 2 - 1
    assert abs(wrong - 0.9) > 0.05


def test_nothing_known_is_no_number() -> None:
    laws, draws = made(0, 1, 1.0)
    found: Coverage = measure_coverage(laws, draws)  # one draw a size: no mean has an error
    assert np.isnan(found.coverage).all()
    assert np.isnan([found.mean, found.mean_error, found.mean_if_half, found.needed]).all()
    assert "nothing to judge" in coverage_verdict(found)

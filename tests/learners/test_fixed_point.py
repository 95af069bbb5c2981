"""The accelerated fixed point: contractions with known fixed points, rows that settle late or never, and the safeguard."""

from __future__ import annotations

import numpy as np
import pytest

from dscale_core.learners.compiled import anderson
from dscale_core.learners.fixed_point import TOLERANCE, settle, slack
from dscale_core.types import FloatMatrix, FloatVector, IntVector

N = 6
WEIGHTS = np.array([1.0, 0.5, -0.2, 0.1, 0.0, 0.0])


class Contractions:
    """x = c + rate w tanh(x - c), row by row: c is the only fixed point where rate < 1, since no weight w exceeds one."""

    def __init__(self, centre: FloatMatrix, rate: FloatVector, bound: float = 1.0) -> None:
        self.centre, self.rate, self.bound = centre, rate, bound
        self.found = np.full_like(centre, np.nan)
        self.taken_at = np.full(rate.size, -1)  # the step at which each row was taken out
        self.evaluated: list[int] = []  # rows in every step
        self.left = np.arange(rate.size)

    def map(self, state: FloatMatrix) -> FloatMatrix:
        centre, rate = self.centre[self.left], self.rate[self.left, None]
        return centre + rate * WEIGHTS * np.tanh(state - centre)

    def residual(self, state: FloatMatrix, out: FloatMatrix) -> FloatVector:
        assert state.shape == out.shape == (self.left.size, N)
        self.evaluated.append(self.left.size)
        out[...] = self.map(state) - state
        return np.full(self.left.size, self.bound)

    def collect(self, places: IntVector, settled: np.ndarray, state: FloatMatrix) -> None:
        np.testing.assert_array_equal(places, self.left[settled])
        self.found[places], self.taken_at[places] = state, len(self.evaluated)

    def keep(self, left: np.ndarray) -> None:
        self.left = self.left[left]


class Translations(Contractions):
    """Rows of rate above one go on and on: x = x + rate has no fixed point."""

    def map(self, state: FloatMatrix) -> FloatMatrix:
        rate = self.rate[self.left, None]
        return np.where(rate > 1, state + rate, super().map(state))


def centres(rows: int, seed: int = 0) -> FloatMatrix:
    return np.random.default_rng(seed).normal(size=(rows, N))


def relative_error(found: FloatMatrix, centre: FloatMatrix) -> FloatVector:
    return np.linalg.norm(found - centre, axis=1) / np.linalg.norm(centre, axis=1)


RATES = np.array([0.0, 0.001, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9])


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_every_row_reaches_its_own_fixed_point(kind: type) -> None:
    centre = centres(40)
    rows = Contractions(centre, np.resize(RATES, 40))
    settled = settle(rows, np.zeros((40, N), dtype=kind), 14)
    assert settled.all()
    assert relative_error(rows.found, centre).max() <= TOLERANCE


def test_a_tighter_tolerance_is_kept() -> None:
    centre = centres(16)
    rows = Contractions(centre, np.resize(RATES, 16))
    assert settle(rows, np.zeros((16, N)), 40, tolerance=1e-10).all()
    assert relative_error(rows.found, centre).max() <= 1e-10


def test_slow_rows_are_accelerated_beyond_the_ring_of_past_states() -> None:
    centre = centres(5)
    rows = Contractions(centre, np.full(5, 0.95))
    assert settle(rows, np.zeros((5, N)), 30).all()
    # plain iteration would need log(2e-4) / log(0.95) = 166 steps
    assert rows.taken_at.min() > 5
    assert rows.taken_at.max() <= 20
    assert relative_error(rows.found, centre).max() <= TOLERANCE


def test_rows_settle_at_different_steps_and_cost_nothing_afterwards() -> None:
    rows = Contractions(centres(8), RATES)
    assert settle(rows, np.zeros((8, N)), 30).all()
    assert np.unique(rows.taken_at).size >= 3
    assert (np.diff(rows.taken_at) >= 0).all()  # slower contractions settle later
    assert rows.evaluated[0] == 8
    assert rows.evaluated == sorted(rows.evaluated, reverse=True)
    assert rows.evaluated[-1] < 8


@pytest.mark.parametrize(("quick", "second"), [(1, 8), (2, 6)])
def test_settled_rows_wait_until_they_are_a_quarter(quick: int, second: int) -> None:
    centre = centres(8)
    start = np.zeros((8, N))
    start[:quick] = centre[:quick]  # at their fixed points from the first
    rows = Contractions(centre, np.full(8, 0.9))
    settle(rows, start, 2)
    assert rows.evaluated == [8, second]
    np.testing.assert_array_equal(rows.taken_at >= 0, np.arange(8) < quick)
    np.testing.assert_allclose(rows.found[:quick], centre[:quick], rtol=1e-12)


def test_rows_that_never_settle_are_reported_and_not_collected() -> None:
    centre = centres(8)
    rows = Translations(centre, np.array([0.1, 2.0, 0.2, 3.0, 0.1, 0.2, 5.0, 0.3]))
    settled = settle(rows, np.zeros((8, N)), 14)
    np.testing.assert_array_equal(settled, rows.rate < 1)
    assert np.isnan(rows.found[~settled]).all()
    assert relative_error(rows.found[settled], centre[settled]).max() <= TOLERANCE
    assert len(rows.evaluated) == 14


def test_a_row_without_a_fixed_point_takes_plain_steps() -> None:
    seen: list[FloatMatrix] = []

    class Watched(Translations):
        def residual(self, state: FloatMatrix, out: FloatMatrix) -> FloatVector:
            seen.append(state.copy())
            return super().residual(state, out)

    assert not settle(Watched(centres(1), np.array([2.0])), np.zeros((1, N)), 9).any()
    np.testing.assert_array_equal(np.concatenate(seen)[:, 0], 2.0 * np.arange(9))


def test_too_few_steps_settle_none() -> None:
    rows = Contractions(centres(4), np.full(4, 0.5))
    assert not settle(rows, np.zeros((4, N)), 0).any()
    assert not settle(rows, np.zeros((4, N)), 1).any()
    assert np.isnan(rows.found).all()


def test_no_rows_are_no_problem() -> None:
    assert settle(Contractions(centres(0), np.zeros(0)), np.zeros((0, N)), 14).size == 0


def test_bad_rows_disturb_no_other() -> None:
    rate = np.resize(RATES, 24)
    rate[5] = 4.0  # no fixed point
    centre = centres(24)
    centre[11] = np.nan
    together = Translations(centre, rate)
    settled = settle(together, np.zeros((24, N)), 14)
    np.testing.assert_array_equal(np.flatnonzero(~settled), [5, 11])
    good = np.flatnonzero(settled)
    alone = Translations(centre[good], rate[good])
    assert settle(alone, np.zeros((good.size, N)), 14).all()
    # rows wait for each other, so that company can only make them better
    assert relative_error(together.found[good], centre[good]).max() <= TOLERANCE
    np.testing.assert_allclose(together.found[good], alone.found, atol=2 * TOLERANCE * np.abs(centre[good]).max())


def test_a_batch_equals_its_singles() -> None:
    centre, rate = centres(24), np.resize([*RATES, 2.0], 24)
    together = Translations(centre, rate)
    settled = settle(together, np.zeros((24, N)), 14)
    for i in range(24):
        single = Translations(centre[i : i + 1], rate[i : i + 1])
        assert settle(single, np.zeros((1, N)), 14)[0] == settled[i]
        if settled[i]:
            assert together.taken_at[i] >= single.taken_at[0]
            distance = np.linalg.norm(together.found[i] - single.found[0])
            assert distance <= 2 * TOLERANCE * np.linalg.norm(centre[i])


def test_the_order_of_rows_does_not_matter() -> None:
    centre, rate = centres(30), np.resize([*RATES, 2.0], 30)
    order = np.random.default_rng(1).permutation(30)
    first, other = Translations(centre, rate), Translations(centre[order], rate[order])
    settled, again = settle(first, np.zeros((30, N)), 14), settle(other, np.zeros((30, N)), 14)
    np.testing.assert_array_equal(again, settled[order])
    np.testing.assert_array_equal(other.taken_at, first.taken_at[order])
    np.testing.assert_allclose(other.found, first.found[order], rtol=1e-12)


def test_a_large_bound_of_the_error_keeps_a_row_iterating() -> None:
    quick, wary = (Contractions(centres(1), np.array([0.5]), bound) for bound in (1.0, 1e6))
    assert settle(quick, np.zeros((1, N)), 30).all()
    assert settle(wary, np.zeros((1, N)), 30).all()
    assert wary.taken_at[0] > quick.taken_at[0]
    assert relative_error(wary.found, wary.centre)[0] <= 1e-7


def one_step(residual: float, tolerance: float, bound: float = 1.0) -> bool:
    """Whether a row settles in its first step when it ends at 1 and the step was ``residual`` long."""
    states, residuals = np.empty((5, 1, 1)), np.empty((5, 1, 1))
    states[0], residuals[0] = 1.0 - residual, residual
    done, out = np.zeros(1, dtype=bool), np.empty((1, 1))
    anderson.anderson_step(states, residuals, 1, 0, tolerance, np.array([bound]), out, done)
    assert out[0, 0] == pytest.approx(1.0)
    return bool(done[0])


def test_the_first_step_must_be_ten_times_better_than_the_tolerance() -> None:
    assert one_step(0.99e-5, tolerance=1e-4)
    assert not one_step(1.01e-5, tolerance=1e-4)


def test_an_error_of_a_hundredth_by_the_rows_own_bound_is_never_accepted() -> None:
    assert one_step(0.99e-2 / 50, tolerance=1.0, bound=50.0)
    assert not one_step(1.01e-2 / 50, tolerance=1.0, bound=50.0)


def test_a_small_residual_of_a_slow_iteration_is_not_taken_for_convergence() -> None:
    # x <- 0.999 x: the residual is a thousandth of the error
    states, residuals = np.empty((5, 1, 1)), np.empty((5, 1, 1))
    done, out = np.zeros(1, dtype=bool), np.empty((1, 1))
    for newest, x in enumerate((1.0, 0.999)):
        states[newest], residuals[newest] = x, -0.001 * x
    anderson.anderson_step(states, residuals, 2, 1, 0.01, np.ones(1), out, done)
    assert not done[0]


def test_a_linear_problem_takes_few_steps() -> None:
    generator = np.random.default_rng(0)
    A = np.diag([0.9, 0.5, -0.3])  # the fixed point x = A x + b, slow on its own
    b = generator.normal(size=(7, 3))
    exact = np.linalg.solve(np.eye(3) - A, b.T).T
    states, residuals = np.empty((5, 7, 3)), np.empty((5, 7, 3))
    x, done = np.zeros((7, 3)), np.zeros(7, dtype=bool)
    for iteration in range(6):
        newest = iteration % 5
        states[newest], residuals[newest] = x, x @ A.T + b - x
        x = np.empty_like(x)
        anderson.anderson_step(states, residuals, min(iteration + 1, 5), newest, 1e-9, np.ones(7), x, done)
    assert done.all()
    np.testing.assert_allclose(x, exact, atol=1e-8)


def test_past_steps_that_repeat_each_other_count_as_one() -> None:
    # x <- x / 2 + 1 from 0, and the same state twice in the ring
    past = np.array([0.0, 0.0, 1.0])
    states, residuals = past.reshape(3, 1, 1), (1 - past / 2).reshape(3, 1, 1)
    out, done = np.empty((1, 1)), np.zeros(1, dtype=bool)
    anderson.anderson_step(states, residuals, 3, 2, 1e-9, np.ones(1), out, done)
    assert not done[0]
    assert out[0, 0] == pytest.approx(2.0, abs=1e-8)


def test_the_slack_of_a_logistic_problem() -> None:
    np.testing.assert_allclose(slack(np.array([0.0, 1.0]), np.array([0.5, 2.0])), [1.5, 3 * np.e])
    # its square must be a number, also where a step of a thousand logits was tried
    assert np.isfinite(slack(np.array([1000.0]), np.array([1e10])) ** 2).all()


@pytest.mark.parametrize(("kind", "far"), [(np.float32, 1e12), (np.float64, 1e19)])
def test_a_step_that_rounding_swallows_settles_nothing(kind: type, far: float) -> None:
    """The state has run away so far that F is lost in it: a residual of zero is no fixed point where the bound is large."""
    states, residuals = np.full((5, 1, 1), far, dtype=kind), np.zeros((5, 1, 1), dtype=kind)
    for bound, settled in ((1.0, True), (1e16, False)):
        out, done = np.empty((1, 1), dtype=kind), np.zeros(1, dtype=bool)
        anderson.anderson_step(states, residuals, 1, 0, TOLERANCE, np.array([bound]), out, done)
        assert done[0] == settled


def test_squares_that_overflow_settle_nothing() -> None:
    # in float32 the square of 1e21 is infinite, and infinity is no more than infinity times the tolerance
    states, residuals = np.full((5, 1, 2), 1e21, dtype=np.float32), np.full((5, 1, 2), 1e20, dtype=np.float32)
    out, done = np.empty((1, 2), dtype=np.float32), np.zeros(1, dtype=bool)
    with np.errstate(over="ignore"):
        anderson.anderson_step(states, residuals, 1, 0, TOLERANCE, np.ones(1), out, done)
    assert not done[0]


def test_what_moves_by_many_units_is_solved_the_closer() -> None:
    # probabilities follow the exponential of logits: at a slack of e^8 an error counts eight times
    assert one_step(0.99e-6, tolerance=1e-4, bound=np.exp(8.0)) == one_step(1.2e-6, tolerance=1e-4, bound=np.exp(8.0))
    assert not one_step(1.3e-6, tolerance=1e-4, bound=np.exp(8.0))
    assert one_step(1.3e-6, tolerance=1e-4, bound=np.exp(4.0))

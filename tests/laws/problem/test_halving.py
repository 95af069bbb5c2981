"""Halves for judging: whole units, disjoint, both ways round, the same each time; and the problem of some draws."""

from dataclasses import replace

import numpy as np
import pytest
from reference import known_draws

from dscale_core.laws.problem import Guide, Problem, evenly_spaced, halves, make_problem, sample_columns, screen, select


def _problem(draws: int = 48, passes: int = 12, seed: int = 1) -> Problem:
    known = known_draws(6, draws, seed)
    order = np.random.default_rng(seed).permutation(draws)
    return make_problem(known.delta, known.sizes, passes=(np.arange(draws) * passes // draws)[order])


@pytest.mark.parametrize(("n", "most"), [(10, 4), (10, 10), (10, 20), (1000, 7), (1, 5), (5, 1), (0, 3)])
def test_evenly_spaced_positions_hold_both_ends(n: int, most: int) -> None:
    chosen = evenly_spaced(n, most)
    assert chosen.size == min(n, most)
    assert chosen.dtype == np.int64
    if n:
        assert chosen[0] == 0
    if min(n, most) > 1:
        assert chosen[-1] == n - 1
        assert np.ptp(np.diff(chosen)) <= 1


def test_a_sample_of_points_holds_usable_ones_only() -> None:
    delta = np.random.default_rng(0).normal(size=(10, 9))
    delta[:, [0, 4]] = 0.0
    screened = screen(make_problem(delta, np.arange(10.0, 20.0)))
    assert sample_columns(screened).tolist() == [1, 2, 3, 5, 6, 7, 8]
    assert sample_columns(screened, 3).tolist() == [1, 5, 8]
    many = screen(make_problem(np.ones((4, 401)), [1.0, 2.0, 3.0, 4.0]))
    assert sample_columns(many).size == 400


@pytest.mark.parametrize("splits", [1, 4])
def test_halves_are_disjoint_whole_passes_both_ways_round(splits: int) -> None:
    problem = _problem()
    assert problem.passes is not None
    found = list(halves(problem, splits))
    assert len(found) == 2 * splits
    for train, test, unit in found:
        assert sorted([*train, *test]) == list(range(48))
        np.testing.assert_array_equal(unit, problem.passes[test])
        ours, theirs = set(problem.passes[train]), set(problem.passes[test])
        assert not ours & theirs
        assert len(ours) == len(theirs) == 6
    for one, other in zip(found[::2], found[1::2], strict=True):
        np.testing.assert_array_equal(one[0], other[1])
        np.testing.assert_array_equal(one[1], other[0])
    distinct = {tuple(train) for train, _, _ in found}
    assert len(distinct) == len(found)  # each split cuts anew


def test_halves_are_the_same_each_time() -> None:
    problem = _problem()
    for one, other in zip(halves(problem, 3), halves(problem, 3), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("passes", "whole"), [(8, True), (7, False), (1, False), (None, False)])
def test_with_fewer_than_eight_passes_draws_are_the_units(passes: int | None, whole: bool) -> None:
    problem = _problem(passes=passes or 1)
    labels = problem.passes
    assert labels is not None
    if passes is None:
        problem = replace(problem, passes=None)
    for train, test, unit in halves(problem, 2):
        np.testing.assert_array_equal(unit, labels[test] if whole else test)
        assert train.size == test.size == 24


def test_a_half_that_spans_less_than_half_of_the_sizes_is_left_out() -> None:
    """Two draws, of 100 and 1000: each half holds one of them. A third between them makes halves of one and two."""
    sizes = np.array([100.0, 1000.0])
    assert not list(halves(make_problem(np.ones((2, 1)), sizes), 3))
    # eight passes: seven at the middle, and one that spans just half, or just less, of log k
    for spanned, kept in ((0.499, 0), (0.501, 2)):
        ends = 100.0 * 10.0 ** np.array([0.0, 1.0])
        middle = 100.0 * 10.0 ** (0.5 + spanned * np.array([-0.5, 0.5]))
        k = np.concatenate([ends, np.tile(middle, 7)])
        passes = np.repeat(np.arange(8), 2)
        assert len(list(halves(make_problem(np.ones((16, 1)), k, passes=passes), 1))) == kept


def test_a_half_that_spans_just_half_of_the_sizes_is_kept() -> None:
    problem = make_problem(np.ones((16, 1)), np.arange(10.0, 26.0), passes=np.repeat(np.arange(8), 2))
    exact = np.concatenate([[0.0, 1.0], np.tile([0.25, 0.75], 7)])
    assert len(list(halves(replace(problem, x=exact), 1))) == 2


def test_the_problem_of_some_draws_and_points_keeps_its_centre() -> None:
    known = known_draws(5, 12, 2)
    guide = Guide(np.array([100.0, 1000.0]), np.arange(10.0).reshape(2, 5), control=known.delta + 1)
    problem = make_problem(
        known.delta, known.sizes, passes=np.arange(12) // 3, features=np.arange(10.0).reshape(5, 2),
        groups=[0, 1, 0, 1, 1], targets=np.arange(5.0), guide=guide,
    )  # fmt: skip
    rows, columns = np.array([1, 2, 9, 11]), np.array([4, 0])
    part = select(problem, rows, columns)
    np.testing.assert_array_equal(part.delta, known.delta[rows][:, columns])
    np.testing.assert_array_equal(part.sizes, known.sizes[rows])
    np.testing.assert_array_equal(part.x, problem.x[rows])
    assert part.center == problem.center
    for name, expected in (("passes", [0, 0, 1, 1]), ("groups", [1, 0]), ("targets", [4, 0])):
        assert getattr(part, name).tolist() == expected
    assert part.features is not None
    assert part.features.tolist() == [[8, 9], [0, 1]]
    assert part.guide is not None
    np.testing.assert_array_equal(part.guide.expected, guide.expected[:, columns])
    np.testing.assert_array_equal(part.guide.control, known.delta[rows][:, columns] + 1)
    bare = select(make_problem(known.delta, known.sizes), rows, columns)
    for name in ("passes", "groups", "targets", "features", "guide"):
        assert getattr(bare, name) is None

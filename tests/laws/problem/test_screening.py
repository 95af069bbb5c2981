"""Which points can be fitted, and the clean, scaled, centred numbers that estimators see of them."""

import numpy as np
import pytest

from dscale_core.laws.problem import Block, Problem, blocks, make_problem, screen
from dscale_core.types import LawStatus

SIZES = np.array([10.0, 20.0, 40.0, 80.0, 160.0])


def _problem(own: bool = False) -> Problem:
    """Seven points; with ``own`` the sizes are alike too, but for a point that has one size alone."""
    rng = np.random.default_rng(0)
    delta = rng.normal(size=(5, 7))
    delta[:2, 1] = np.nan  # three draws
    delta[4, 2] = np.nan  # four draws
    delta[:, 3] = 0.0
    delta[0, 4] = -np.inf
    delta[:, 5] = [np.nan] * 4 + [1.0]
    sizes = SIZES
    if own:
        sizes = np.repeat(SIZES[:, None], 7, axis=1)
        sizes[:, 6] = 30.0
    return make_problem(delta, sizes)


@pytest.mark.parametrize("batch", [2_000_000, 3, 12])
@pytest.mark.parametrize("own", [False, True])
def test_points_are_set_aside_with_the_deepest_reason(own: bool, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dscale_core.laws.problem.screening._SCREEN_ELEMENTS", batch)
    problem = _problem(own)
    screened = screen(problem)
    last = "one_size" if own else "ok"
    assert screened.status.tolist() == ["ok", "too_few_draws", "ok", "no_signal", "not_finite", "too_few_draws", last]
    assert screened.n_draws.tolist() == [5, 3, 4, 5, 4, 1, 5]
    assert screened.n_draws.dtype == np.int64
    finite = np.where(np.isfinite(problem.delta), problem.delta, 0.0)
    np.testing.assert_array_equal(screened.scale, np.abs(finite).max(axis=0))
    assert screened.usable.tolist() == ([0, 2] if own else [0, 2, 6])


def test_the_fewest_draws_may_be_asked_for() -> None:
    assert screen(_problem(), min_draws=3).status[1] == "ok"
    assert screen(_problem(), min_draws=5).status[2] == "too_few_draws"


def test_each_reason_outweighs_those_before_it() -> None:
    """One size < no signal < too few draws < not finite, where several hold at once."""
    silent = np.zeros((5, 1))
    assert screen(make_problem(silent, np.full(5, 30.0))).status[0] == "no_signal"
    assert screen(make_problem(silent[:3], SIZES[:3])).status[0] == "too_few_draws"
    wild = np.array([[np.inf], [np.nan], [0.0]])
    assert screen(make_problem(wild, np.full(3, 30.0))).status[0] == "not_finite"


def test_only_the_sizes_of_finite_draws_count_as_sizes() -> None:
    delta = np.ones((6, 2))
    delta[4:, 1] = np.nan
    sizes = np.array([30.0, 30.0, 30.0, 30.0, 60.0, 15.0])
    assert screen(make_problem(delta, sizes)).status.tolist() == ["ok", "one_size"]


def test_every_status_fits() -> None:
    screened = screen(_problem())
    assert screened.status.dtype.itemsize // 4 == max(len(status) for status in LawStatus)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("width", [1, 2, 10])
def test_blocks_hold_the_usable_points_scaled_and_centred(own: bool, width: int) -> None:
    problem = _problem(own)
    screened = screen(problem)
    found = list(blocks(problem, screened, width))
    assert [block.columns.size for block in found] == [
        min(width, screened.usable.size - i) for i in range(0, screened.usable.size, width)
    ]
    np.testing.assert_array_equal(np.concatenate([block.columns for block in found]), screened.usable)
    for block in found:
        for row, column in enumerate(block.columns):
            values = problem.delta[:, column] / screened.scale[column]
            seen = np.isfinite(values)
            x = problem.x[:, column] if own else problem.x
            np.testing.assert_array_equal(block.y[row], np.where(seen, values, 0.0))
            assert np.abs(block.y[row]).max() == 1.0
            np.testing.assert_array_equal(block.x[row] if own else block.x, x)
            assert block.n[row] == seen.sum()
            if block.present is None:
                assert seen.all()
            else:
                np.testing.assert_array_equal(block.present[row], seen.astype(float))
            assert block.sum_x[row] == pytest.approx(x[seen].sum())
            assert block.spread_x[row] == pytest.approx(0.5 * seen.sum() * np.var(x[seen]))
        complete = screened.n_draws[block.columns].min() == 5
        assert (block.present is None) == complete
        assert block.y.dtype == np.float64


@pytest.mark.parametrize("own", [False, True])
def test_some_rows_of_a_block(own: bool) -> None:
    problem = _problem(own)
    block = next(blocks(problem, screen(problem), 10))
    rows = np.array([1, 0])
    part = block.take(rows)
    for name in Block.__dataclass_fields__:
        whole, some = getattr(block, name), getattr(part, name)
        np.testing.assert_array_equal(some, whole if name == "x" and not own else whole[rows], name)
    complete = next(blocks(make_problem(np.ones((5, 2)), SIZES), screen(make_problem(np.ones((5, 2)), SIZES)), 2))
    assert complete.take(np.array([True, False])).present is None
    assert complete.take(np.array([True, False])).columns.tolist() == [0]


def test_single_precision_draws_are_scaled_in_double() -> None:
    problem = make_problem((np.arange(1.0, 11.0) / 7).reshape(5, 2).astype(np.float32), SIZES)
    block = next(blocks(problem, screen(problem), 2))
    exact = problem.delta.T.astype(np.float64)
    assert block.y.dtype == np.float64
    np.testing.assert_allclose(block.y, exact / exact.max(axis=1, keepdims=True), rtol=1e-15)

"""Draws gathered by size: groups, means and R² against plain loops, with holes, at any magnitude, in any batch."""

import numpy as np
import pytest

from dscale_core.errors import ArgumentError
from dscale_core.laws.grouping import SizeGroups, determination, group_means, size_groups


def test_listed_sizes_are_their_own_groups() -> None:
    groups = size_groups([300, 100, 300, 200])
    np.testing.assert_allclose(groups.size, [100, 200, 300])
    assert groups.index.tolist() == [2, 0, 2, 1]
    assert groups.index.dtype == np.int64
    assert size_groups(np.arange(1, 11)).size.size == 10  # as many as the groups asked for
    np.testing.assert_allclose(size_groups([5.0, 6.0, 7.0], n_groups=3).size, [5, 6, 7])
    np.testing.assert_allclose(size_groups(np.array([7, 201], dtype=np.uint8)).size, [7, 201], rtol=1e-12)


@pytest.mark.parametrize("n_groups", [1, 4, 10])
def test_many_sizes_are_cut_evenly_in_log_k(n_groups: int) -> None:
    k = np.round(np.exp(np.random.default_rng(0).uniform(np.log(50), np.log(2000), 300)))
    k[:2] = 50, 2000
    groups = size_groups(k, n_groups)
    cell = np.minimum((np.log(k / 50) / np.log(2000 / 50) * n_groups).astype(int), n_groups - 1)
    np.testing.assert_array_equal(groups.index, cell)
    for i, size in enumerate(groups.size):
        assert size == pytest.approx(np.exp(np.log(k[cell == i]).mean()))


def test_ten_groups_unless_said_and_empty_ones_are_left_out() -> None:
    k = np.concatenate([np.linspace(100, 130, 12), [1000.0]])
    groups = size_groups(k)
    # the first two tenths of log k, and the last
    assert groups.index.tolist() == [0] * 10 + [1] * 2 + [2]
    assert groups.size.size == 3


def test_a_size_on_an_edge_belongs_to_the_group_above() -> None:
    k = np.array([1.0, 2.0, 10.0, 50.0, 100.0])
    assert size_groups(k, 2).index.tolist() == [0, 0, 1, 1, 1]


def test_sizes_of_their_own_are_grouped_together() -> None:
    k = np.array([[100.0, 200.0], [200.0, 400.0], [400.0, 100.0]])
    groups = size_groups(k)
    assert groups.index.tolist() == [[0, 1], [1, 2], [2, 0]]
    many = np.geomspace(10, 1000, 40)
    np.testing.assert_array_equal(size_groups(many.reshape(20, 2)).index, size_groups(many).index.reshape(20, 2))


@pytest.mark.parametrize(
    ("argument", "sizes", "n_groups"),
    [
        ("sizes", [], 3),
        ("sizes", [10.0, np.nan], 3),
        ("sizes", [10.0, np.inf], 3),
        ("sizes", [10.0, 0.5], 3),
        ("n_groups", [10.0, 20.0], 0),
    ],
)
def test_bad_sizes_are_refused(argument: str, sizes: list[float], n_groups: int) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument} must"):
        size_groups(sizes, n_groups)
    assert size_groups([1.0, 1.0], 1).size.tolist() == [1.0]


def _draws(own: bool) -> tuple[np.ndarray, SizeGroups]:
    rng = np.random.default_rng(1)
    delta = rng.normal(size=(20, 5)) * 10.0 ** rng.integers(-3, 3, 5)
    delta[rng.random(delta.shape) < 0.2] = np.nan
    delta[:, 3] = np.nan
    delta[3, 0] = np.inf
    sizes = np.repeat([10.0, 20.0, 40.0, 80.0], [1, 2, 8, 9])
    delta[1:3, 1], delta[0, 1] = [np.nan, 5.0], 7.0
    delta[:, 4] = 0.0
    return delta, size_groups(np.stack([rng.permutation(sizes) for _ in range(5)], axis=1) if own else sizes)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("batch", [2_000_000, 7, 45])
def test_means_match_plain_loops(own: bool, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dscale_core.laws.grouping._BLOCK", batch)
    delta, groups = _draws(own)
    means = group_means(delta, groups)
    assert means.mean.shape == means.standard_error.shape == means.count.shape == (4, 5)
    assert means.count.dtype == np.int64
    for i in range(4):
        for j in range(5):
            inside = (groups.index[:, j] if own else groups.index) == i
            values = delta[inside, j][np.isfinite(delta[inside, j])]
            assert means.count[i, j] == values.size
            expected = values.mean() if values.size else np.nan
            error = values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else np.nan
            assert means.mean[i, j] == pytest.approx(expected, rel=1e-12, nan_ok=True)
            assert means.standard_error[i, j] == pytest.approx(error, rel=1e-12, nan_ok=True)


def test_groups_that_hold_no_draw_have_no_mean() -> None:
    means = group_means(np.arange(4.0)[:, None], SizeGroups(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 2, 0])))
    assert means.count[:, 0].tolist() == [2, 0, 2]
    assert means.mean[:, 0].tolist() == pytest.approx([1.5, np.nan, 1.5], nan_ok=True)


def test_means_of_any_magnitude_do_not_overflow() -> None:
    groups = size_groups([10.0, 10.0, 10.0, 20.0, 20.0])
    delta = np.array([1.0, 2.0, 6.0, -3.0, -5.0])[:, None]
    plain = group_means(delta, groups)
    for magnitude in (1e-300, 1e300):
        means = group_means(magnitude * delta, groups)
        np.testing.assert_allclose(means.mean / magnitude, plain.mean)
        np.testing.assert_allclose(means.standard_error / magnitude, plain.standard_error)
    np.testing.assert_allclose(plain.mean[:, 0], [3.0, -4.0])
    np.testing.assert_allclose(plain.standard_error[:, 0], [np.sqrt(7 / 3), 1.0])


def test_single_precision_draws_are_summed_in_double() -> None:
    delta = np.full((1000, 1), 0.1, dtype=np.float32)
    mean = group_means(delta, size_groups(np.full(1000, 10.0))).mean
    assert mean.dtype == np.float64
    assert mean[0, 0] == pytest.approx(float(np.float32(0.1)), rel=1e-14)


def test_groups_of_other_draws_are_refused() -> None:
    groups = size_groups([10.0, 20.0])
    for delta in (np.zeros((3, 2)), np.zeros(2), np.zeros((2, 2, 2))):
        with pytest.raises(ArgumentError, match=r"^groups must"):
            group_means(delta, groups)
    with pytest.raises(ArgumentError, match=r"^groups must"):
        group_means(np.zeros((2, 3)), size_groups([[10.0, 20.0], [20.0, 10.0]]))
    assert group_means(np.zeros((2, 0)), groups).mean.shape == (2, 0)


def test_determination_is_the_share_explained() -> None:
    rng = np.random.default_rng(2)
    mean, psi = rng.normal(3.0, 1.0, (6, 5)), rng.normal(3.0, 1.0, (6, 5))
    mean[2, 1], psi[4, 1], mean[1:, 2], mean[:, 3] = np.nan, np.nan, np.nan, 5.0
    mean[0, 0], mean[:, 4] = np.inf, np.nan
    found = determination(mean, psi)
    for j in (0, 1):
        both = np.isfinite(mean[:, j]) & np.isfinite(psi[:, j])
        m, p = mean[both, j], psi[both, j]
        assert found[j] == pytest.approx(1 - np.sum((m - p) ** 2) / np.sum((m - m.mean()) ** 2))
    assert np.isnan(found[2:]).all()  # one row, means that do not vary, and no row
    np.testing.assert_allclose(determination(mean[2:, :1], mean[2:, :1]), 1.0)


@pytest.mark.parametrize("magnitude", [1e-200, 1e-3, 1e200])
def test_determination_has_no_unit(magnitude: float) -> None:
    mean, psi = np.array([[1.0], [2.0], [4.0], [np.nan]]), np.array([[1.5], [2.0], [3.0], [1.0]])
    unit = magnitude * np.array([1.0, -1.0, -1 / magnitude])  # beside each other, of either sign
    np.testing.assert_allclose(determination(unit * mean, unit * psi), 1 - 1.25 / (14 / 3))


def test_two_means_suffice_and_a_spread_of_rounding_is_none() -> None:
    np.testing.assert_allclose(determination(np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]])), 0.5)
    wide, narrow = (np.array([[1.0], [1.0 + step]]) for step in (4e-14, 1e-14))
    assert np.isfinite(determination(wide, wide))[0]
    assert np.isnan(determination(narrow, narrow))[0]
    assert np.isnan(determination(np.zeros((3, 1)), np.zeros((3, 1))))[0]


def test_a_law_that_overflows_explains_nothing() -> None:
    assert determination(np.array([[1e-10], [2e-10]]), np.array([[1e300], [0.0]]))[0] == -np.inf

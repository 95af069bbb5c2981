"""Two fits held against each other: matched by id, moved by intervals, and nothing breaks where there is no law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from figures.figure_cases import make_laws

from dscale_core.errors import ArgumentError
from dscale_core.types import Laws
from dscale_core.validation import compare_laws, summarize_laws
from dscale_core.validation.comparison import StatusChange


def nothing(laws: Laws) -> Laws:
    """The same points without any law."""
    lost = {
        name: np.full_like(getattr(laws, name), np.nan) for name in ("c", "alpha", "alpha_low", "alpha_high", "covariance")
    }
    return replace(laws, **lost, status=np.full(laws.c.size, "no_signal"))


def test_a_fit_does_not_differ_from_itself() -> None:
    laws = make_laws()
    same = compare_laws(laws, laws, 500)
    for change in (same.psi, same.alpha):
        assert change.rank_correlation == pytest.approx(1)
        assert change.width_ratio == pytest.approx(1)
        assert (change.n_compared, change.n_moved, change.share_moved) == (297, 0, 0.0)
        assert np.isnan(change.shift[:3]).all()
    assert (same.n_sign_changes, same.best_kept) == (0, 1.0)
    assert same.points.tolist() == laws.points.tolist()
    assert same.only_one.size == same.only_other.size == 0
    assert sum(change.n_points for change in same.transitions) == 300
    assert all(change.one == change.other for change in same.transitions)
    assert same.transitions[0] == StatusChange("ok", "ok", 296)


def test_points_are_matched_by_id() -> None:
    laws = make_laws()
    backwards = laws.take(np.arange(300)[::-1])
    shuffled = compare_laws(laws, backwards, 500)
    assert shuffled.points.tolist() == laws.points.tolist()
    np.testing.assert_array_equal(shuffled.psi.one, shuffled.psi.other)
    np.testing.assert_array_equal(shuffled.psi.one, laws.psi(500))
    some = compare_laws(laws.take(np.arange(0, 200)), laws.take(np.arange(150, 300)), 500)
    assert some.points.tolist() == laws.points[150:200].tolist()
    assert some.only_one.tolist() == laws.points[:150].tolist()
    assert some.only_other.tolist() == laws.points[200:].tolist()
    assert some.alpha.n_moved == 0


def test_no_shared_points_and_no_law_at_all_are_survived() -> None:
    laws = make_laws()
    apart = compare_laws(laws.take(np.arange(10, 20)), laws.take(np.arange(20, 30)), 500)
    assert apart.points.size == 0
    assert apart.transitions == ()
    for found in (apart, compare_laws(laws, nothing(laws), 500), compare_laws(nothing(laws), nothing(laws), 500)):
        for change in (found.psi, found.alpha):
            assert np.isnan([change.rank_correlation, change.width_ratio, change.share_moved]).all()
            assert (change.n_compared, change.n_moved) == (0, 0)
        assert np.isnan(found.best_kept)
        assert found.n_sign_changes == 0


def test_moved_means_that_neither_interval_holds_the_other_value() -> None:
    laws = make_laws(40)
    low, high = laws.psi_interval(500)
    half = (high - low) / 2
    wanted = laws.psi(500) + np.where(np.arange(40) % 2, 1.5, -0.5) * half
    other = replace(laws, c=wanted * 500**laws.alpha, covariance=laws.covariance / 16)
    found = compare_laws(laws, other, 500)
    np.testing.assert_allclose(found.psi.shift[3:], np.where(np.arange(40) % 2, 1.5, -0.5)[3:], rtol=1e-6)
    assert found.psi.n_moved == sum(1 for i in range(3, 40) if i % 2)
    back = compare_laws(other, laws, 500)
    np.testing.assert_allclose(back.psi.shift, -found.psi.shift)
    assert found.psi.width_ratio < 1 < back.psi.width_ratio


def test_an_interval_in_one_fit_is_enough_and_none_is_said() -> None:
    laws = make_laws(40)
    without = replace(laws, alpha_low=laws.alpha * np.nan, alpha_high=laws.alpha * np.nan, alpha=laws.alpha + 0.3)
    found = compare_laws(laws, without, 500).alpha
    np.testing.assert_allclose(found.shift[3:], 1.5)
    assert np.isnan(found.width_ratio)
    assert found.share_moved == 1.0
    neither = compare_laws(without, without, 500).alpha
    assert np.isnan(neither.share_moved)
    assert neither.rank_correlation == pytest.approx(1)


def test_signs_best_points_and_statuses_are_counted() -> None:
    laws = make_laws(103)
    against = replace(laws, c=-laws.c, status=np.where(np.arange(103) % 2, laws.status, "sign_change"))
    found = compare_laws(laws, against, 500)
    assert found.n_sign_changes == 100
    assert found.best_kept == 0.0
    assert found.psi.rank_correlation == pytest.approx(-1)
    counts = {(change.one, change.other): change.n_points for change in found.transitions}
    assert counts["ok", "sign_change"] == int(((laws.status == "ok") & (np.arange(103) % 2 == 0)).sum())
    assert [change.n_points for change in found.transitions] == sorted(counts.values(), reverse=True)


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(ArgumentError, match="k must be a size"):
        compare_laws(make_laws(), make_laws(), 0)


def test_a_fit_in_one_line() -> None:
    laws = make_laws()
    line = summarize_laws(laws)
    assert (line.n_points, line.n_ok, line.n_fitted) == (300, 296, 297)
    assert line.share_ok == pytest.approx(296 / 300)
    assert line.median_alpha == pytest.approx(np.median(laws.alpha[3:]))
    assert line.median_alpha_width == pytest.approx(0.4)
    empty = summarize_laws(nothing(laws))
    assert (empty.n_ok, empty.n_fitted) == (0, 0)
    assert np.isnan([empty.median_alpha, empty.median_alpha_width]).all()
    assert np.isnan(summarize_laws(laws.take(np.arange(0))).share_ok)

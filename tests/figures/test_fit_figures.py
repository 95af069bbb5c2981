"""Fits in one picture and one against another: every bar, line, mark and row says what the laws say."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from figure_cases import make_dataset, make_laws

from dscale_core import figures
from dscale_core.errors import ArgumentError
from dscale_core.figures.fit_overview import usual_range
from dscale_core.validation import compare_laws, rank_agreement, summarize_laws

LAWS = make_laws(60, first=0)  # of the points 0, 2, ... 118
LATER = replace(
    make_laws(60, seed=1, first=0), status=np.where(np.arange(60) < 10, "sign_change", "ok"), points=np.arange(60)[::-1]
)
DATASET = make_dataset(120)


def test_status_bars_are_shares_of_each_fit_and_name_fit_and_status() -> None:
    counts = [{"no_signal": 2, "ok": 6}, {"ok": 5}, {"at_bound": 1, "ok": 3}]
    figure = figures.status_bars(["a", "b", "c"], counts)
    assert [trace.name for trace in figure.data] == ["ok", "no_signal", "at_bound"]
    shown = {tuple(at): (y, x) for trace in figure.data for at, y, x in zip(trace.customdata, trace.y, trace.x, strict=True)}
    assert shown == {
        (0, "ok"): ("a", 75), (0, "no_signal"): ("a", 25), (1, "ok"): ("b", 100), (2, "ok"): ("c", 75),
        (2, "at_bound"): ("c", 25),
    }  # fmt: skip
    assert figures.statuses_of([{"strange": 1}, {"ok": 1}]) == ("ok", "strange")


def test_points_with_a_status_are_those_of_any_fit() -> None:
    assert figures.points_with_status([LAWS], "no_signal") == (0,)
    assert figures.points_with_status([LAWS, LATER], "sign_change") == tuple(range(50, 60))
    assert figures.points_with_status([], "ok") == ()


def test_distributions_share_their_bins_and_count_what_is_left_out() -> None:
    values = np.concatenate([np.linspace(0, 1, 400), [1000.0, np.nan]])
    far = figures.Quantity("alpha", "exponent α (no unit)", "α", values, np.arange(402))
    near = replace(far, values=np.linspace(0.4, 0.6, 402))
    figure = figures.distributions([far, near], ["far", "near"])
    np.testing.assert_array_equal(figure.data[0].x, figure.data[1].x)
    assert sum(figure.data[0].y) == pytest.approx(100 * 400 / 401)
    assert sum(figure.data[1].y) == pytest.approx(100)
    assert [note.text for note in figure.layout.annotations] == ["1 outlying values not shown"]
    assert "median 0.5" in figure.data[0].name
    nothing = figures.distributions([replace(far, values=values * np.nan)], ["none"])
    assert sum(nothing.data[0].y) == 0
    with pytest.raises(ArgumentError, match="Choose a fit"):
        figures.distributions([], [])


def test_the_usual_range_holds_all_that_is_not_far_out() -> None:
    assert usual_range([np.array([1.0, 2.0]), np.array([3.0, np.nan])]) == (1.0, 3.0)
    assert usual_range([np.array([2.0, 2.0])]) == (1.5, 2.5)
    assert usual_range([np.array([np.nan])]) == (0.0, 1.0)


def test_marks_stand_at_both_fits_values_of_their_point() -> None:
    k = 400
    pair = figures.paired(figures.quantity(LAWS, "psi", k), figures.quantity(LATER, "psi", k))
    assert pair.points.tolist() == list(range(0, 60, 2))
    figure = figures.fit_against_fit(pair, ("one", "other"), figures.class_groups(DATASET, pair.points), [4, 10], 20)
    seen = set()
    for trace in figure.data[:-1]:
        for x, y, point in zip(trace.x, trace.y, trace.customdata, strict=True):
            np.testing.assert_allclose(x, LAWS.psi(k)[LAWS.points == point], rtol=1e-5)
            np.testing.assert_allclose(y, LATER.psi(k)[LATER.points == point], rtol=1e-5)
            assert DATASET.labels(np.array([point]))[0] == trace.name
            seen.add(int(point))
    assert seen == set(range(6, 60, 2)) - {58}  # 0, 2, 4 have no law in the first fit, 57 to 59 none in the second
    assert list(figure.data[-1].customdata) == [20]
    assert figure.layout.xaxis.range == figure.layout.yaxis.range


def test_groups_are_classes_or_changes_and_never_too_many() -> None:
    found = compare_laws(LAWS, LATER, 400)
    groups = dict(figures.change_groups(found))
    assert all(mask.sum() for mask in groups.values())
    np.testing.assert_array_equal(sum(mask.astype(int) for mask in groups.values()), np.ones(30))
    np.testing.assert_array_equal(np.sort(found.points)[groups["no_signal → ok"]], [0])
    names = tuple(f"class {i}" for i in range(20))
    many = replace(DATASET, class_names=names, y_pool=np.arange(120) % 20)
    groups = dict(figures.class_groups(many, np.arange(120)))
    assert len(groups) == 10
    assert sum(mask.sum() for mask in groups.values()) == 120
    assert [name for name, _ in figures.class_groups(make_dataset(task="regression"), np.arange(5))] == ["points"]


def test_tables_say_what_moved_and_what_changed() -> None:
    found = compare_laws(LAWS, LATER, 400)
    table = figures.moved_table(found, DATASET)
    assert sorted(table["point"]) == list(range(0, 60, 2))
    size = table["shift"].abs()
    assert size.dropna().is_monotonic_decreasing
    assert size.isna().tolist() == [False] * int(size.notna().sum()) + [True] * int(size.isna().sum())
    assert set(figures.points_that_moved(found)) == set(table.loc[size > 1, "point"])
    assert len(figures.points_that_moved(found)) == found.psi.n_moved
    first = table.iloc[0]
    assert first["psi_other"] == LATER.psi(400)[LATER.points == first["point"]][0]
    changes = figures.transition_table(found)
    assert changes["points"].sum() == 30
    assert changes["changed"].is_monotonic_decreasing
    for row in changes.itertuples():
        assert len(figures.points_with_change(found, row._1, row.to)) == row.points


def test_the_table_of_fits_and_their_agreement() -> None:
    record = SimpleNamespace(id="1", method="likelihood", created="2026-01-01T10:00:00+00:00", n_coalitions=40, seconds=0.5)
    table = figures.fits_table([record], ["likelihood, 40 coalitions"], [summarize_laws(LAWS)])
    assert (table.loc[0, "points"], table.loc[0, "ok"], table.loc[0, "with_law"]) == (60, 56, 57)
    assert np.isnan(table.loc[0, "r2"])
    agreement = rank_agreement([LAWS, LATER, LAWS], 400)
    np.testing.assert_allclose(np.diag(agreement), 1)
    np.testing.assert_allclose(agreement, agreement.T)
    assert agreement[0, 1] == pytest.approx(compare_laws(LAWS, LATER, 400).psi.rank_correlation)
    shown = figures.rank_agreement_map(["a", "b", "c"], agreement, 400).data[0]
    assert np.isnan(np.asarray(shown.z)[np.triu_indices(3, 1)]).all()
    assert list(shown.customdata[1][0]) == ["b", "a"]

"""Bins, selections, ranks, correlations and tables against literal formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from figure_cases import make_dataset, make_laws

from dscale_core.errors import NotFoundError
from dscale_core.figures import (
    bin_values,
    correlation_by_class,
    filter_points,
    is_dense,
    law_line,
    point_record,
    points_between,
    points_in_box,
    points_table,
    quantity,
    rank_over_sizes,
    status_table,
)
from dscale_core.types import LawStatus


def test_bins_equal_numpy_histogram_and_count_every_finite_value() -> None:
    values = make_laws().alpha
    bins = bin_values(values)
    counts, edges = np.histogram(values[np.isfinite(values)], bins=bins.counts.size)
    np.testing.assert_array_equal(bins.counts, counts)
    np.testing.assert_allclose(bins.edges, edges)
    assert bins.counts.sum() == 297
    assert (bins.n_below, bins.n_above, bins.n_total) == (0, 0, 300)


def test_bins_within_limits_count_what_is_left_out() -> None:
    values = np.array([-5.0, -1.0, 0.0, 0.2, 1.0, 7.0, 8.0, np.nan])
    bins = bin_values(values, n_bins=4, limits=(-1.0, 1.0))
    np.testing.assert_array_equal(bins.counts, np.histogram(values[1:5], bins=4, range=(-1, 1))[0])
    assert (bins.n_below, bins.n_above, bins.n_total) == (1, 2, 8)


@pytest.mark.parametrize("values", [np.array([]), np.full(4, np.nan), np.full(7, 2.5), np.array([3.0])])
def test_bins_of_nothing_or_of_one_value(values: np.ndarray) -> None:
    bins = bin_values(values)
    assert bins.counts.sum() == np.isfinite(values).sum()
    assert (np.diff(bins.edges) > 0).all()


def test_points_between_takes_both_ends_in_either_order() -> None:
    points = np.array([10, 20, 30, 40])
    values = np.array([0.0, 1.0, np.nan, 2.0])
    assert points_between(values, points, (1.0, 0.0)) == (10, 20)
    assert points_between(values, points, (1.0, 2.0)) == (20, 40)


def test_points_in_box_equals_a_literal_loop() -> None:
    laws = make_laws()
    x, y = quantity(laws, "log10_c").values, laws.alpha
    expected = tuple(
        int(point) for point, a, b in zip(laws.points, x, y, strict=True) if 0.5 <= a <= 1.2 and 0.8 <= b <= 1.1
    )
    assert expected
    assert points_in_box(x, y, laws.points, (0.5, 1.2), (1.1, 0.8)) == expected


def test_dense_above_fifty_thousand() -> None:
    assert not is_dense(50_000)
    assert is_dense(50_001)


def test_quantities_equal_their_formulas() -> None:
    laws = make_laws()
    ok = np.isfinite(laws.alpha)
    np.testing.assert_allclose(quantity(laws, "log10_c").values[ok], np.log10(np.abs(laws.c[ok])))
    np.testing.assert_allclose(quantity(laws, "log10_sigma2").values[ok], np.log10(laws.sigma[ok] ** 2))
    np.testing.assert_allclose(quantity(laws, "psi", 500).values[ok], laws.c[ok] * 500 ** -laws.alpha[ok])
    assert "k = 500" in quantity(laws, "psi", 500, "nats").title
    assert "nats" in quantity(laws, "psi", 500, "nats").title
    with pytest.raises(NotFoundError, match="no quantity 'gamma'"):
        quantity(laws, "gamma")


def test_correlation_by_class_equals_pearson_within_the_class() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)
    y = x + rng.normal(size=60)
    y[5] = np.nan
    codes = np.repeat([0, 1, 2], [40, 18, 2])
    first, second, third = correlation_by_class(x, y, codes, ("a", "b", "c"))
    keep = (codes == 0) & np.isfinite(y)
    centred_x, centred_y = x[keep] - x[keep].mean(), y[keep] - y[keep].mean()
    expected = (centred_x @ centred_y) / np.sqrt((centred_x @ centred_x) * (centred_y @ centred_y))
    assert first.r == pytest.approx(expected)
    assert (first.n, second.n, third.n) == (39, 18, 2)
    assert np.isnan(third.r)


def test_psi_follows_a_curve_and_the_power_law_is_drawn_beside_it() -> None:
    laws = make_laws()
    p = laws.points.size
    rng = np.random.default_rng(3)
    curve, deviation = 1e-3 * rng.normal(size=(p, 9)), 1e-4 * (1 + rng.random((p, 9)))
    laws = replace(laws, curve=curve, curve_deviation=deviation, curve_sizes=np.geomspace(100, 1000, 9))
    at = laws.points.tolist().index(1020)
    line = law_line(laws, 1020, upto=5000)
    assert line.power_law is not None
    np.testing.assert_allclose(line.power_law, [laws.c[at] * k ** -laws.alpha[at] for k in line.k])
    np.testing.assert_allclose(line.psi, [laws.psi(k)[at] for k in line.k])
    np.testing.assert_allclose(line.low, [laws.psi_interval(k)[0][at] for k in line.k])
    assert law_line(make_laws(), 1020).power_law is None


def test_law_line_equals_the_laws_at_each_size() -> None:
    laws = make_laws()
    line = law_line(laws, 1020, upto=5000)
    assert (line.k[0], line.k[-1]) == pytest.approx((100, 5000))
    for step in (0, 30, 60):
        low, high = laws.psi_interval(line.k[step])
        np.testing.assert_allclose(
            [line.psi[step], line.low[step], line.high[step]], [laws.psi(line.k[step])[10], low[10], high[10]]
        )
    with pytest.raises(NotFoundError, match="Point 7 was not valued"):
        law_line(laws, 7)


def test_rank_over_sizes_equals_a_sort() -> None:
    laws = make_laws()
    line = rank_over_sizes(laws, 1020)
    assert line.n == 297
    for k, rank in zip(line.k, line.rank, strict=True):
        psi = laws.psi(k)
        order = sorted(psi[np.isfinite(psi)], reverse=True)
        assert order.index(psi[10]) + 1 == rank
    with pytest.raises(NotFoundError, match="has no law"):
        rank_over_sizes(laws, 1000)


def test_points_table_ranks_by_psi_and_keeps_points_without_a_law_last() -> None:
    laws, dataset = make_laws(30, first=0), make_dataset(60)
    table = points_table(laws, dataset, 400)
    psi = laws.psi(400)
    best = int(laws.points[np.nanargmax(psi)])
    assert table.loc[0, ["rank", "point", "row"]].tolist() == [1, best, 500 + best]
    assert table["label"].tolist() == dataset.labels(table["point"].to_numpy()).tolist()
    assert table["psi"].dropna().is_monotonic_decreasing
    assert table["rank"].isna().tolist() == [False] * 27 + [True] * 3
    assert set(table["point"].tail(3)) == {0, 2, 4}


def test_filters_agree_with_a_literal_selection() -> None:
    laws, dataset = make_laws(30, first=0), make_dataset(60)
    table = points_table(laws, dataset, 400)
    kept = filter_points(table, labels=["ant"], statuses=["ok"], sign="helps")
    expected = table[(table.label == "ant") & (table.status == "ok") & (table.psi > 0)]["point"].tolist()
    assert kept["point"].tolist() == expected
    assert filter_points(table, points=[4, 8])["point"].tolist() == [8, 4]
    assert len(filter_points(table)) == 30
    with pytest.raises(NotFoundError, match="sign filter"):
        filter_points(table, sign="odd")


def test_point_record_is_the_raw_row() -> None:
    dataset = make_dataset()
    record = point_record(dataset, 7)
    assert record["field"].tolist() == list(dataset.records.columns)
    assert [float(value) for value in record["value"]] == dataset.records.iloc[7].tolist()
    with pytest.raises(NotFoundError, match="no point 60"):
        point_record(dataset, 60)


def test_status_table_counts_and_explains() -> None:
    table = status_table(make_laws()).set_index("status")
    assert table["points"].to_dict() == {"ok": 296, "at_bound": 1, "no_signal": 1, "not_finite": 1, "too_few_draws": 1}
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc["no_signal", "explanation"] == LawStatus.NO_SIGNAL.explanation

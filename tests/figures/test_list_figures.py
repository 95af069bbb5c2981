"""Figures of lists: the promise against n, random points beside it, who is on the list, the arms on the test set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from figure_cases import make_addition, make_laws, make_list, make_list_table, make_verified

from dscale_core import figures

LAWS = make_laws()


def test_the_promise_is_drawn_with_its_band_stop_and_rivals() -> None:
    made = make_list()
    line, band, random = figures.promise_curve(made, made.worth, "nats").data
    np.testing.assert_array_equal(line.y, made.promise)
    np.testing.assert_array_equal(line.x, [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(line.customdata[:, 0], made.points)
    np.testing.assert_array_equal(band.y[:6], made.promise_high)
    np.testing.assert_array_equal(band.y[6:], made.promise_low[::-1])
    np.testing.assert_array_equal(band.x[6:], [6, 5, 4, 3, 2, 1])
    assert made.worth is not None
    np.testing.assert_array_equal(random.y, made.worth.gains)


def test_the_axis_is_logarithmic_where_random_points_reach_far() -> None:
    made = make_list()
    assert made.worth is not None
    assert figures.promise_curve(made, made.worth).layout.xaxis.type == "log"
    near = replace(made.worth, sizes=np.array([1, 4, 8]))
    assert figures.promise_curve(made, near).layout.xaxis.type is None
    assert len(figures.promise_curve(made, None).data) == 2


def test_the_curve_says_why_it_ends() -> None:
    made = make_list()
    said = [
        [note.text for note in figures.promise_curve(one, None).layout.annotations] for one in (made, replace(made, asked=6))
    ]
    assert said == [["stops at n = 6"], ["budget n = 6"]]


def test_who_is_on_the_list_stands_before_all_points() -> None:
    table = make_list_table()
    *marked, everyone = figures.chosen_in_the_pool(table, 500, LAWS.psi(500), LAWS.alpha).data
    assert len(everyone.x) == np.isfinite(LAWS.psi(500)).sum()
    assert [trace.name for trace in marked] == ["ant", "bee"]
    assert sorted(int(row[0]) for trace in marked for row in trace.customdata) == table["point"].tolist()[:-1]
    assert set(marked[1].marker.symbol) == {"circle", "x"}
    figure = figures.chosen_in_the_pool(table, 500, LAWS.psi(500), LAWS.alpha)
    assert "1 of the list have no law" in [note.text for note in figure.layout.annotations]
    many = make_laws(9000)
    figure = figures.chosen_in_the_pool(table.dropna(), 500, many.psi(500), many.alpha)
    assert len(figure.data[-1].x) == 2999
    assert [note.text for note in figure.layout.annotations] == ["2,999 of all 8,997 points drawn in grey"]
    assert [trace.name for trace in figures.chosen_in_the_pool(
        make_list_table(numbers=True), 500, LAWS.psi(500), LAWS.alpha
    ).data] == ["on the list", "all points"]  # fmt: skip


def test_labels_are_counted_by_what_is_done() -> None:
    add, drop = figures.chosen_by_label(make_list_table()).data
    assert (add.name, drop.name) == ("to add", "to drop")
    labels = make_list_table()["label"]
    assert dict(zip(add.x, add.y, strict=True)) == pd.Series(labels[::2]).value_counts().to_dict()
    coded = make_list_table().assign(label=np.array(["0", "1"] * 3, dtype=object))
    assert figures.chosen_by_label(coded).layout.xaxis.type == "category"
    numbers = figures.chosen_by_label(make_list_table(numbers=True)).data
    assert [sum(trace.y) for trace in numbers] == [3, 3]
    one = make_list_table().assign(action="add")
    assert [trace.name for trace in figures.chosen_by_label(one).data] == ["to add"]


def test_arms_stand_in_their_order_with_their_intervals() -> None:
    found = make_verified()
    figure = figures.arms_of_verification(found, {"list": "the list", "random": "at random"}, "gain", "nats")
    own, rivals = figure.data
    assert (own.y, rivals.y) == (("the list",), ("at random", "top"))
    np.testing.assert_allclose(own.x + own.error_x.array, [0.026])
    np.testing.assert_allclose(rivals.x - rivals.error_x.arrayminus, found.low[1:])
    assert figure.layout.yaxis.categoryarray == ("top", "at random", "the list")
    own, _ = figures.arms_of_verification(found, {}, "accuracy").data
    np.testing.assert_allclose(own.x, [1.0])  # in percentage points


def test_gains_are_drawn_against_the_number_added_with_their_intervals() -> None:
    found = make_addition()
    figure = figures.gain_by_points_added(found, 1, {"small": "best at 50"}, "gain", "nats")
    assert [trace.name for trace in figure.data] == ["best at 50", "large", "shapley", "random"]
    for arm, trace in enumerate(figure.data):
        np.testing.assert_array_equal(trace.x, [10, 20, 40])
        np.testing.assert_array_equal(trace.y, found.gain[1, arm])
        np.testing.assert_allclose(trace.error_y.array, 0.006)
        np.testing.assert_allclose(trace.error_y.arrayminus, 0.004)
        np.testing.assert_array_equal(trace.customdata[:, 0], found.gain_low[1, arm])
    assert figure.data[3].line.dash == "dash"
    assert "sets of 500" in figure.layout.xaxis.title.text
    own = figures.gain_by_points_added(found, 0, {}, "accuracy").data[2]
    np.testing.assert_allclose(own.y, 100 * found.accuracy[0, 2])
    np.testing.assert_allclose(own.error_y.array, 1.0)

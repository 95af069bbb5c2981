"""Every figure: titled axes, stable point ids, what is selected, and no colour but the theme's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from figure_cases import (
    make_addition,
    make_agreement,
    make_choice,
    make_convergence,
    make_coverage,
    make_dataset,
    make_extrapolation,
    make_laws,
    make_list,
    make_list_table,
    make_loss,
    make_verified,
)

from dscale_core import figures
from dscale_core.errors import ArgumentError


@dataclass(frozen=True)
class MadeCurve:
    point: int
    alpha: float
    quantile: float
    size: np.ndarray
    mean: np.ndarray
    standard_error: np.ndarray
    psi: np.ndarray
    k_line: np.ndarray
    psi_line: np.ndarray
    psi_low: np.ndarray
    psi_high: np.ndarray


@dataclass(frozen=True)
class MadeAccuracy:
    size: np.ndarray
    r2: np.ndarray
    pearson: np.ndarray
    spearman: np.ndarray
    sign_agreement: np.ndarray
    noise_ceiling: np.ndarray
    n_points: np.ndarray


def make_curves(n: int = 10) -> list[MadeCurve]:
    k, line = np.array([120.0, 300, 800]), np.geomspace(100, 1000, 20)
    return [
        MadeCurve(
            i, 0.1 * i, i / 9, k, np.array([1.0, -0.2, 0.1]) / k, 0.1 / k, 1 / k, line, 1 / line, 1 / line - 0.002, 2 / line
        )
        for i in range(n)
    ]


def make_accuracy() -> MadeAccuracy:
    g = np.array([0.2, 0.5, 0.8])
    return MadeAccuracy(np.array([120.0, 300, 800]), g - 0.6, g, g, g, g + 0.1, np.array([297, 296, 290]))


def make_pick() -> pd.DataFrame:
    psi = np.array([3e-5, 2e-5, 1e-5, -1e-6])
    columns = {"rank": [1, 2, 3, 4], "point": [8, 3, 5, 9], "label": ["ant", "bee", "ant", "bee"]}
    return pd.DataFrame(columns | {"psi": psi, "psi_low": psi - 1e-6, "psi_high": psi + 2e-6})


LAWS = make_laws()
CODES = np.arange(300) % 2
DISTANCE = np.linspace(-3, 3, 300)
LINE = figures.law_line(LAWS, 1020)
SIZES = np.repeat([100, 200, 500, 1000], 10)
DELTA = np.where(np.arange(40) % 7 == 0, np.nan, 1 / SIZES).astype(np.float32)

FIGURES: dict[str, Callable[[], go.Figure]] = {
    "class_balance": lambda: figures.class_balance(make_dataset()),
    "target_histogram": lambda: figures.target_histogram(make_dataset(task="regression")),
    "histogram": lambda: figures.histogram(figures.quantity(LAWS, "alpha"), [1010, 1020], zero=True),
    "marked_exponents": lambda: figures.marked_exponents(LAWS, "preview"),
    "formula_scatter": lambda: figures.formula_scatter(LAWS, LAWS.psi(500), 500, "nats"),
    "law_scatter": lambda: figures.law_scatter(LAWS, "nats", [1010, 1020], 1020),
    "boundary_scatter": lambda: figures.boundary_scatter(LAWS, DISTANCE, CODES, ("a", "b"), [1010], 1010),
    "draws_and_law": lambda: figures.draws_and_law(SIZES, DELTA, LINE, 1020, "nats", 500.0, ([150.0], [0.01], [0.001])),
    "rank_line": lambda: figures.rank_line(figures.rank_over_sizes(LAWS, 1020), 1020, at=300.0),
    "curves_by_quantile": lambda: figures.curves_by_quantile(make_curves(), "nats", at=500.0),
    "lack_of_fit_histogram": lambda: figures.lack_of_fit_histogram(LAWS.lack_of_fit, LAWS.points, in_sample=True),
    "accuracy_against_size": lambda: figures.accuracy_against_size(make_accuracy(), in_sample=False, at=300.0),
    "predicted_against_measured": lambda: figures.predicted_against_measured(
        make_agreement(), [("ant", CODES == 0), ("bee", CODES == 1)], False, "nats", [1010], 1010
    ),
    "coverage_against_size": lambda: figures.coverage_against_size({"shrinkage": make_coverage()}, False, 300.0),
    "widths_against_size": lambda: figures.widths_against_size({"shrinkage": make_coverage()}, "nats"),
    "accuracy_against_draws": lambda: figures.accuracy_against_draws(make_convergence()),
    "accuracy_beyond": lambda: figures.accuracy_beyond(make_extrapolation(), "r2"),
    "evidence_histogram": lambda: figures.evidence_histogram(make_choice(), [5, 9]),
    "loss_curve": lambda: figures.loss_curve(make_loss(), "nats"),
    "likelihood_surface": lambda: figures.likelihood_surface(make_loss(), "nats"),
    "distributions": lambda: figures.distributions([figures.quantity(LAWS, "alpha")] * 2, ["one", "other"]),
    "status_bars": lambda: figures.status_bars(["one", "other"], [{"ok": 3}, {"ok": 1, "no_signal": 2}]),
    "rank_agreement_map": lambda: figures.rank_agreement_map(["one", "other"], np.array([[1, 0.4], [0.4, 1]]), 300),
    "fit_against_fit": lambda: figures.fit_against_fit(
        figures.paired(figures.quantity(LAWS, "alpha"), figures.quantity(LAWS, "alpha")),
        ("one", "other"),
        [("all", np.ones(300, dtype=bool))],
        [1010],
        1010,
    ),
    "record_image": lambda: figures.record_image(make_dataset(image=True), 5),
    "promise_curve": lambda: figures.promise_curve(make_list(), make_list().worth, "nats"),
    "chosen_in_the_pool": lambda: figures.chosen_in_the_pool(make_list_table(), 500, LAWS.psi(500), LAWS.alpha, "nats"),
    "chosen_by_label": lambda: figures.chosen_by_label(make_list_table()),
    "arms_of_verification": lambda: figures.arms_of_verification(make_verified(), {"list": "the list"}, "gain", "nats"),
    "gain_by_points_added": lambda: figures.gain_by_points_added(
        make_addition(), 1, {"small": "best at 50"}, "gain", "nats"
    ),
    "picked_values": lambda: figures.picked_values(make_pick(), 1000, "nats"),
}


# lines over sizes or draws: what they show is no point
WITHOUT_POINTS = {"gain_by_points_added", "accuracy_against_draws", "accuracy_beyond", "loss_curve", "likelihood_surface"}


def test_every_public_figure_function_is_tested_here() -> None:
    notes = {name: getattr(getattr(figures, name), "__annotations__", {}) for name in figures.__all__}
    made = {name for name, note in notes.items() if note.get("return") in ("go.Figure", go.Figure)}
    assert made == set(FIGURES)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_axes_have_titles_and_the_figure_serialises(name: str) -> None:
    figure = FIGURES[name]()
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text
    assert len(figure.data) > 0
    assert json.loads(figure.to_json())["data"]


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_marks_carry_ids_and_hovers(name: str) -> None:
    for trace in FIGURES[name]().data:
        if trace.hoverinfo != "skip":
            assert trace.customdata is not None or name in WITHOUT_POINTS, trace.name
            assert trace.hovertemplate


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"curves_by_quantile", "record_image"}))
def test_no_colour_but_greys(name: str) -> None:
    figure = FIGURES[name]()
    figure.layout.template = None
    colours = re.findall(r'"(#[0-9a-fA-F]{3,8}|rgba?\([^"]*\))"', figure.to_json())
    greys = [re.fullmatch(r"rgba\((\d+), (\d+), (\d+), [\d.]+\)", colour) for colour in colours]
    assert all(grey is not None and len(set(grey.groups())) == 1 for grey in greys), colours


def test_scatter_ids_are_pool_indices_and_points_without_a_law_are_left_out() -> None:
    figure = figures.law_scatter(LAWS)
    ids = np.concatenate([trace.customdata for trace in figure.data])
    assert sorted(ids) == LAWS.points[3:].tolist()
    for trace in figure.data:
        at = {int(point): i for i, point in enumerate(LAWS.points)}
        expected = [LAWS.alpha[at[int(point)]] for point in trace.customdata]
        np.testing.assert_allclose(trace.y, expected, rtol=1e-6)
        signs = {np.sign(LAWS.c[at[int(point)]]) for point in trace.customdata}
        assert signs == ({1.0} if "helps" in trace.name else {-1.0})


def test_selected_marks_are_exactly_the_selection() -> None:
    chosen = LAWS.points[[10, 50, 51, 200]].tolist()
    figure = figures.boundary_scatter(LAWS, DISTANCE, CODES, ("a", "b"), chosen)
    marked = [int(trace.customdata[i]) for trace in figure.data for i in trace.selectedpoints]
    assert sorted(marked) == chosen
    assert all(trace.unselected.marker.opacity < 0.3 for trace in figure.data)
    plain = figures.boundary_scatter(LAWS, DISTANCE, CODES, ("a", "b"))
    assert all(trace.selectedpoints is None for trace in plain.data)


def test_primary_point_gets_a_ring_at_its_place() -> None:
    ring = figures.law_scatter(LAWS, primary=1020).data[-1]
    assert (ring.name, list(ring.customdata)) == ("open point", [1020])
    assert ring.y[0] == LAWS.alpha[10]
    assert len(figures.law_scatter(LAWS, primary=1000).data) == 2


def test_boundary_scatter_names_r_of_each_class() -> None:
    names = [trace.name for trace in figures.boundary_scatter(LAWS, DISTANCE, CODES, ("a", "b")).data]
    ok = np.isfinite(LAWS.alpha) & (CODES == 0)
    assert names[0] == f"a: r = {np.corrcoef(DISTANCE[ok], LAWS.alpha[ok])[0, 1]:+.2f}, n = {ok.sum()}"
    with pytest.raises(ArgumentError, match=r"laws\.points"):
        figures.boundary_scatter(LAWS, DISTANCE[:5], CODES, ("a", "b"))


def test_boundary_axis_says_which_side_is_positive() -> None:
    two = figures.boundary_scatter(LAWS, DISTANCE, CODES, ("a", "b")).layout.xaxis.title.text
    three = figures.boundary_scatter(LAWS, DISTANCE, CODES, ("a", "b", "c")).layout.xaxis.title.text
    assert "positive on the side of b" in two
    assert "positive on the own class's side" in three


def test_histogram_overlay_counts_the_selection_in_the_same_bins() -> None:
    chosen = LAWS.points[20:90].tolist()
    (bars,) = figures.histogram(figures.quantity(LAWS, "alpha"), chosen).data
    bins = figures.bin_values(LAWS.alpha)
    n = bins.counts.size
    np.testing.assert_array_equal(bars.y[:n], bins.counts)
    np.testing.assert_array_equal(bars.y[n:], np.histogram(LAWS.alpha[20:90], bins=bins.edges)[0])
    assert sum(bars.y[n:]) == 70
    assert set(bars.marker.opacity[:n]) == {0.28}
    assert set(bars.marker.opacity[n:]) == {1.0}
    assert f"{bars.y[n]:,} of 300 selected points" in bars.text[n]
    (plain,) = figures.histogram(figures.quantity(LAWS, "alpha")).data
    assert len(plain.x) == n
    assert set(plain.marker.opacity) == {1.0}


def test_histogram_says_what_it_leaves_out() -> None:
    values = np.array([9.0, 4.5, 0.5, 0.7, np.nan])
    figure = figures.lack_of_fit_histogram(values, np.arange(5), in_sample=False)
    assert [note.text for note in figure.layout.annotations] == ["2 points above 4 not shown"]
    assert "validation" in figure.layout.xaxis.title.text


def test_many_points_become_a_density_that_says_what_is_drawn() -> None:
    many = make_laws(60_000)
    figure = figures.law_scatter(many, selected=many.points[:40_000].tolist())
    density, *marks = figure.data
    assert np.nansum(density.z) == 60_000 - 3
    assert sum(len(trace.x) for trace in marks) == 10_000
    assert figure.layout.annotations[0].text == "density of all 59,997 points; 10,000 of them drawn"


def test_curves_mark_means_of_the_other_sign_open() -> None:
    figure = figures.curves_by_quantile(make_curves(2))
    means = [trace for trace in figure.data if trace.mode == "markers"]
    assert [list(trace.marker.symbol) for trace in means] == [["circle", "circle-open", "circle"]] * 2
    assert (np.asarray(means[0].y) > 0).all()
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_curves_take_the_colours_they_are_given() -> None:
    figure = figures.curves_by_quantile(make_curves(3), colors=["#000011", "#000012", "#000013", "#000014", "#000015"])
    lines = [trace.line.color for trace in figure.data if trace.line.color]
    assert lines == ["#000011", "#000013", "#000015"]
    assert [trace.fillcolor for trace in figure.data if trace.fill == "toself"] == lines


def test_draws_leave_out_coalitions_that_hold_the_point() -> None:
    figure = figures.draws_and_law(SIZES, DELTA, LINE, 1020)
    draws = next(trace for trace in figure.data if trace.name.startswith("draws"))
    assert len(draws.x) == np.isfinite(DELTA).sum() < SIZES.size


def test_image_shows_the_record_s_own_pixels() -> None:
    dataset = make_dataset(image=True)
    shown = figures.record_image(dataset, 5).data[0].z
    np.testing.assert_allclose(np.ravel(shown), dataset.records.iloc[5].to_numpy())
    with pytest.raises(ArgumentError, match="hold images"):
        figures.record_image(make_dataset(), 5)
    with pytest.raises(ArgumentError, match="point must be from 0 to 59"):
        figures.record_image(dataset, 60)


def test_class_balance_shows_shares_of_each_set() -> None:
    dataset = make_dataset()
    pool = figures.class_balance(dataset).data[0]
    np.testing.assert_allclose(pool.y, [100 * np.mean(dataset.y_pool == code) for code in range(3)])
    with pytest.raises(ArgumentError, match="classification"):
        figures.class_balance(make_dataset(task="regression"))


def test_pick_errors_span_the_interval() -> None:
    frame = make_pick()
    for trace in figures.picked_values(frame, 1000).data:
        part = frame[frame.label == trace.name]
        np.testing.assert_allclose(np.asarray(trace.y) + trace.error_y.array, part.psi_high)
        np.testing.assert_allclose(np.asarray(trace.y) - trace.error_y.arrayminus, part.psi_low)

"""What the validation figures show: bands, counts of what is not drawn, regions, and the numbers behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from figure_cases import (
    make_agreement,
    make_choice,
    make_convergence,
    make_coverage,
    make_extrapolation,
    make_laws,
    make_loss,
)

from dscale_core import figures
from dscale_core.validation import accuracy_by_size, quantile_curves


def notes(figure) -> str:
    return " | ".join(note.text for note in figure.layout.annotations)


def test_bands_enclose_their_laws_and_end_where_the_interval_holds_zero() -> None:
    laws = make_laws()
    sizes = np.repeat([100, 300, 1000], 8)
    delta = laws.psi(300)[None, :] * np.ones((24, 1))
    (curve, *_) = quantile_curves(laws, delta, sizes, 3)
    wide = replace(curve, psi_low=-curve.psi_line, psi_high=3 * curve.psi_line)
    for shown, foot in ((curve, np.minimum(np.abs(curve.psi_low), np.abs(curve.psi_high))), (wide, 1e-6 * wide.psi_line)):
        band, line = figures.curves_by_quantile([shown]).data[:2]
        np.testing.assert_allclose(band.y[: line.y.size], np.maximum(np.abs(shown.psi_low), np.abs(shown.psi_high)))
        np.testing.assert_allclose(band.y[: line.y.size - 1 : -1], np.abs(foot))


def test_the_scatter_leaves_out_points_without_a_law_and_draws_few_errors() -> None:
    found = make_agreement()
    everyone = [("all", np.ones(300, dtype=bool))]
    figure = figures.predicted_against_measured(found, everyone, False)
    assert figure.data[0].customdata.tolist() == found.points[1:].tolist()
    bars = figure.data[-1]
    np.testing.assert_allclose(bars.y[:2], found.mean[1] + np.array([-1e-5, 1e-5]), rtol=1e-6)
    many = figures.predicted_against_measured(make_agreement(900), [("all", np.ones(900, dtype=bool))], True)
    assert len(many.data) == 1
    assert "draws of the fit" in many.layout.yaxis.title.text


def test_coverage_is_drawn_about_what_intervals_claim() -> None:
    figure = figures.coverage_against_size({"shrinkage": make_coverage()}, False)
    band, claimed = figure.layout.shapes[:2]
    assert (band.y0, band.y1, claimed.y0) == (pytest.approx(0.85), pytest.approx(0.95), 0.9)
    np.testing.assert_array_equal(figure.data[0].y[:2], [0.8, 0.92])
    np.testing.assert_allclose(figure.data[0].error_y.array[:2], [0.12, 0.06])
    assert "in-sample" in figures.coverage_against_size({"shrinkage": make_coverage()}, True).layout.yaxis.title.text


def test_what_lies_far_below_is_counted_and_not_drawn() -> None:
    found = make_convergence()
    figure = figures.accuracy_against_draws(found)
    assert [trace.name for trace in figure.data] == ["shrinkage", "likelihood"]
    assert np.isnan(figure.data[1].y[0])
    assert "1 value lies below -0.5" in notes(figure)
    assert "noise ceiling 0.96" in notes(figure)
    one = figures.accuracy_against_draws(found, 900.0)
    np.testing.assert_array_equal(one.data[0].y, found.r2[0, :, 1])
    assert "k ≈ 900" in one.layout.yaxis.title.text


@pytest.mark.parametrize("quantity", ["r2", "spearman", "coverage"])
def test_beyond_the_limit_is_told_from_what_was_fitted(quantity: str) -> None:
    found = make_extrapolation()
    figure = figures.accuracy_beyond(found, quantity)
    assert figure.layout.shapes[0].x1 == found.limit
    np.testing.assert_array_equal(figure.data[0].customdata, found.factor)
    np.testing.assert_array_equal(figure.data[0].y, getattr(found, quantity)[0])


def test_the_loss_and_its_surface_show_the_maximum() -> None:
    found = make_loss()
    curve, surface = figures.loss_curve(found), figures.likelihood_surface(found)
    np.testing.assert_allclose(curve.data[0].y, found.loss(curve.data[0].x))
    assert curve.data[1].x[-1] == pytest.approx(10 * found.max_size)
    heat, region, maximum = surface.data
    assert heat.z.max() <= 0
    assert region.contours.start == pytest.approx(-2.3026, abs=1e-4)
    assert (maximum.x[0], maximum.y[0]) == (found.alpha, found.epsilon)
    nearest = np.unravel_index(np.argmax(found.surface), found.surface.shape)
    assert found.surface_alpha[nearest[1]] == pytest.approx(found.alpha, abs=0.05)


def test_evidence_is_in_standard_errors() -> None:
    choice = make_choice()
    np.testing.assert_allclose(figures.form_evidence(choice).values[[0, 6, 7]], [4.0, -6.0, np.nan])
    assert figures.points_with_form(choice, "two_term") == (5,)
    exact = replace(choice, standard_error=np.zeros(8))
    assert not np.isfinite(figures.form_evidence(exact).values).any()


def test_points_are_counted_by_what_their_draws_say() -> None:
    counts = figures.form_counts(make_choice())
    assert (counts.two_term, counts.undecided, counts.power, counts.unjudged) == (1, 5, 1, 1)
    assert counts.judged == 7
    assert counts.share(counts.undecided) == pytest.approx(5 / 7)
    nothing = replace(
        make_choice(), difference=np.full(8, np.nan), standard_error=np.full(8, np.nan), form=np.full(8, "power")
    )
    assert figures.form_counts(nothing).judged == 0
    assert figures.form_counts(nothing).share(0) == 0
    assert notes(figures.evidence_histogram(nothing)) == ""


def test_evidence_is_drawn_between_the_lines_of_clarity() -> None:
    figure = figures.evidence_histogram(make_choice(), [5])
    assert notes(figure) == "power law clearly better | two-term law clearly better"
    assert {shape.x0 for shape in figure.layout.shapes} == {-2.0, 0.0, 2.0}
    assert figure.layout.selectdirection == "h"
    narrow = replace(make_choice(), difference=make_choice().difference / 10)
    assert notes(figures.evidence_histogram(narrow)) == ""


def test_all_there_is_has_its_label() -> None:
    found = make_convergence()
    figure = figures.accuracy_against_draws(replace(found, n_draws=np.array([5, 100, 105])))
    assert list(figure.layout.xaxis.tickvals) == [5, 105]


def test_nothing_to_judge_is_told_from_bad() -> None:
    found = make_convergence()
    assert figures.is_judged(found)
    assert not figures.is_judged(replace(found, r2=np.full((2, 3, 2), np.nan)))


def test_what_intervals_claim_is_written_on_their_line() -> None:
    assert "what they claim" in notes(figures.accuracy_beyond(make_extrapolation(), "coverage"))
    assert "what they claim" not in notes(figures.accuracy_beyond(make_extrapolation(), "r2"))


def test_the_table_holds_what_the_chart_shows() -> None:
    laws = make_laws()
    found = accuracy_by_size(laws, laws.psi(300)[None, :] * np.ones((12, 1)), np.repeat([100, 300, 900], 4))
    table = figures.accuracy_table(found)
    assert table["k"].tolist() == pytest.approx([100, 300, 900])
    assert table.loc[1, "r2"] == pytest.approx(1.0)
    assert table["points"].tolist() == [297] * 3

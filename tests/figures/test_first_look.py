"""The first pictures: marked on the chart itself, ids on their marks, far points counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from figure_cases import make_laws

from dscale_core.figures import formula_scatter, marked_exponents

LAWS = make_laws()


def test_the_histogram_says_on_itself_what_it_is() -> None:
    figure = marked_exponents(LAWS, "exact, 20 of 200 coalitions")
    texts = [note.text for note in figure.layout.annotations]
    assert "exact, 20 of 200 coalitions" in texts
    assert "exponent" in figure.layout.xaxis.title.text
    left_out = sum(int(text.split()[0]) for text in texts if text.endswith("not shown"))
    assert sum(figure.data[0].y) + left_out == np.isfinite(LAWS.alpha).sum()
    assert 0 < left_out <= 4


def test_few_points_are_all_shown() -> None:
    few = make_laws(40)
    figure = marked_exponents(few, "preview")
    assert [note.text for note in figure.layout.annotations] == ["preview"]
    assert sum(figure.data[0].y) == np.isfinite(few.alpha).sum()


def test_equal_exponents_are_no_error() -> None:
    figure = marked_exponents(replace(LAWS, alpha=np.ones(300)), "preview")
    assert sum(figure.data[0].y) == 300


def test_the_formula_stands_against_the_laws_of_the_same_points() -> None:
    formula = LAWS.psi(500) * 1.1
    formula[10] = np.nan
    marks, diagonal = formula_scatter(LAWS, formula, 500, "nats").data
    at = {int(point): i for i, point in enumerate(LAWS.points)}
    assert set(at) - {int(point) for point in marks.customdata} == set(LAWS.points[[0, 1, 2, 10]].tolist())
    for x, y, point in zip(marks.x, marks.y, marks.customdata, strict=True):
        assert (x, y) == (formula[at[int(point)]], LAWS.psi(500)[at[int(point)]])
    np.testing.assert_array_equal(diagonal.x, diagonal.y)


def test_a_formula_of_nothing_is_no_error() -> None:
    figure = formula_scatter(LAWS, np.full(300, np.nan), 500)
    assert len(figure.data[0].x) == 0

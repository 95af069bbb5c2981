"""Figures and tables of results: arrays and frozen records in, plotly figures and frames out.

Every function is pure. Axis titles carry units; hovers name the point; `customdata` of a point mark is the stable point
id (its index in the pool), never a position in a trace. Colours are left to the surrounding theme: a figure names none but
the neutral grey of its guide lines. Names load on first use, so that importing this package does not import plotly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dscale_core.figures.agreement import (
        accuracy_table,
        coverage_against_size,
        predicted_against_measured,
        widths_against_size,
    )
    from dscale_core.figures.bars import class_balance, target_histogram
    from dscale_core.figures.convergence import accuracy_against_draws, accuracy_beyond, is_judged
    from dscale_core.figures.curves import LawLine, RankLine, draws_and_law, law_line, rank_line, rank_over_sizes
    from dscale_core.figures.fits import (
        distributions,
        fits_table,
        points_with_status,
        rank_agreement_map,
        status_bars,
        statuses_of,
    )
    from dscale_core.figures.form import FormCounts, evidence_histogram, form_counts, form_evidence, points_with_form
    from dscale_core.figures.histograms import Bins, bin_values, histogram
    from dscale_core.figures.images import record_image
    from dscale_core.figures.loss import likelihood_surface, loss_curve
    from dscale_core.figures.quantities import QUANTITIES, Quantity, fitted_count, quantity
    from dscale_core.figures.ranking import picked_values
    from dscale_core.figures.scatter import ClassCorrelation, boundary_scatter, correlation_by_class, law_scatter
    from dscale_core.figures.selecting import is_dense, points_between, points_in_box
    from dscale_core.figures.tables import filter_points, point_record, points_table, status_table
    from dscale_core.figures.two_fits import (
        Paired,
        change_groups,
        class_groups,
        fit_against_fit,
        moved_table,
        paired,
        points_that_moved,
        points_with_change,
        transition_table,
    )
    from dscale_core.figures.validation import accuracy_against_size, curves_by_quantile, r2_histogram

__all__ = [
    "QUANTITIES",
    "Bins",
    "ClassCorrelation",
    "FormCounts",
    "LawLine",
    "Paired",
    "Quantity",
    "RankLine",
    "accuracy_against_draws",
    "accuracy_against_size",
    "accuracy_beyond",
    "accuracy_table",
    "bin_values",
    "boundary_scatter",
    "change_groups",
    "class_balance",
    "class_groups",
    "correlation_by_class",
    "coverage_against_size",
    "curves_by_quantile",
    "distributions",
    "draws_and_law",
    "evidence_histogram",
    "filter_points",
    "fit_against_fit",
    "fits_table",
    "fitted_count",
    "form_counts",
    "form_evidence",
    "histogram",
    "is_dense",
    "is_judged",
    "law_line",
    "law_scatter",
    "likelihood_surface",
    "loss_curve",
    "moved_table",
    "paired",
    "picked_values",
    "point_record",
    "points_between",
    "points_in_box",
    "points_table",
    "points_that_moved",
    "points_with_change",
    "points_with_form",
    "points_with_status",
    "predicted_against_measured",
    "quantity",
    "r2_histogram",
    "rank_agreement_map",
    "rank_line",
    "rank_over_sizes",
    "record_image",
    "status_bars",
    "status_table",
    "statuses_of",
    "target_histogram",
    "transition_table",
    "widths_against_size",
]

_HOMES = {
    "agreement": ("accuracy_table", "coverage_against_size", "predicted_against_measured", "widths_against_size"),
    "convergence": ("accuracy_against_draws", "accuracy_beyond", "is_judged"),
    "form": ("FormCounts", "evidence_histogram", "form_counts", "form_evidence", "points_with_form"),
    "loss": ("likelihood_surface", "loss_curve"),
    "bars": ("class_balance", "target_histogram"),
    "curves": ("LawLine", "RankLine", "draws_and_law", "law_line", "rank_line", "rank_over_sizes"),
    "fits": ("distributions", "fits_table", "points_with_status", "rank_agreement_map", "status_bars", "statuses_of"),
    "histograms": ("Bins", "bin_values", "histogram"),
    "images": ("record_image",),
    "quantities": ("QUANTITIES", "Quantity", "fitted_count", "quantity"),
    "ranking": ("picked_values",),
    "scatter": ("ClassCorrelation", "boundary_scatter", "correlation_by_class", "law_scatter"),
    "selecting": ("is_dense", "points_between", "points_in_box"),
    "tables": ("filter_points", "point_record", "points_table", "status_table"),
    "two_fits": (
        "Paired",
        "change_groups",
        "class_groups",
        "fit_against_fit",
        "moved_table",
        "paired",
        "points_that_moved",
        "points_with_change",
        "transition_table",
    ),
    "validation": ("accuracy_against_size", "curves_by_quantile", "r2_histogram"),
}
_HOME_OF = {name: f"dscale_core.figures.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dscale_core.figures' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

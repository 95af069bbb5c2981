"""Figures and tables of results: arrays and frozen records in, plotly figures and frames out.

Every function is pure. Axis titles carry units; hovers name the point; `customdata` of a point mark is the stable point
id (its index in the pool), never a position in a trace. Colours are left to the surrounding theme: a figure names none but
the neutral grey of its guide lines. Names load on first use, so that importing this package does not import plotly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dscale_core.figures.bars import class_balance, target_histogram
    from dscale_core.figures.curves import LawLine, RankLine, draws_and_law, law_line, rank_line, rank_over_sizes
    from dscale_core.figures.histograms import Bins, bin_values, histogram
    from dscale_core.figures.images import record_image
    from dscale_core.figures.quantities import QUANTITIES, Quantity, fitted_count, quantity
    from dscale_core.figures.ranking import picked_values
    from dscale_core.figures.scatter import ClassCorrelation, boundary_scatter, correlation_by_class, law_scatter
    from dscale_core.figures.selecting import is_dense, points_between, points_in_box
    from dscale_core.figures.tables import filter_points, point_record, points_table, status_table
    from dscale_core.figures.validation import accuracy_against_size, curves_by_quantile, r2_histogram

__all__ = [
    "QUANTITIES",
    "Bins",
    "ClassCorrelation",
    "LawLine",
    "Quantity",
    "RankLine",
    "accuracy_against_size",
    "bin_values",
    "boundary_scatter",
    "class_balance",
    "correlation_by_class",
    "curves_by_quantile",
    "draws_and_law",
    "filter_points",
    "fitted_count",
    "histogram",
    "is_dense",
    "law_line",
    "law_scatter",
    "picked_values",
    "point_record",
    "points_between",
    "points_in_box",
    "points_table",
    "quantity",
    "r2_histogram",
    "rank_line",
    "rank_over_sizes",
    "record_image",
    "status_table",
    "target_histogram",
]

_HOMES = {
    "bars": ("class_balance", "target_histogram"),
    "curves": ("LawLine", "RankLine", "draws_and_law", "law_line", "rank_line", "rank_over_sizes"),
    "histograms": ("Bins", "bin_values", "histogram"),
    "images": ("record_image",),
    "quantities": ("QUANTITIES", "Quantity", "fitted_count", "quantity"),
    "ranking": ("picked_values",),
    "scatter": ("ClassCorrelation", "boundary_scatter", "correlation_by_class", "law_scatter"),
    "selecting": ("is_dense", "points_between", "points_in_box"),
    "tables": ("filter_points", "point_record", "points_table", "status_table"),
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

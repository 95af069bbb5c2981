"""Figures and tables of results: arrays and frozen records in, plotly figures and frames out.

Every function is pure. Axis titles carry units; hovers name the point; `customdata` of a point mark is the stable point
id (its index in the pool), never a position in a trace. Colours are left to the surrounding theme: a figure names none but
the neutral grey of its guide lines. Names load on first use, so that importing this package does not import plotly.
"""

from __future__ import annotations

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

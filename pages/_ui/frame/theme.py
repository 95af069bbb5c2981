"""The one place where a colour of the theme is named.

Charts get their colours from `.streamlit/config.toml` by themselves. Only where a figure must spread an ordered scale over
lines does it need them by name: Streamlit's browser part replaces these placeholders by the theme's sequential colours, so a
switch between light and dark needs no rerun.
"""

from __future__ import annotations

__all__ = ["SEQUENTIAL"]

SEQUENTIAL = tuple(f"#0000{number}" for number in range(11, 21))

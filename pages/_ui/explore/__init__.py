"""The parts of the Explore page."""

from pages._ui.explore.inspector import inspector as inspector

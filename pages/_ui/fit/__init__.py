"""The parts of the Fit page."""

from pages._ui.fit.fit_choice import forget_links as forget_links
from pages._ui.fit.fit_controls import fit_controls as fit_controls
from pages._ui.fit.one_fit import one_fit as one_fit
from pages._ui.fit.side_by_side import side_by_side as side_by_side
from pages._ui.fit.two_fits import two_fits as two_fits

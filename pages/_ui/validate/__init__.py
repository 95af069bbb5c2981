"""The questions of the Validate page, one module each with `show`."""

from pages._ui.validate import beyond as beyond
from pages._ui.validate import by_draws as by_draws
from pages._ui.validate import by_form as by_form
from pages._ui.validate import by_interval as by_interval
from pages._ui.validate import by_loss as by_loss
from pages._ui.validate import by_point as by_point
from pages._ui.validate import by_rows as by_rows
from pages._ui.validate import by_size as by_size
from pages._ui.validate.questions import which_draws as which_draws

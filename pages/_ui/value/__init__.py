"""The parts of the Value page."""

from pages._ui.value.ask import choose_value as choose_value
from pages._ui.value.ask import compute as compute
from pages._ui.value.kept import newest as newest
from pages._ui.value.kept import show_value as show_value

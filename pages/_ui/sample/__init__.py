"""The parts of the Sample page."""

from pages._ui.sample.cost_panel import show_cost as show_cost
from pages._ui.sample.first_picture import show_exponents as show_exponents
from pages._ui.sample.first_picture import show_preview as show_preview
from pages._ui.sample.held_out_draws import choose_validation as choose_validation
from pages._ui.sample.noise_panel import has_seed as has_seed
from pages._ui.sample.noise_panel import show_noise as show_noise
from pages._ui.sample.recipe import check_recipe as check_recipe
from pages._ui.sample.recipe import choose_recipe as choose_recipe
from pages._ui.sample.recipe import choose_workers as choose_workers
from pages._ui.sample.valuation_choice import explain_valuation as explain_valuation
from pages._ui.sample.valuation_choice import say_resolved as say_resolved

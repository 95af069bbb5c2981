"""The parts of the Pick page."""

from pages._ui.pick.addition import show_addition as show_addition
from pages._ui.pick.kept_list import choose_list as choose_list
from pages._ui.pick.kept_list import show_list as show_list
from pages._ui.pick.left_out import show_left_out as show_left_out
from pages._ui.pick.proof import show_proof as show_proof
from pages._ui.pick.question import ask_for_list as ask_for_list
from pages._ui.pick.top_of_ranking import show_top as show_top

"""The parts of the home page."""

from pages._ui.home.study_cards import study_cards as study_cards

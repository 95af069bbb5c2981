"""What frames every page: its head, its errors, the study, fit and size it is about, words and colours."""

from pages._ui.frame.context import choose_fit as choose_fit
from pages._ui.frame.context import choose_size as choose_size
from pages._ui.frame.context import choose_study as choose_study
from pages._ui.frame.context import set_study as set_study
from pages._ui.frame.page import PAGES as PAGES
from pages._ui.frame.page import begin_page as begin_page
from pages._ui.frame.page import empty_state as empty_state
from pages._ui.frame.page import errors_shown as errors_shown
from pages._ui.frame.theme import SEQUENTIAL as SEQUENTIAL
from pages._ui.frame.words import duration as duration
from pages._ui.frame.words import memory as memory

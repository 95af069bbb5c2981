"""The parts of the Data page."""

from pages._ui.data.dataset_view import choose_builtin as choose_builtin
from pages._ui.data.dataset_view import choose_dataset as choose_dataset
from pages._ui.data.dataset_view import describe as describe
from pages._ui.data.dataset_view import keep_table as keep_table
from pages._ui.data.dataset_view import kept_table as kept_table
from pages._ui.data.uploads import ENDINGS as ENDINGS
from pages._ui.data.uploads import dataset_name as dataset_name
from pages._ui.data.uploads import kept as kept
from pages._ui.data.uploads import with_file as with_file

"""Selecting points: the shared selection, and the charts and tables that show and change it."""

from pages._ui.selecting import selection as selection
from pages._ui.selecting.charts import box_chart as box_chart
from pages._ui.selecting.charts import brushable_boundary as brushable_boundary
from pages._ui.selecting.charts import brushable_histogram as brushable_histogram
from pages._ui.selecting.charts import brushable_laws as brushable_laws
from pages._ui.selecting.charts import plain_chart as plain_chart
from pages._ui.selecting.charts import scatter_chart as scatter_chart
from pages._ui.selecting.points_table import column_settings as column_settings
from pages._ui.selecting.points_table import points_table as points_table
from pages._ui.selecting.summary_line import selection_line as selection_line
from pages._ui.selecting.table_parts import csv_button as csv_button
from pages._ui.selecting.table_parts import first_rows as first_rows

from .export import export_csv as export_csv
from .picking import pick as pick
from .ranking import rank_points as rank_points

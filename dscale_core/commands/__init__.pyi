from .addition import add_addition as add_addition
from .choose_and_verify import add_choose as add_choose
from .choose_and_verify import add_verify as add_verify
from .output import PercentMeter as PercentMeter
from .output import write_out as write_out

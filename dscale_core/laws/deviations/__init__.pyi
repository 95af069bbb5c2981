from .around_guide import around as around
from .around_guide import around_by_share as around_by_share
from .around_guide import shrunk as shrunk
from .around_guide import with_helpful_guide as with_helpful_guide
from .around_guide import with_misfit as with_misfit
from .control_variate import LEAST_DRAWS as LEAST_DRAWS
from .control_variate import guide_from_surrogate as guide_from_surrogate
from .projection import projected as projected
